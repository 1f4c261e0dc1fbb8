"""`bench table` and `bench report`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.compare import (
    CompareOptions,
    ImagesFolder,
    Out,
    Style,
    StyleOption,
    compare_folders,
)
from benchmark.cli.errors import Json, handle_errors, print_result
from benchmark.core.errors import BadInput
from benchmark.core.filenames import on_terminal, printable
from benchmark.core.inspecting import inspecting


def table(
    name: Annotated[
        str, typer.Argument(help="Table 1 to 6 of the paper, all, or stats.", metavar="N")
    ],
    run: Annotated[
        Path | None, typer.Option(help="Folder of a run.", show_default="the newest below runs/")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Store of outputs, for a run that has not ended.",
            show_default="the run's, else the cache folder",
        ),
    ] = None,
    style: Annotated[
        str, typer.Option("--format", help="Output format: text, md, csv, tex or html.")
    ] = "text",
    paper: Annotated[bool, typer.Option("--paper", help="Show only the paper's numbers.")] = False,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Add the 95 % confidence intervals over images.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="With stats: print all rows instead of a summary.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Print a run's numbers beside the paper's, in the layout of its tables, or their statistics.

    Examples:

      bench table 3

      bench table 3 --run results --format tex

      bench table all --intervals --format md

      bench table stats

      bench table stats --format csv
    """
    with handle_errors(), inspecting():
        from reports.document import STATISTICS, table_document

        if everything and name != STATISTICS:
            raise BadInput("--all requires bench table stats; bench table all prints all tables")
        found = table_document(name, run=run, store=store, paper=paper, intervals=intervals)
        if as_json:
            print_result(found.values())
            return
        text = found.text(style, everything=everything)
        if found.run is not None:
            _print_status(f"Run: {found.run}")
        typer.echo(on_terminal(text), nl=False)


def report(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="Folder of a run.", show_default="the newest below runs/"
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Store of outputs: for images, and for a run that has not ended.",
            show_default="the run's, else the cache folder",
        ),
    ] = None,
    full: Annotated[
        bool,
        typer.Option("--full", help="Also write full-size images and heatmaps next to the page."),
    ] = False,
    compare_with: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A B", help="Compare two runs over the same images."),
    ] = None,
    fail_on: Annotated[
        str,
        typer.Option(
            help="With --compare: exit with status 1 beyond these limits, such as auc:+0.01."
        ),
    ] = "",
    style: StyleOption = Style.HTML,
    out: Out = None,
    images: ImagesFolder = None,
    open_: Annotated[
        bool, typer.Option("--open", help="Open the page in the web browser.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a self-contained HTML page about a run, or about the differences between two runs.

    Examples:

      bench report

      bench report results --full --open

      bench report --compare before after --fail-on auc:+0.01

      bench report --compare before after --fail-on auc:+0.01 --format github
    """
    with handle_errors(), inspecting():
        if compare_with is None:
            if fail_on or out or images or style is not Style.HTML:
                raise BadInput("--fail-on, --format, --out and --images require --compare A B")
            from reports.page.write import write_report

            page = write_report(folder, store=store, full=full, progress=_print_status)
            print_result({"page": str(page)} if as_json else f"Report: {page}")
            _open(page, wanted=open_)
            return
        if folder is not None or full:
            raise BadInput("--compare A B cannot be combined with DIR or --full")
        if open_ and style is not Style.HTML:
            raise BadInput(f"--open cannot be combined with --format {style.value}")
        options = CompareOptions(
            fail_on=fail_on, store=store, style=style, out=out, images=images, as_json=as_json
        )
        compare_folders(*compare_with, options, show=lambda page: _open(page, wanted=open_))


def _print_status(text: str) -> None:
    typer.echo(printable(text), err=True)


def _open(page: Path, *, wanted: bool) -> None:
    if wanted:
        import webbrowser

        if not webbrowser.open(page.absolute().as_uri()):
            _print_status(f"No web browser found; open {page} on another machine.")
