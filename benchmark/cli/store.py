"""`bench check` and `bench clean`: whether what is stored is whole, and what nobody needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.errors import Json, say_out, show_text, speaking
from benchmark.core.filenames import printable
from benchmark.core.looking import looking

if TYPE_CHECKING:  # loads OpenCV
    from benchmark.recompute import Recomputed
    from benchmark.store.check import Finding
    from benchmark.store.clean import Removal

Place = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Folder of stored answers, or s3://...",
        show_default="the run's, else the cache folder",
    ),
]


def check(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Also look a run's folder over.")
    ] = None,
    store: Place = None,
    recompute: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Also compute N answers of RUN anew, or of the runs below runs/ that use the "
            "store, drawn at random, and compare.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="From which --recompute draws.")] = 0,
    allow_plugins: Annotated[
        bool,
        typer.Option(
            "--allow-plugins",
            help="--recompute also runs models and metrics that are not of this project.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find damaged, missing and orphaned files and rows of a store, or of a run's folder.

    Damaged answers are dropped, so that the command that needs them makes them anew. Exit status 0:
    all is well. 1: something was found; a line each.

    Examples:

      bench check

      bench check results --store answers

      bench check merged --recompute 20
    """
    with speaking():
        from benchmark.core.paths import home
        from benchmark.results.store_location import store_elsewhere, store_or_default

        place = store or (store_or_default(run) if run else home() / "store")
        if run and not store and (elsewhere := store_elsewhere(run)):
            line = f"{run}: its store {elsewhere} is not here; {place} is looked at."
            typer.echo(printable(line), err=True)
        found = []
        for finding in _looked_over(run, place):
            found.append(finding)
            if not as_json:
                say_out(finding.line)
        told: dict[str, object] = {}
        if recompute:
            made = _recomputed(run, place, recompute, seed, allow_plugins=allow_plugins)
            found += made.findings
            told = made.document(seed)
            for line in (
                () if as_json else (*(one.line for one in made.findings), *made.lines(seed))
            ):
                say_out(line)
        if as_json:
            findings = [asdict(finding) for finding in found]
            show_text({"findings": findings, "recomputed": told} if recompute else findings)
        elif not found:
            say_out("All is well.")
        raise typer.Exit(1 if found else 0)


def _looked_over(run: Path | None, place: str | Path) -> Iterator[Finding]:
    from benchmark.results.checksums import check_run
    from benchmark.store.check import check_store, origins_of

    with looking():
        yield from check_run(run) if run else ()
        yield from check_store(place)
        for origin, count in origins_of(place).items():
            typer.echo(f"{count} of its answers were merged from {printable(origin)}.", err=True)


def _recomputed(
    run: Path | None, place: str | Path, count: int, seed: int, *, allow_plugins: bool
) -> Recomputed:
    from benchmark.recompute import recompute as compute
    from benchmark.results.run_list import runs_of

    runs = [run] if run else runs_of(place)
    return compute(runs, place, count, seed=seed, allow_plugins=allow_plugins)


def clean(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[RUN]...", help="Folders of runs.", show_default="all below runs/"),
    ] = None,
    store: Place = None,
    unneeded: Annotated[
        bool, typer.Option("--unneeded", help="Also answers that none of the runs needs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only tell what would be removed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove drafts and orphans that killed runs left, and databases put aside by 'bench check'.

    Examples:

      bench clean --dry-run

      bench clean results --unneeded
    """
    with speaking(), looking():
        from benchmark.core.errors import DataError
        from benchmark.core.paths import home
        from benchmark.results.required_keys import needed_by
        from benchmark.results.store_location import store_or_default
        from benchmark.store.clean import clean_folder, clean_store
        from benchmark.store.store import Store, absolute, is_store

        folders = runs or sorted(path.parent for path in Path("runs").glob("*/plan.toml"))
        wanted = [store] if store else [store_or_default(one) for one in folders]
        wanted += [] if store or runs else [home() / "store"]
        places = [one for one in dict.fromkeys(map(absolute, wanted)) if is_store(one)]
        if not places:
            missing = wanted[0]
            raise DataError(f"{missing}: is no store of answers; name one with --store")
        needed = needed_by(folders) if unneeded else None
        if unneeded and not store:
            _refuse_of_others(folders, places, needed or set())
        removed = [one for at in folders for one in clean_folder(at, dry_run=dry_run)]
        for place in places:
            with Store(place) as answers:
                removed += clean_store(answers, needed=needed, dry_run=dry_run)
        show_text([asdict(one) for one in removed] if as_json else _said(removed, dry_run=dry_run))


def _refuse_of_others(folders: list[Path], places: list[str], needed: set[str]) -> None:
    """Refuse to clean a store that is none of the runs': another's run names it by its own home.

    Raises:
        DataError: naming the run or the store.
    """
    from benchmark.core.errors import DataError
    from benchmark.results.store_location import store_elsewhere
    from benchmark.store.store import Store

    for folder in folders:
        if elsewhere := store_elsewhere(folder):
            raise DataError(
                f"{folder}: its store {elsewhere} is not here; name one with --store. Nothing was "
                "removed"
            )
    for place in places:
        with Store(place, foreign=True) as answers:
            if not answers.known(list(needed)):
                raise DataError(
                    f"{place}: has no answer that these runs need, so it seems to be another's; "
                    "name it with --store. Nothing was removed"
                )


def _said(removed: list[Removal], *, dry_run: bool) -> str:
    kinds = Counter(one.kind for one in removed)
    parts = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items())]
    size = sum(one.size for one in removed)
    done = "Would remove" if dry_run else "Removed"
    return f"{done} {', '.join(parts) or 'nothing'}: {size:,} bytes."
