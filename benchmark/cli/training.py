"""`bench train`: one model, or all models of a set of weights such as mini."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.errors import handle_errors, print_result
from benchmark.cli.run_options import BlackForged, LayoutName
from benchmark.core.errors import BadInput

DATA, ALL_MODELS, EXECUTION = "Data", "All models", "Execution"  # groups of options in the help

if TYPE_CHECKING:  # loads torch
    from benchmark.training import SetOptions, TrainResult
    from benchmark.training.editions import Edition


def train(
    *,
    name: Annotated[
        str | None,
        typer.Argument(help="Name of a model with recipes.", show_default="with --edition"),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of images, or one image.",
            show_default="none, with --forgeries",
            rich_help_panel=DATA,
        ),
    ] = None,
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log and weights.")],
    recipe: Annotated[
        str | None,
        typer.Option(
            help="Training configuration: mini, paper, made (detectors), text (safepaint), or a "
            "TOML file.",
            show_default="mini",
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            help="Weights to start from: official, mini, or a file.", show_default="from scratch"
        ),
    ] = None,
    edition: Annotated[
        str | None,
        typer.Option(
            help="Instead of NAME: train all models of a set of weights, such as mini.",
            rich_help_panel=ALL_MODELS,
        ),
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            help="With --edition: only these models, comma-separated.", rich_help_panel=ALL_MODELS
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            help="With --edition: models trained at the same time on the device.",
            rich_help_panel=ALL_MODELS,
        ),
    ] = 1,
    masks: Annotated[
        Path | None,
        typer.Option(
            help="Folder of masks (white = hole), or one mask.",
            show_default="random",
            rich_help_panel=DATA,
        ),
    ] = None,
    forgeries: Annotated[
        Path | None,
        typer.Option(
            help="For a detector: existing forgeries, beside --data or instead of it; a folder, a "
            "manifest (.csv), a list of pairs (.json) or a .parquet file.",
            rich_help_panel=DATA,
        ),
    ] = None,
    layout: LayoutName = None,
    black_forged: BlackForged = False,
    device: Annotated[
        str,
        typer.Option(
            help="Torch device, or several, such as cuda:0,cuda:1.", rich_help_panel=EXECUTION
        ),
    ] = "cpu",
    devices: Annotated[
        int,
        typer.Option(
            help="Number of devices that share each batch, with --device cuda or cpu.",
            rich_help_panel=EXECUTION,
        ),
    ] = 1,
    workers: Annotated[
        int | None,
        typer.Option(
            help="Data-loading processes per device.",
            show_default="0 on CPUs, up to 2 on a GPU",
            rich_help_panel=EXECUTION,
        ),
    ] = None,
    tensorboard: Annotated[
        bool, typer.Option("--tensorboard", help="Also write the log for TensorBoard.")
    ] = False,
    smoke: Annotated[
        bool,
        typer.Option("--smoke", help="Run all stages with a tiny network, in seconds."),
    ] = False,
    allow_test_photos: Annotated[
        bool,
        typer.Option(
            "--allow-test-photos",
            help="Allow training on test images; recorded in the weights.",
            rich_help_panel=DATA,
        ),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print lines of JSON: rows of the log, then the result.")
    ] = False,
) -> None:
    """Train a model from scratch or from weights, or resume the training in --out.

    Examples:

      bench train safepaint --data images --out trained --smoke

      bench train safepaint --recipe paper --data places2 --masks irregular --out trained

      bench train trufor --start official --forgeries casia2 --recipe own.toml --out tuned

      bench train --edition mini --data images --out trained
    """
    with handle_errors(resumes=True):
        from benchmark.training import Folders, TrainOptions
        from benchmark.training import train as train_model

        folders = Folders(
            photographs=data,
            masks=masks,
            forgeries=_forgeries(forgeries, layout, black_forged=black_forged),
            allow_test_photos=allow_test_photos,
            start=start,
        )
        running = TrainOptions(
            device=device,
            devices=devices,
            workers=workers,
            tensorboard=tensorboard,
            as_json=as_json,
        )
        if edition is not None:
            if name is not None or recipe is not None:
                given = "NAME" if name is not None else "--recipe"
                raise BadInput(f"--edition trains every model with its own recipe: omit {given}")
            if start is not None or forgeries is not None:
                given = "--start" if start is not None else "--forgeries"
                raise BadInput(f"--edition trains every model of an edition alike: omit {given}")
            if data is None:
                raise BadInput("expected --data DIR")
            from benchmark.training.editions import Edition

            chosen = Edition(name=edition, data=folders, out=out, running=running, smoke=smoke)
            _train_edition(chosen, only, jobs)
            return
        if name is None:
            raise BadInput("expected NAME (a model of 'bench list') or --edition mini")
        if only is not None or jobs != 1:
            raise BadInput("--only and --jobs require --edition")
        result = train_model(
            name,
            recipe=recipe or "mini",
            data=folders,
            out=out,
            running=running,
            smoke=smoke,
        )
        if not result.finished:
            raise KeyboardInterrupt
        _print_result(result, as_json=as_json)


def _forgeries(place: Path | None, layout: str | None, *, black_forged: bool) -> SetOptions | None:
    if place is None:
        if layout is not None or black_forged:
            raise BadInput(
                f"{'--layout' if layout else '--black-forged'} goes with --forgeries DIR"
            )
        return None
    from benchmark.training import SetOptions

    return SetOptions(place=place, layout=layout or "auto", black_forged=black_forged)


def _print_result(result: TrainResult, *, as_json: bool) -> None:
    if as_json:
        from benchmark.training.logger import tell

        tell({key: value for key, value in asdict(result).items() if key != "official"})
        return
    print_result(
        f"{result.model}: {result.steps} steps, {result.seconds:.0f} s; weights: "
        f"{result.weights}; facts and card: {result.facts}"
    )


def _train_edition(edition: Edition, only: str | None, jobs: int) -> None:
    """Print one line per model; exit with status 1 if one failed."""
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
