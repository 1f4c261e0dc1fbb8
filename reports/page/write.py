"""Entry points of `bench report`: write the page of a run, or the comparison of two runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from benchmark.core.inspecting import inspecting
from benchmark.core.paths import write_text
from benchmark.results.run_folder import newest_run, read_run
from reports.compare import compare_runs
from reports.comparison import Comparison
from reports.formats.comparison import comparison_html, worst_lines
from reports.opened import opened_runs
from reports.page.builder import write_page
from reports.page.finding import counted
from reports.page.moved import moved_part
from reports.page.template import fill_template

COMPARISON = "compare.html"


class ComparisonPage(NamedTuple):
    """Page that compares two runs.

    Attributes:
        page: the file.
        comparison: its content.
    """

    page: Path
    comparison: Comparison


@inspecting()
def write_report(
    folder: str | Path | None = None,
    *,
    store: str | Path | None = None,
    full: bool = False,
    written: datetime | None = None,
    progress: Callable[[str], object] = lambda _: None,
) -> Path:
    """Write index.html and figures/ into the folder of a run; no model is loaded.

    Args:
        folder: folder of the run; by default the newest below runs/.
        store: store with the run's outputs; by default that of `bench run`.
        full: also write full-size images and heatmaps, to which the page links.
        written: time stamp of the page, by default now; all else depends on the run alone.
        progress: called with one line before each step.

    Returns:
        The page.

    Raises:
        DataError: if there is no such run, it cannot be read, or full-size images are missing.
        OutputError: if a file cannot be written.
    """
    run = read_run(folder or newest_run(), store=store)
    progress(f"Run: {run.path}")
    return write_page(run, written=written or _now(), full=full, progress=progress)


@inspecting()
def write_comparison(
    first: str | Path,
    second: str | Path,
    *,
    fail_on: str = "",
    store: str | Path | None = None,
    page: Path | None = None,
    written: datetime | None = None,
) -> ComparisonPage:
    """Write the page that compares two runs.

    Args:
        first: folder of the reference run.
        second: folder of the run compared with it.
        fail_on: limits such as "auc:+0.01"; cells beyond them are failures of the comparison.
        store: store with the outputs of an unfinished run.
        page: the file, by default compare.html in the folder of the second run.
        written: time stamp of the page, by default now.

    Returns:
        The page and the comparison.

    Raises:
        BadInput: if `fail_on` cannot be parsed.
        DataError: if a folder holds no run, or the runs are over different images or masks.
        OutputError: if the page cannot be written.
    """
    comparison = compare_runs(first, second, fail_on, store=store)
    folder = comparison.second if comparison.second.is_dir() else Path()
    path = page or folder / COMPARISON
    with opened_runs(first, second, store=store) as runs:
        moved = moved_part(*runs)
    text = fill_template(
        "compare.html",
        title="SafePaint Bench: comparison of two runs",
        written=written or _now(),
        comparison=comparison,
        worst=list(worst_lines(comparison)),
        moved=moved,
        counted=counted,
        table=Markup(comparison_html(comparison)),  # noqa: S704 (escapes its texts)
    )
    write_text(path, text, parents=True)
    return ComparisonPage(path, comparison)


def _now() -> datetime:
    return datetime.now().astimezone()
