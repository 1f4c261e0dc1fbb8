"""`bench train`: one model, or a whole edition."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.errors import show_text, speaking
from benchmark.core.errors import BadInput

if TYPE_CHECKING:  # loads torch
    from benchmark.training import TrainResult
    from benchmark.training.editions import Edition


def train(
    *,
    name: Annotated[
        str | None, typer.Argument(help="A model that has recipes.", show_default="with --edition")
    ] = None,
    data: Annotated[Path, typer.Option(help="Folder of images, or one.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log and weights.")],
    recipe: Annotated[
        str | None, typer.Option(help="mini, paper, or a TOML file.", show_default="mini")
    ] = None,
    edition: Annotated[
        str | None, typer.Option(help="Instead of NAME: all models of an edition, such as mini.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(help="With --edition: these models, with commas between.")
    ] = None,
    jobs: Annotated[
        int, typer.Option(help="With --edition: models side by side on the device.")
    ] = 1,
    masks: Annotated[
        Path | None,
        typer.Option(help="Folder of masks, white = hole, or one.", show_default="drawn"),
    ] = None,
    device: Annotated[
        str, typer.Option(help="A torch device, or several, such as cuda:0,cuda:1.")
    ] = "cpu",
    devices: Annotated[
        int, typer.Option(help="Devices that share each batch, with --device cuda or cpu.")
    ] = 1,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Processes that prepare batches ahead, for each device.",
            show_default="0 on CPUs, up to 2 on a GPU",
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write the log for TensorBoard.")
    ] = False,
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Try everything with a tiny network, in seconds.")
    ] = False,
    allow_test_photos: Annotated[
        bool,
        typer.Option("--allow-test-photos", help="Learn from test images; it is noted."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print lines of JSON: rows of the log, then the result.")
    ] = False,
) -> None:
    """Train a model from scratch, or go on with the run in --out.

    Examples:

      bench train safepaint --data images --out trained --smoke

      bench train safepaint --recipe paper --data places2 --masks irregular --out trained

      bench train --edition mini --data images --out trained
    """
    with speaking():
        from benchmark.training import Folders, TrainOptions
        from benchmark.training import train as train_model

        folders = Folders(photographs=data, masks=masks, allow_test_photos=allow_test_photos)
        running = TrainOptions(
            device=device,
            devices=devices,
            workers=workers,
            tensorboard=tensorboard,
            as_json=as_json,
        )
        if edition is not None:
            if name is not None or recipe is not None:
                raise BadInput(
                    "--edition trains every model by its own recipe: leave out "
                    f"{'the name' if name is not None else '--recipe'}"
                )
            from benchmark.training.editions import Edition

            chosen = Edition(name=edition, data=folders, out=out, running=running, smoke=smoke)
            _train_edition(chosen, only, jobs)
            return
        if name is None:
            raise BadInput("which model? Give a name ('bench list' shows them) or --edition mini")
        if only is not None or jobs != 1:
            raise BadInput("--only and --jobs go with --edition")
        done = train_model(
            name, recipe=recipe or "mini", data=folders, out=out, running=running, smoke=smoke
        )
        if not done.finished:
            raise KeyboardInterrupt
        _conclude(done, as_json=as_json)


def _conclude(done: TrainResult, *, as_json: bool) -> None:
    if as_json:
        from benchmark.training.logger import tell

        tell({name: value for name, value in asdict(done).items() if name != "official"})
        return
    show_text(
        f"{done.model}: {done.steps} steps, {done.seconds:.0f} s; weights: {done.weights}; "
        f"facts and card: {done.facts}"
    )


def _train_edition(edition: Edition, only: str | None, jobs: int) -> None:
    """A line a model; status 1 where one failed."""
    from benchmark.training.editions import train_edition

    names = [name.strip() for name in only.split(",")] if only else []
    failed = stopped = False
    for member in train_edition(edition, names=names, jobs=jobs):
        typer.echo(member.line)
        failed |= bool(member.failure)
        stopped |= member.stopped
    if stopped:
        raise KeyboardInterrupt
    if failed:
        raise typer.Exit(1)
