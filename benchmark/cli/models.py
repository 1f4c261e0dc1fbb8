"""`bench list`, `show` and `verify`: what there is, and whether it is what it was."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.speaking import Json, pair_of, show_text, speaking


def list_(as_json: Json = False) -> None:
    """List inpainters, detectors, metrics, data sets and plans.

    Example:

      bench list --json
    """
    with speaking():
        from benchmark.listing import listing, listing_text

        show_text(listing() if as_json else listing_text())


def show(
    name: Annotated[str, typer.Argument(help="An inpainter or detector.")], as_json: Json = False
) -> None:
    """Show a model's card: paper, licence, checkpoints, what its score means.

    Example:

      bench show trufor
    """
    with speaking():
        from benchmark.listing import card_text, find_card

        show_text(find_card(name) if as_json else card_text(name))


def verify(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Models; default: all.")
    ] = None,
    goldens: Annotated[
        Path | None, typer.Option(help="Folder of goldens.", show_default="../shared/goldens")
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
    """Check that models answer what they should: the goldens, and answers stored before.

    Exit status 0: all is well. 1: something drifted; the first point that moved is named.

    Examples:

      bench verify

      bench verify trufor --goldens ../shared/goldens

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
