"""The `bench` command: parse, call one public function, print. Imports wait in the functions."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from benchmark.core.errors import BadInput, BenchError

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Can a forgery detector still find what an inpainting model painted?",
    epilog="First run: bench run --inpainter safepaint --detector trufor",
)
weights_app = typer.Typer(
    help="List, add and fetch checkpoints. Nothing is downloaded unless 'fetch' is called.",
    epilog="Example: bench weights add trufor trufor.pth.tar",
    invoke_without_command=True,
)
app.add_typer(weights_app, name="weights")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]


class _Terminated(KeyboardInterrupt):
    """SIGTERM: stop as for Ctrl-C, with the exit status that belongs to it."""


@app.command()
def run(
    plan: Annotated[
        Path | None, typer.Argument(help="A plan in TOML; options replace its keys.")
    ] = None,
    inpainter: Annotated[
        str | None, typer.Option(help="Inpainters, with commas between.", show_default="safepaint")
    ] = None,
    detector: Annotated[
        str | None, typer.Option(help="Detectors, with commas, or 'none'.", show_default="trufor")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="samples (ships with the bench) or folder.")
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of pictures; implies --dataset folder.")
    ] = None,
    masks: Annotated[
        Path | None, typer.Option(help="Folder of masks, white = hole; default: drawn masks.")
    ] = None,
    mask_polarity: Annotated[
        str | None, typer.Option(help="white-hole, black-hole or auto.")
    ] = None,
    pairing: Annotated[
        str | None, typer.Option(help="Masks by 'name', 'drawn' by bucket, or 'auto'.")
    ] = None,
    margin: Annotated[
        int | None, typer.Option(help="Border kept free of drawn holes, in pixels at 256.")
    ] = None,
    buckets: Annotated[
        str | None, typer.Option(help="Hole shares in percent.", show_default="10-20,30-40,50-60")
    ] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Metrics, with commas.", show_default="auc,f1,acc,psnr,lpips")
    ] = None,
    weights: Annotated[
        list[str] | None,
        typer.Option(
            help="MODEL=official|mini|PATH; may be repeated.", show_default="official, else mini"
        ),
    ] = None,
    size: Annotated[
        str | None, typer.Option(help="Side in pixels, or native.", show_default="256")
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Only the first so many pictures.")] = None,
    seed: Annotated[
        int | None, typer.Option(help="Masks and all that is random.", show_default="0")
    ] = None,
    rounding: Annotated[
        str | None, typer.Option(help="even, or authors: each program's own.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for results.", show_default="runs/<time>")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(help="Folder for stored answers.", show_default="the cache folder"),
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device, such as cuda:0.")] = "cpu",
    batch_size: Annotated[int, typer.Option(min=1, help="Samples a model sees at once.")] = 1,
    strict: Annotated[
        bool, typer.Option("--strict", help="A picture or mask that cannot be used ends the run.")
    ] = False,
    save_images: Annotated[
        bool, typer.Option("--save-images", help="Also write pictures, masks and heatmaps.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Let inpainters paint, let detectors look, and print the table.

    Only what the store lacks is computed: the same command again resumes a stopped run.

    Examples:

      bench run --inpainter safepaint --detector trufor

      bench run --inpainter safepaint,telea,original --detector trufor,flatness --images photos

      bench run plan.toml --device cuda:0 --batch-size 8 --out results
    """
    values = _plan_values(locals())
    with _speaking():
        from benchmark.api import run as run_plan
        from benchmark.console import announce, default_folder, show_record, watch
        from benchmark.runner.execute import Settings
        from benchmark.runner.plan import Plan, make_plan

        base = Plan.load(plan).model_dump(exclude_unset=True) if plan else {}
        chosen = make_plan({**base, **values}, where="options")
        announce(chosen)
        with watch() as notify:
            record = run_plan(
                chosen,
                out=out or default_folder(),
                store=store,
                device=device,
                settings=Settings(batch=batch_size, strict=strict),
                save_images=save_images,
                notify=notify,
            )
        show_record(record, as_json=as_json)
        if not record.complete:
            raise typer.Exit(1)


@app.command()
def train(
    name: Annotated[str, typer.Argument(help="safepaint or trufor.")],
    data: Annotated[Path, typer.Option(help="Folder of photographs.")],
    out: Annotated[Path, typer.Option(help="Folder for checkpoints, log and weights.")],
    recipe: Annotated[str, typer.Option(help="mini, paper, or a TOML file.")] = "mini",
    masks: Annotated[
        Path | None, typer.Option(help="Folder of masks.", show_default="drawn")
    ] = None,
    device: Annotated[str, typer.Option(help="A torch device, such as cuda:0.")] = "cpu",
    smoke: Annotated[
        bool, typer.Option("--smoke", help="Try everything with a tiny network, in seconds.")
    ] = False,
) -> None:
    """Train a model from scratch, or go on with the run in --out.

    Examples:

      bench train safepaint --data photographs --out trained --smoke

      bench train safepaint --recipe paper --data places2 --masks irregular --out trained
    """
    with _speaking():
        from benchmark.training import train as train_model

        done = train_model(
            name, recipe=recipe, data=data, masks=masks, out=out, device=device, smoke=smoke
        )
        if not done.finished:
            raise KeyboardInterrupt
        _print(f"{done.model}: {done.steps} steps, {done.seconds:.0f} s; weights: {done.weights}")


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List inpainters, detectors, metrics and data sets.

    Example:

      bench list --json
    """
    with _speaking():
        from benchmark.listing import listing, listing_text

        _print(listing() if as_json else listing_text())


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="An inpainter or detector.")], as_json: Json = False
) -> None:
    """Show a model's card: paper, licence, checkpoints, what its score means.

    Example:

      bench show trufor
    """
    with _speaking():
        from benchmark.listing import card_text, find_card

        _print(find_card(name) if as_json else card_text(name))


@weights_app.callback(invoke_without_command=True)
def weights_list(context: typer.Context, as_json: Json = False) -> None:
    """List every checkpoint: where it is published, its licence, and whether it is here."""
    if context.invoked_subcommand is None:
        with _speaking():
            from benchmark.install import weights_status
            from benchmark.listing import weights_text

            found = weights_status()
            _print(found if as_json else weights_text(found))


@weights_app.command("add")
def weights_add(
    name: Annotated[str, typer.Argument(help="The model, or a backbone such as alexnet.")],
    file: Annotated[Path, typer.Argument(help="The file you have.")],
) -> None:
    """Verify a file you have and install it.

    Example:

      bench weights add trufor trufor.pth.tar
    """
    with _speaking():
        from benchmark.install import add_weights

        typer.echo(add_weights(name, file))


@weights_app.command("fetch")
def weights_fetch(
    name: Annotated[str, typer.Argument(help="The model, or a backbone such as alexnet.")],
    yes: Annotated[bool, typer.Option("--yes", help="Accept the licence; for scripts.")] = False,
) -> None:
    """Show the licence, download with progress, verify and install.

    Example:

      bench weights fetch alexnet
    """
    with _speaking():
        from benchmark.install import fetch_weights, licence_of

        typer.echo(licence_of(name))
        if not yes and not typer.confirm("Do you accept these terms and want to download?"):
            raise typer.Exit(1)
        typer.echo(fetch_weights(name))


def _plan_values(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given, under the plan's names."""
    lists = {
        "inpainter": "inpainters",
        "detector": "detectors",
        "buckets": "buckets",
        "metrics": "metrics",
    }
    same = (
        "dataset",
        "images",
        "masks",
        "mask_polarity",
        "pairing",
        "margin",
        "limit",
        "seed",
        "rounding",
    )
    values = {key: options[key] for key in same if options[key] is not None}
    for option, key in lists.items():
        if options[option] is not None:
            names = [name.strip() for name in options[option].split(",") if name.strip()]
            values[key] = [] if names == ["none"] else names
    if options["size"] is not None:
        values["size"] = int(options["size"]) if options["size"].isdigit() else options["size"]
    if options["images"] is not None and options["dataset"] is None:
        values["dataset"] = "folder"
    if options["weights"]:
        values["weights"] = dict(_pair(text) for text in options["weights"])
    return values


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name or not value:
        _fail(BadInput(f"--weights: expected MODEL=official|mini|PATH, got {text!r}"))
    return name, value


@contextmanager
def _speaking() -> Iterator[None]:
    """A user's mistake is one line and status 2; a stop says how to go on; a bug has its trace."""

    def terminate(number: int, frame: FrameType | None) -> NoReturn:
        raise _Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    except BenchError as error:
        _fail(error)
    except KeyboardInterrupt as stop:
        typer.echo("Stopped. What is done is kept: the same command goes on from here.", err=True)
        raise typer.Exit(143 if isinstance(stop, _Terminated) else 130) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _fail(error: BenchError) -> NoReturn:
    typer.echo(f"Error: {error}", err=True)
    raise typer.Exit(2) from None


def _print(what: object) -> None:
    typer.echo(what if isinstance(what, str) else json.dumps(what, indent=2))


def main() -> None:
    """Run the `bench` command."""
    sys.exit(app())
