"""`bench check` and `bench clean`: find damaged outputs, remove unneeded files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.errors import Json, handle_errors, print_line, print_result
from benchmark.core.filenames import printable
from benchmark.core.inspecting import inspecting

if TYPE_CHECKING:  # loads OpenCV
    from benchmark.recomputed import Recomputed
    from benchmark.store.check import StoreFinding
    from benchmark.store.clean import Removal

Place = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Store of outputs: a folder, or s3://bucket/prefix.",
        show_default="the run's, else the cache folder",
    ),
]


def check(
    run: Annotated[
        Path | None, typer.Argument(metavar="[RUN]", help="Also check the folder of this run.")
    ] = None,
    store: Place = None,
    recompute: Annotated[
        int,
        typer.Option(
            min=0,
            metavar="N",
            help="Also recompute N random outputs of RUN, or of the runs below runs/ that use the "
            "store, and compare.",
        ),
    ] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Random seed of --recompute.")] = 0,
    allow_plugins: Annotated[
        bool,
        typer.Option(
            "--allow-plugins",
            help="Allow --recompute to run models and metrics of plugins.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Find damaged, missing and orphaned files and rows of a store, or of the folder of a run.

    Damaged outputs are removed, so that the next run that needs them recomputes them. Exit status
    0: no problems found. 1: problems found, one per line.

    Examples:

      bench check

      bench check results --store outputs

      bench check merged --recompute 20
    """
    with handle_errors():
        from benchmark.core.paths import home
        from benchmark.results.store_location import store_elsewhere, store_or_default

        place = store or (store_or_default(run) if run else home() / "store")
        if run and not store and (elsewhere := store_elsewhere(run)):
            line = f"{run}: its store {elsewhere} does not exist; checking {place}."
            typer.echo(printable(line), err=True)
        found = []
        for finding in _check(run, place):
            found.append(finding)
            if not as_json:
                print_line(finding.line)
        recomputed: dict[str, object] = {}
        if recompute:
            made = _recompute(run, place, recompute, seed, allow_plugins=allow_plugins)
            found += made.findings
            recomputed = made.document(seed)
            lines = [one.line for one in made.findings] + list(made.lines(seed))
            for line in () if as_json else lines:
                print_line(line)
        if as_json:
            findings = [asdict(finding) for finding in found]
            print_result(
                {"findings": findings, "recomputed": recomputed} if recompute else findings
            )
        elif not found:
            print_line("No problems found.")
        raise typer.Exit(1 if found else 0)


def _check(run: Path | None, place: str | Path) -> Iterator[StoreFinding]:
    from benchmark.results.checksums import check_run
    from benchmark.store.check import check_store, origins_of

    with inspecting():
        yield from check_run(run) if run else ()
        yield from check_store(place)
        for origin, count in origins_of(place).items():
            typer.echo(f"{count} outputs were merged from {printable(origin)}.", err=True)


def _recompute(
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
        bool, typer.Option("--unneeded", help="Also remove outputs that none of the runs needs.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print what would be removed.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Remove temporary files and orphans of killed runs, and databases set aside by 'bench check'.

    Without RUN and --store also networks converted for another version of an engine (--engine).

    Examples:

      bench clean --dry-run

      bench clean results --unneeded
    """
    with handle_errors(), inspecting():
        from benchmark.core.errors import DataError
        from benchmark.core.paths import home
        from benchmark.results.required_keys import needed_by
        from benchmark.results.store_location import store_or_default
        from benchmark.store.clean import clean_engines, clean_folder, clean_store
        from benchmark.store.store import Store, absolute, is_store

        folders = runs or sorted(path.parent for path in Path("runs").glob("*/plan.toml"))
        wanted = [store] if store else [store_or_default(one) for one in folders]
        wanted += [] if store or runs else [home() / "store"]
        places = [one for one in dict.fromkeys(map(absolute, wanted)) if is_store(one)]
        if not places:
            missing = wanted[0]
            raise DataError(f"{missing}: is not a store; name one with --store")
        needed = needed_by(folders) if unneeded else None
        if unneeded and not store:
            _refuse_unrelated(folders, places, needed or set())
        removed = [one for at in folders for one in clean_folder(at, dry_run=dry_run)]
        if not runs and not store:
            removed += clean_engines(dry_run=dry_run)
        for place in places:
            with Store(place) as opened:
                removed += clean_store(opened, needed=needed, dry_run=dry_run)
        print_result(
            [asdict(one) for one in removed] if as_json else _summary(removed, dry_run=dry_run)
        )


def _refuse_unrelated(folders: list[Path], places: list[str], needed: set[str]) -> None:
    """Refuse to remove outputs from a store that does not belong to the runs.

    A run that was copied here names its store relative to the home folder of another user.

    Raises:
        DataError: naming the run or the store.
    """
    from benchmark.core.errors import DataError
    from benchmark.results.store_location import store_elsewhere
    from benchmark.store.store import Store

    for folder in folders:
        if elsewhere := store_elsewhere(folder):
            raise DataError(
                f"{folder}: its store {elsewhere} does not exist; name one with --store. Nothing "
                "was removed"
            )
    for place in places:
        with Store(place, read_only=True) as opened:
            if not opened.known(list(needed)):
                raise DataError(
                    f"{place}: has no output that these runs need, so it seems to belong to "
                    "others; name it with --store. Nothing was removed"
                )


def _summary(removed: list[Removal], *, dry_run: bool) -> str:
    kinds = Counter(one.kind for one in removed)
    parts = [f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(kinds.items())]
    size = sum(one.size for one in removed)
    done = "Would remove" if dry_run else "Removed"
    return f"{done} {', '.join(parts) or 'nothing'}: {size:,} bytes."
