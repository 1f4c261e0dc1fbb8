"""What `bench report` writes: a run's page with its figures, or the page of two runs."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from benchmark.core.inspecting import inspecting
from benchmark.core.paths import write_text
from benchmark.results.run_folder import newest_run, read_run
from reports.compare import Comparison, compare_runs
from reports.page.builder import write_page
from reports.page.template import fill_template

COMPARISON = "compare.html"


class Compared(NamedTuple):
    """A page about two runs.

    Attributes:
        page: the file.
        found: what it says.
    """

    page: Path
    found: Comparison


@inspecting()
def write_report(
    folder: str | Path | None = None,
    *,
    store: str | Path | None = None,
    full: bool = False,
    written: datetime | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Path:
    """Write index.html and figures/ into a run's folder; no model is loaded.

    Args:
        folder: the run's; by default the newest below runs/.
        store: where the run's answers are, by default where `bench run` keeps them.
        full: also write full images and heatmaps beside the page, which links to them.
        written: the page's one time stamp, by default now; all else depends on the run alone.
        say: told what is done next, in a line.

    Returns:
        The page.

    Raises:
        DataError: if there is no such run, it cannot be read, or full images are gone.
        OutputError: if a file cannot be written.
    """
    run = read_run(folder or newest_run(), store=store)
    say(f"Run: {run.path}")
    return write_page(run, written=written or _now(), full=full, say=say)


@inspecting()
def write_comparison(
    first: str | Path,
    second: str | Path,
    *,
    fail_on: str = "",
    store: str | Path | None = None,
    written: datetime | None = None,
) -> Compared:
    """Write compare.html into the second run's folder.

    Args:
        first: folder of the run that is compared with.
        second: folder of the run that may have moved.
        fail_on: limits such as "auc:+0.01"; cells beyond them are in the comparison's failures.
        store: where the answers of a run that has not ended are.
        written: the page's one time stamp, by default now.

    Returns:
        The page and the comparison.

    Raises:
        BadInput: if `fail_on` cannot be read.
        DataError: if a folder is no run's, or the runs are over different images or holes.
        OutputError: if the page cannot be written.
    """
    found = compare_runs(first, second, fail_on, store=store)
    path = found.second / COMPARISON
    text = fill_template(
        "compare.html",
        title="SafePaint Bench: two runs",
        written=written or _now(),
        found=found,
        first=str(found.first),
        second=str(found.second),
        table=Markup(found.html()),  # noqa: S704 (escapes its texts)
    )
    write_text(path, text)
    return Compared(path, found)


def _now() -> datetime:
    return datetime.now().astimezone()
