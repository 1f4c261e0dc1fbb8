"""`bench list`, `show`, `verify` and `train`: what there is, and whether it is what it was."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.speaking import Json, pair_of, show_text, speaking
from benchmark.core.errors import BadInput

if TYPE_CHECKING:  # loads torch
    from benchmark.training import Folders


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


def train(
    *,
    name: Annotated[
        str | None, typer.Argument(help="A model that has recipes.", show_default="with --edition")
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder of photographs.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log and weights.")],
    recipe: Annotated[
        str | None, typer.Option(help="mini, paper, or a TOML file.", show_default="mini")
    ] = None,
    edition: Annotated[
        str | None, typer.Option(help="Instead of NAME: all models of an edition, such as mini.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Folder of masks.", show_default="drawn")
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device, such as cuda:0.")] = "cpu",
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Try everything with a tiny network, in seconds.")
    ] = False,
    allow_test_photos: Annotated[
        bool,
        typer.Option("--allow-test-photos", help="Learn from test photographs; it is noted."),
    ] = False,
) -> None:
    """Train a model from scratch, or go on with the run in --out.

    Examples:

      bench train safepaint --data photographs --out trained --smoke

      bench train safepaint --recipe paper --data places2 --masks irregular --out trained

      bench train --edition mini --data photographs --out trained
    """
    with speaking():
        from benchmark.training import Folders
        from benchmark.training import train as train_model

        folders = Folders(photographs=data, masks=masks, allow_test_photos=allow_test_photos)
        if edition is not None:
            if name is not None or recipe is not None:
                raise BadInput(
                    "--edition trains every model by its own recipe: leave out "
                    f"{'the name' if name is not None else '--recipe'}"
                )
            _train_edition(edition, data=folders, out=out, device=device, smoke=smoke)
            return
        if name is None:
            raise BadInput("which model? Give a name ('bench list' shows them) or --edition mini")
        done = train_model(
            name, recipe=recipe or "mini", data=folders, out=out, device=device, smoke=smoke
        )
        if not done.finished:
            raise KeyboardInterrupt
        show_text(
            f"{done.model}: {done.steps} steps, {done.seconds:.0f} s; weights: {done.weights}"
        )


def _train_edition(edition: str, *, data: Folders, out: Path, device: str, smoke: bool) -> None:
    """A line a model; status 1 where one failed."""
    from benchmark.training.edition import train_edition

    failed = False
    for member in train_edition(edition, data=data, out=out, device=device, smoke=smoke):
        typer.echo(member.line)
        failed |= bool(member.failure)
        if member.stopped:
            raise KeyboardInterrupt
    if failed:
        raise typer.Exit(1)
