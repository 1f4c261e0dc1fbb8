"""`bench list`, `show`, `doctor`, `verify`: what there is, and whether it is what it was."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, pair_of, show_text, speaking


def list_(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[WHAT]",
            help="inpainters, detectors, metrics, datasets or plans alone; or runs: those below "
            "runs/, with their stores.",
            show_default="all but runs",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List inpainters, detectors, metrics, data sets and plans, or the runs there are.

    Examples:

      bench list --json

      bench list runs
    """
    with speaking():
        if what == "runs":
            from benchmark.results.run_list import list_runs, runs_text

            runs = list_runs()
            show_text([asdict(one) for one in runs] if as_json else runs_text(runs))
            return
        from benchmark.core.errors import UnknownName
        from benchmark.listing import listing, listing_text

        found = listing()
        if what is not None and what not in found:
            raise UnknownName("list", what, [*found, "runs"])
        shown = {what: found[what]} if what else found
        show_text(shown if as_json else listing_text(shown))


def show(
    name: Annotated[str, typer.Argument(help="A model, metric, data set or plan.")],
    as_json: Json = False,
) -> None:
    """Show a model's card, or what a metric, data set or plan is.

    Examples:

      bench show trufor

      bench show auc
    """
    with speaking():
        from benchmark.explain import explain, explained

        show_text(explain(name) if as_json else explained(name))


def doctor(
    store: Annotated[
        str | None,
        typer.Option(help="Folder of stored answers.", show_default="the cache folder"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Look this machine over: what is here, what is missing, and the command that gets it.

    Exit status 0: a run can start. 1: something it needs is missing.

    Example:

      bench doctor
    """
    with speaking():
        from benchmark.doctor import examine, findings_text

        findings = examine(store)
        show_text([asdict(one) for one in findings] if as_json else findings_text(findings))
        raise typer.Exit(1 if any(one.needed for one in findings) else 0)


def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Models; default: all.")
    ] = None,
    goldens: Annotated[
        Path | None,
        typer.Option(help="Folder of reference outputs.", show_default="../shared/goldens"),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="MODEL=official|mini|PATH; may be repeated.", show_default="all that are here"
        ),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Store what the models answer now.")
    ] = False,
    answers: Annotated[
        Path | None, typer.Option(help="File of stored answers.", show_default="your own")
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that models answer what they should: the reference outputs, and answers stored before.

    Exit status 0: all is well. 1: something drifted; the first point that moved is named.

    Examples:

      bench verify

      bench verify trufor --goldens ../shared/reference outputs

      bench verify --record lama --weights lama=big-lama
    """
    with speaking():
        from benchmark.verify.checks import Request, conclude, run

        request = Request(
            names=tuple(names or ()),
            goldens=goldens,
            weights=dict(pair_of(text) for text in weights or ()),
            answers=answers,
        )
        checks = []
        for check in run(request, record=record):
            checks.append(check)
            if not as_json:
                typer.echo(check.line)
        if as_json:
            show_text([asdict(check) for check in checks])
        raise typer.Exit(conclude(checks))
