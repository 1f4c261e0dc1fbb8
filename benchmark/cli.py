"""The `bench` command: parse, call one public function, print. Imports wait in the functions."""

from __future__ import annotations

import json
import signal
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import FrameType
from typing import Annotated, Any, NoReturn

import typer

from benchmark.core.errors import BadInput, BenchError, SizeWarning

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
        str | None,
        typer.Argument(help="table1 to table6, paper, or a TOML file; options replace its keys."),
    ] = None,
    inpainter: Annotated[
        str | None, typer.Option(help="Inpainters, with commas between.", show_default="safepaint")
    ] = None,
    detector: Annotated[
        str | None, typer.Option(help="Detectors, with commas, or 'none'.", show_default="trufor")
    ] = None,
    dataset: Annotated[
        str | None,
        typer.Option(help="Data sets, with commas; see bench list.", show_default="samples"),
    ] = None,
    images: Annotated[
        Path | None, typer.Option(help="Folder of pictures; implies --dataset folder.")
    ] = None,
    masks: Annotated[
        Path | None,
        typer.Option(
            help="Folder of masks, white = hole.", show_default="drawn; for published sets NVIDIA's"
        ),
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option(help="Folder of published data sets and NVIDIA's masks.")
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
        str | None,
        typer.Option(help="Metrics, with commas.", show_default="auc,f1,acc,psnr,lpips,gmsd"),
    ] = None,
    convention: Annotated[
        str | None,
        typer.Option(
            help="Whose auc and f1: paper, trufor, imdlbenco or photoholmes.", show_default="paper"
        ),
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
    launder: Annotated[
        str | None,
        typer.Option(
            help="Detect again after each of these, with commas: "
            "jpeg:QUALITY, resize:FACTOR, noise:LEVELS, blur:PIXELS."
        ),
    ] = None,
    limit: Annotated[
        int | None, typer.Option(help="Only the first so many pictures of each data set.")
    ] = None,
    seed: Annotated[
        int | None, typer.Option(help="Masks and all that is random.", show_default="0")
    ] = None,
    hole_blind: Annotated[
        bool, typer.Option("--hole-blind", help="Paint the hole with the known mean beforehand.")
    ] = False,
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
    precision: Annotated[
        str | None, typer.Option(help="exact, or bf16: faster on GPUs.", show_default="exact")
    ] = None,
    compile_: Annotated[
        bool, typer.Option("--compile", help="Let torch.compile write the networks' kernels.")
    ] = False,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="A picture, mask or model that cannot be used ends the run."),
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

      bench run --inpainter safepaint,original --launder jpeg:90,jpeg:70,resize:0.75

      bench run table3 --data-root data --device cuda:0 --batch-size 8 --out results
    """
    values = _plan_values(locals())
    with _speaking():
        from benchmark.api import run as run_plan
        from benchmark.console import announce, default_folder, show_record, watch
        from benchmark.plans import plan_file
        from benchmark.runner.execute import Settings
        from benchmark.runner.plan import Plan, make_plan, replaced

        base = Plan.load(plan_file(plan)).model_dump(exclude_unset=True) if plan else {}
        chosen = make_plan(replaced(base, values), where="options")
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
    name: Annotated[str, typer.Argument(help="A model that has recipes.")],
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
    allow_test_photos: Annotated[
        bool,
        typer.Option("--allow-test-photos", help="Learn from test photographs; it is noted."),
    ] = False,
) -> None:
    """Train a model from scratch, or go on with the run in --out.

    Examples:

      bench train safepaint --data photographs --out trained --smoke

      bench train safepaint --recipe paper --data places2 --masks irregular --out trained
    """
    with _speaking():
        from benchmark.training import Folders
        from benchmark.training import train as train_model

        folders = Folders(photographs=data, masks=masks, allow_test_photos=allow_test_photos)
        done = train_model(name, recipe=recipe, data=folders, out=out, device=device, smoke=smoke)
        if not done.finished:
            raise KeyboardInterrupt
        _print(f"{done.model}: {done.steps} steps, {done.seconds:.0f} s; weights: {done.weights}")


@app.command()
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
    with _speaking():
        from benchmark.verify.checks import Request, conclude, run

        request = Request(
            names=tuple(names or ()),
            goldens=goldens,
            weights=dict(_pair(text) for text in weights or ()),
            answers=answers,
        )
        checks = []
        for check in run(request, record=record):
            checks.append(check)
            if not as_json:
                typer.echo(check.line)
        if as_json:
            _print([asdict(check) for check in checks])
        raise typer.Exit(conclude(checks))


@app.command()
def table(
    name: Annotated[str, typer.Argument(help="1 to 6 as in the paper, or stats.", metavar="N")],
    run: Annotated[
        Path | None, typer.Option(help="A run's folder.", show_default="the newest below runs/")
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Stored answers, for a run still going.", show_default="the cache folder"
        ),
    ] = None,
    style: Annotated[str, typer.Option("--format", help="text, md, csv, tex or html.")] = "text",
    paper: Annotated[bool, typer.Option("--paper", help="The paper's numbers alone.")] = False,
    as_json: Json = False,
) -> None:
    """Show a run's numbers in the paper's tables, beside the paper's, or what statistics say.

    Examples:

      bench table 3

      bench table 3 --run results --format tex

      bench table stats --format csv
    """
    with _speaking():
        from reports.documents import table_document

        found = table_document(name, run=run, store=store, paper=paper)
        if as_json:
            _print(found.values())
        else:
            typer.echo(found.text(style), nl=False)


@app.command()
def compare(
    first: Annotated[Path, typer.Argument(help="A run's folder.")],
    second: Annotated[Path, typer.Argument(help="Another's, over the same pictures.")],
    fail_on: Annotated[
        str, typer.Option(help="Limits, such as auc:+0.01,psnr:-0.2; beyond them status 1.")
    ] = "",
    store: Annotated[
        Path | None,
        typer.Option(
            help="Stored answers, for a run still going.", show_default="the cache folder"
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Set two runs side by side: what moved, by how much, is it beyond the noise.

    Example:

      bench compare before after --fail-on auc:+0.01
    """
    with _speaking():
        from reports.compare import compare_runs

        found = compare_runs(first, second, fail_on, store=store)
        if as_json:
            _print(found.document())
        else:
            typer.echo(found.text(), nl=False)
        if found.failures:
            raise typer.Exit(1)


@app.command()
def report(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="A run's folder.", show_default="the newest below runs/"
        ),
    ] = None,
    store: Annotated[
        Path | None,
        typer.Option(
            help="Stored answers: its pictures, or a run still going.",
            show_default="the cache folder",
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Also write full pictures and heatmaps beside it.")
    ] = False,
    compare_with: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A B", help="Instead: two runs over the same pictures."),
    ] = None,
    fail_on: Annotated[
        str, typer.Option(help="With --compare: limits, such as auc:+0.01; beyond them status 1.")
    ] = "",
) -> None:
    """Write one self-contained page of a run, with its figures, or of what moved between two.

    Examples:

      bench report

      bench report results --full

      bench report --compare before after --fail-on auc:+0.01
    """
    with _speaking():
        if compare_with is not None and (folder is not None or full):
            raise BadInput("--compare A B stands alone: leave out DIR and --full")
        if fail_on and compare_with is None:
            raise BadInput("--fail-on goes with --compare A B")
        from reports.page.write import write_comparison, write_report

        if compare_with is None:
            _print(f"Report: {write_report(folder, store=store, full=full)}")
            return
        page, found = write_comparison(*compare_with, fail_on=fail_on, store=store)
        _print(found.summary())
        for line in found.failures:
            typer.echo(f"Failed: {line}", err=True)
        _print(f"Report: {page}")
        if found.failures:
            raise typer.Exit(1)


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List inpainters, detectors, metrics, data sets and plans.

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
    files: Annotated[
        list[Path], typer.Argument(help="The files you have, their archive, or their folder.")
    ],
) -> None:
    """Verify what you have and install it: the authors' file, archive or folder.

    Examples:

      bench weights add trufor trufor.pth.tar

      bench weights add psccnet PSCC-Net/checkpoint
    """
    with _speaking():
        from benchmark.install import add_weights

        typer.echo(add_weights(name, *files))


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
        "dataset": "datasets",
        "launder": "launder",
        "buckets": "buckets",
        "metrics": "metrics",
    }
    same = (
        "images",
        "data_root",
        "masks",
        "mask_polarity",
        "pairing",
        "margin",
        "limit",
        "seed",
        "convention",
        "rounding",
        "precision",
    )
    values = {key: options[key] for key in same if options[key] is not None}
    for option, key in lists.items():
        if options[option] is not None:
            names = [name.strip() for name in options[option].split(",") if name.strip()]
            values[key] = [] if names == ["none"] else names
    if options["size"] is not None:
        values["size"] = int(options["size"]) if options["size"].isdigit() else options["size"]
    if options["hole_blind"]:
        values["hole_blind"] = True
    if options["compile_"]:
        values["compile"] = True
    if options["images"] is not None and options["dataset"] is None:
        values["datasets"] = ["folder"]
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
        with warnings.catch_warnings():
            warnings.showwarning = _warn
            warnings.simplefilter("always", SizeWarning)
            yield
    except BenchError as error:
        _fail(error)
    except KeyboardInterrupt as stop:
        typer.echo("Stopped. What is done is kept: the same command goes on from here.", err=True)
        raise typer.Exit(143 if isinstance(stop, _Terminated) else 130) from None
    finally:
        signal.signal(signal.SIGTERM, before)


def _warn(message: Warning | str, *_: object, **__: object) -> None:
    """A warning without the place in our code that gave it."""
    typer.echo(f"Warning: {message}", err=True)


def _fail(error: BenchError) -> NoReturn:
    typer.echo(f"Error: {error}", err=True)
    raise typer.Exit(2) from None


def _print(what: object) -> None:
    typer.echo(what if isinstance(what, str) else json.dumps(what, indent=2))


def main() -> None:
    """Run the `bench` command."""
    sys.exit(app())
