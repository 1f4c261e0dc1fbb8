"""`bench list`, `bench show`, `bench doctor` and `bench verify`."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, handle_errors, parse_weights, print_result


def list_(
    what: Annotated[
        str | None,
        typer.Argument(
            metavar="[WHAT]",
            help="Only inpainters, detectors, metrics, datasets, launders or plans; or runs: those "
            "below runs/ and their stores.",
            show_default="all but runs",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List models, metrics, data sets, post-processing steps and plans, or the runs here.

    Examples:

      bench list --json

      bench list runs
    """
    with handle_errors():
        if what == "runs":
            from benchmark.results.run_list import list_runs, runs_text

            runs = list_runs()
            print_result([asdict(one) for one in runs] if as_json else runs_text(runs))
            return
        from benchmark.core.errors import UnknownName
        from benchmark.listing import listing, listing_text

        found = listing()
        if what is not None and what not in found:
            raise UnknownName("list", what, [*found, "runs"])
        shown = {what: found[what]} if what else found
        print_result(shown if as_json else listing_text(shown))


def show(
    name: Annotated[
        str, typer.Argument(help="A model, metric, data set, post-processing step or plan.")
    ],
    as_json: Json = False,
) -> None:
    """Show the card of a model, or describe a metric, data set, post-processing step or plan.

    Examples:

      bench show trufor

      bench show auc
    """
    with handle_errors():
        from benchmark.explain import explain, explained

        print_result(explain(name) if as_json else explained(name))


def doctor(
    store: Annotated[
        str | None,
        typer.Option(help="Store of outputs.", show_default="the cache folder"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check this machine: what is installed, what is missing, and the command that installs it.

    Exit status 0: a run can start. 1: a requirement is missing.

    Example:

      bench doctor
    """
    with handle_errors():
        from benchmark.doctor import checks_text, run_checks

        checks = run_checks(store)
        print_result([asdict(one) for one in checks] if as_json else checks_text(checks))
        raise typer.Exit(1 if any(one.needed for one in checks) else 0)


def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Models to check; default: all.")
    ] = None,
    goldens: Annotated[
        Path | None,
        typer.Option(help="Folder of reference outputs.", show_default="../shared/goldens"),
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="Weights to check: MODEL=official|mini|PATH. May be repeated.",
            show_default="all that are installed",
        ),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record", help="Store the present outputs of the models.")
    ] = False,
    answers: Annotated[
        Path | None,
        typer.Option(help="File of stored outputs.", show_default="a file in the data folder"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check that models still compute the reference outputs and the outputs stored before.

    Exit status 0: no differences. 1: an output differs; the first layer that differs is named.

    Examples:

      bench verify

      bench verify trufor --goldens ../shared/goldens

      bench verify --record lama --weights lama=big-lama
    """
    with handle_errors():
        from benchmark.verify.checks import Request, conclude, run

        request = Request(
            names=tuple(names or ()),
            goldens=goldens,
            weights=dict(map(parse_weights, weights or ())),
            answers=answers,
        )
        checks = []
        for check in run(request, record=record):
            checks.append(check)
            if not as_json:
                typer.echo(check.line)
        if as_json:
            print_result([asdict(check) for check in checks])
        raise typer.Exit(conclude(checks))
