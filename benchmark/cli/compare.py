"""`bench compare`, which `bench report --compare` calls too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from benchmark.cli.errors import Json, handle_errors, print_result
from benchmark.core.errors import BadInput
from benchmark.core.filenames import printable
from benchmark.core.inspecting import inspecting

if TYPE_CHECKING:  # loads NumPy
    from reports.comparison import Comparison


class Style(StrEnum):
    """Formats of a comparison."""

    HTML = "html"
    GITHUB = "github"
    JUNIT = "junit"


StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        help="Store of outputs, for runs that have not ended.",
        show_default="the run's, else the cache folder",
    ),
]
FailOn = Annotated[
    str,
    typer.Option("--fail-on", help="Exit with status 1 beyond these limits, such as auc:+0.01."),
]
StyleOption = Annotated[
    Style,
    typer.Option(
        "--format",
        help="html: a page; github: a Markdown summary for a pull request; junit: JUnit XML.",
    ),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="FILE",
        help="File for the page, the summary or the XML.",
        show_default="the page is B/compare.html, others are printed",
    ),
]
ImagesFolder = Annotated[
    Path | None,
    typer.Option(
        "--images",
        metavar="DIR",
        help="With --format github: write the worst images to this folder, both runs side by side.",
        show_default="no images",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """Options of a comparison.

    Attributes:
        fail_on: limits such as "auc:+0.01", or "".
        store: store of unfinished runs, or None.
        style: format of the document.
        out: file of the document, or None.
        images: folder for the worst images, or None.
        as_json: whether to print the comparison as JSON.
    """

    fail_on: str = ""
    store: str | None = None
    style: Style = Style.HTML
    out: Path | None = None
    images: Path | None = None
    as_json: bool = False


def compare(
    first: Annotated[
        Path, typer.Argument(metavar="A", help="The reference run: its folder, or its bundle.")
    ],
    second: Annotated[
        Path, typer.Argument(metavar="B", help="The run compared with it, likewise.")
    ],
    fail_on: FailOn = "",
    style: StyleOption = Style.HTML,
    out: Out = None,
    images: ImagesFolder = None,
    store: StoreOption = None,
    as_json: Json = False,
) -> None:
    """Compare two runs over the same images: what moved, by how much, and the worst images.

    The short name of 'bench report --compare A B'. Exit status 0: no number beyond its limit. 1: a
    number beyond its limit (--fail-on), or missing in B. 2: the runs cannot be compared.

    Examples:

      bench compare before after

      bench compare before after --fail-on auc:+0.01 --format github --images worst

      bench compare before after --fail-on auc:+0.01,psnr:-0.2 --format junit --out junit.xml
    """
    options = CompareOptions(
        fail_on=fail_on, store=store, style=style, out=out, images=images, as_json=as_json
    )
    with handle_errors(), inspecting():
        compare_folders(first, second, options)


def compare_folders(
    first: Path,
    second: Path,
    options: CompareOptions,
    *,
    show: Callable[[Path], object] = lambda _: None,
) -> None:
    """Compare two runs, and write or print the result.

    Args:
        first: the reference run.
        second: the run compared with it.
        options: options of the comparison.
        show: called with the page, if one is written.

    Raises:
        BenchError: if options exclude each other, the runs cannot be compared, or a file cannot be
            written.
        typer.Exit: with status 1 if a cell is beyond its limit.
    """
    _check(options, (first, second))
    comparison = _document(first, second, options, show)
    if comparison.failures:
        raise typer.Exit(1)


def _check(options: CompareOptions, runs: tuple[Path, Path]) -> None:
    """Raise BadInput for options that exclude each other, or an output among a run's files."""
    if options.images is not None and options.style is not Style.GITHUB:
        raise BadInput("--images requires --format github, which links to them")
    if options.as_json and options.style is not Style.HTML:
        raise BadInput(f"--json cannot be combined with --format {options.style.value}")
    if options.out is None:
        return
    if options.out.is_dir():
        raise BadInput(f"--out {options.out}: a folder; expected the name of a file")
    from benchmark.results.checksums import WRITTEN
    from benchmark.results.file_hashes import RECORD

    files = {(run / name).resolve() for run in runs for name in (*WRITTEN, RECORD)}
    if options.out.resolve() in files:
        raise BadInput(f"--out {options.out}: a file of the run; name another")


def _document(
    first: Path, second: Path, options: CompareOptions, show: Callable[[Path], object]
) -> Comparison:
    """Write or print the comparison, and return it."""
    from reports.formats.comparison import comparison_text, comparison_values

    if options.style is Style.HTML:
        from reports.page.write import write_comparison

        page, comparison = write_comparison(
            first, second, fail_on=options.fail_on, store=options.store, page=options.out
        )
        values = {**comparison_values(comparison), "page": str(page)}
        text = comparison_text(comparison) + f"Report: {page}"
        print_result(values if options.as_json else text)
        show(page)
        return comparison
    from benchmark.core.paths import write_text
    from reports.compare import compare_runs

    comparison = compare_runs(first, second, options.fail_on, store=options.store)
    text = _text(comparison, options)
    if options.out is None:
        print_result(text.removesuffix("\n"))
    else:
        write_text(options.out, text, parents=True)
        print_result(comparison_text(comparison) + f"Written: {options.out}")
    return comparison


def _text(comparison: Comparison, options: CompareOptions) -> str:
    if options.style is Style.JUNIT:
        from datetime import datetime

        from reports.formats.junit import comparison_junit

        return comparison_junit(comparison, written=datetime.now().astimezone())
    from reports.formats.github import comparison_markdown

    if options.images is None:
        return comparison_markdown(comparison)
    from reports.montage import write_montages
    from reports.opened import opened_runs

    with opened_runs(comparison.first, comparison.second, store=options.store) as runs:
        montages = write_montages(comparison.worst, runs, options.images)
    count = sum(one.path is not None for one in montages)
    typer.echo(printable(f"Worst images: {count} files in {options.images}"), err=True)
    beside = options.out.parent if options.out else None
    return comparison_markdown(comparison, montages, beside=beside)
