"""Write docs/board.md's table and picture from runs of the mini weights: `python -m tools.board`.

Runs the plans `mini`, `controls` and `splice`, and `mini` at 30-40 % after post-processing, writes
their board, and puts a table of each section into docs/board.md. The picture docs/board.png is
taken by headless Chromium; without a browser it stays as it is, and that is said. Runs are kept in
the folder of `--work`, so an interrupted call resumes.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from benchmark import Plan, run
from benchmark.core.inspecting import inspecting
from benchmark.plans import plan_file
from benchmark.results.rounding import GAP, number, span
from reports.board.sections import sections_of
from reports.board.sources import read_sources
from reports.board.standing import Standing
from reports.board.values import SectionView
from reports.board.write import write_board

ROOT = Path(__file__).resolve().parents[1]
PAGE, PICTURE = ROOT / "docs/board.md", ROOT / "docs/board.png"
LAUNDER = ("jpeg:75", "resize:0.5")
BEGIN, END = "<!-- written by python -m tools.board -->", "<!-- end -->"
SIZE = (1280, 1500)  # of the picture in pixels


def main() -> None:
    """Run the plans that are not there yet, and write board, table and picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=Path("runs/board"))
    parser.add_argument("--only", help="names of the runs, such as controls,splice; default: all")
    settings = parser.parse_args()
    names = settings.only.split(",") if settings.only else list(_plans())
    folders = [settings.work / name for name in names]
    for name, folder in zip(names, folders, strict=True):
        if not (folder / "record.json").exists():
            run(_plans()[name], out=folder, store=settings.work / "store")
    made = write_board(folders, settings.work / "site")
    _write_tables(folders)
    sys.stdout.write(f"{PAGE}\n{made.page}\n{_picture(made.page)}\n")


def _plans() -> dict[str, Plan]:
    """Return the plans by the names of their runs."""
    mini, controls, splice = (Plan.load(plan_file(name)) for name in ("mini", "controls", "splice"))
    processed = Plan.model_validate(
        {**mini.model_dump(), "buckets": ("30-40",), "launder": LAUNDER}
    )
    return {"plain": mini, "controls": controls, "splice": splice, "post-processed": processed}


def _write_tables(folders: Sequence[Path]) -> None:
    with inspecting(), ExitStack() as opened:
        found = read_sources(folders, opened, lambda _: None)
        views = [SectionView(section) for section in sections_of(found.runs)]
        text = "\n".join(line for view in views for line in _table(view))
    page = PAGE.read_text(encoding="utf-8")
    pattern = re.compile(f"{re.escape(BEGIN)}.*{re.escape(END)}", re.DOTALL)
    PAGE.write_text(pattern.sub(lambda _: f"{BEGIN}\n\n{text}\n{END}", page), encoding="utf-8")


def _table(view: SectionView) -> Iterator[str]:
    """Yield the lines of a section in Markdown: its title and its table.

    Where there is post-processing, the table is of the images after the first one.
    """
    processing = next(filter(None, view.section.launders), "")
    after = f" After {processing}." if processing else ""
    runs = ", ".join(f"{run.name} of commit {run.record.commit[:8]}" for run in view.section.runs)
    yield f"### {view.section.title}\n"
    yield f"Run: {runs}.{after} Each detector: AUC [95 % interval], null, rank.\n"
    found = [view.standings(column, processing) for column in view.columns]
    titles = [view.titles[column].partition(" (")[0] for column in view.columns]
    qualities = [one.metric.upper() for one in view.qualities]
    heads = ["inpainter", "weights", *qualities, *titles]
    yield _line(heads)
    yield _line(["---"] * len(heads))
    for place, row in enumerate(view.rows):
        means = zip(view.qualities, view.quality(place, (processing, "", "")), strict=True)
        cells = [_cell(one[place], view.decimals) for one in found]
        quality = [number(value, one.decimals) for one, value in means]
        yield _line([row.key.painter, row.weights, *quality, *cells])
    yield ""


def _cell(one: Standing, decimals: int) -> str:
    if one.value is None:
        return GAP
    interval = span(one.low, one.high, decimals)
    rank = f"rank {one.rank}" if one.rank else "not ranked"
    null = "no null" if one.null is None else f"null {number(one.null, decimals)}"
    return f"{number(one.value, decimals)}{one.mark} {interval}, {null}, {rank}"


def _line(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _picture(page: Path) -> str:
    """Take the picture, and say where it is or why there is none."""
    driver, chromium = shutil.which("chromedriver"), shutil.which("chromium")
    try:
        from selenium import webdriver
        from selenium.webdriver.chrome.service import Service
    except ModuleNotFoundError:
        driver = None
    if not driver or not chromium:
        return f"{PICTURE} stays as it is: no browser or no selenium"
    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    for word in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(word)
    browser = webdriver.Chrome(service=Service(driver), options=options)
    browser.set_window_size(*SIZE)
    browser.get(page.absolute().as_uri())
    browser.save_screenshot(str(PICTURE))
    browser.quit()
    return str(PICTURE)


if __name__ == "__main__":
    main()
