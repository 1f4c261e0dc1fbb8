"""`bench table` and `bench report`: what a run says."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, show_text, speaking
from benchmark.core.errors import BadInput
from benchmark.core.filenames import on_terminal, printable
from benchmark.core.looking import looking


def table(
    name: Annotated[
        str, typer.Argument(help="1 to 6 as in the paper, all, or stats.", metavar="N")
    ],
    run: Annotated[
        Path | None, typer.Option(help="A run's folder.", show_default="the newest below runs/")
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Stored answers, for a run still going.",
            show_default="the run's, else the cache folder",
        ),
    ] = None,
    style: Annotated[str, typer.Option("--format", help="text, md, csv, tex or html.")] = "text",
    paper: Annotated[bool, typer.Option("--paper", help="The paper's numbers alone.")] = False,
    intervals: Annotated[
        bool, typer.Option("--intervals", help="Also the 95 % intervals over images.")
    ] = False,
    everything: Annotated[
        bool, typer.Option("--all", help="With stats: every row instead of a summary.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a run's numbers in the paper's tables, beside the paper's, or what statistics say.

    Examples:

      bench table 3

      bench table 3 --run results --format tex

      bench table all --intervals --format md

      bench table stats

      bench table stats --format csv
    """
    with speaking(), looking():
        from reports.document import STATISTICS, table_document

        if everything and name != STATISTICS:
            raise BadInput("--all goes with bench table stats; bench table all shows all tables")
        found = table_document(name, run=run, store=store, paper=paper, intervals=intervals)
        if as_json:
            show_text(found.values())
            return
        text = found.text(style, everything=everything)
        if found.run is not None:
            _say(f"Run: {found.run}")
        typer.echo(on_terminal(text), nl=False)


def report(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="A run's folder.", show_default="the newest below runs/"
        ),
    ] = None,
    store: Annotated[
        str | None,
        typer.Option(
            help="Stored answers: its images, or a run still going.",
            show_default="the run's, else the cache folder",
        ),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Also write full images and heatmaps beside it.")
    ] = False,
    compare_with: Annotated[
        tuple[Path, Path] | None,
        typer.Option("--compare", metavar="A B", help="Instead: two runs over the same images."),
    ] = None,
    fail_on: Annotated[
        str, typer.Option(help="With --compare: limits, such as auc:+0.01; beyond them status 1.")
    ] = "",
    open_: Annotated[
        bool, typer.Option("--open", help="Show the page in the web browser.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write one self-contained page of a run, with its figures, or of what moved between two.

    Examples:

      bench report

      bench report results --full --open

      bench report --compare before after --fail-on auc:+0.01
    """
    with speaking(), looking():
        if compare_with is not None and (folder is not None or full):
            raise BadInput("--compare A B stands alone: leave out DIR and --full")
        if fail_on and compare_with is None:
            raise BadInput("--fail-on goes with --compare A B")
        from reports.formats.comparison import comparison_text, comparison_values
        from reports.page.write import write_comparison, write_report

        if compare_with is None:
            page = write_report(folder, store=store, full=full, progress=_say)
            show_text({"page": str(page)} if as_json else f"Report: {page}")
            _open(page, wanted=open_)
            return
        page, comparison = write_comparison(*compare_with, fail_on=fail_on, store=store)
        text = comparison_text(comparison) + f"Report: {page}"
        show_text({**comparison_values(comparison), "page": str(page)} if as_json else text)
        _open(page, wanted=open_)
        if comparison.failures:
            raise typer.Exit(1)


def _say(text: str) -> None:
    typer.echo(printable(text), err=True)


def _open(page: Path, *, wanted: bool) -> None:
    if wanted:
        import webbrowser

        if not webbrowser.open(page.absolute().as_uri()):
            _say(f"No web browser here: open {page} where there is one.")
