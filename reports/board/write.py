"""Entry point of `bench board`: read runs, and write a static site about them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from benchmark.core.errors import DataError
from benchmark.core.inspecting import inspecting
from benchmark.core.paths import make_folder, write_text
from reports.board.images import list_images, write_data, write_thumbnails
from reports.board.pages import Site, pages
from reports.board.sections import sections_of
from reports.board.site import check_target, new_site
from reports.board.sources import LeftOut, read_sources
from reports.board.template import SCRIPT, STYLE, script, style
from reports.board.values import SectionView


class WrittenBoard(NamedTuple):
    """A site that was written.

    Attributes:
        page: its first page.
        runs: names of the runs on it.
        sections: titles of its sections.
        left_out: runs that are not on it.
    """

    page: Path
    runs: tuple[str, ...]
    sections: tuple[str, ...]
    left_out: tuple[LeftOut, ...]


@inspecting()
def write_board(
    runs: Sequence[str | Path],
    out: str | Path,
    *,
    written: datetime | None = None,
    progress: Callable[[str], object] = lambda _: None,
) -> WrittenBoard:
    """Write a site about any number of runs; no model is loaded and nothing is computed again.

    Args:
        runs: folders of finished runs, also of merged shards, and bundles.
        out: folder of the site: new, empty, or an earlier board, which is replaced at once.
        written: time stamp of the pages, by default now.
        progress: called with one line before each step.

    Returns:
        The site; runs that cannot be used are left out, and named.

    Raises:
        DataError: if no run can be used.
        OutputError: if `out` is anything else, or cannot be written.
    """
    target = Path(os.path.normpath(out))
    check_target(target, [Path(run) for run in runs])
    with ExitStack() as opened:
        found = read_sources(runs, opened, progress)
        if not found.runs:
            reasons = "; ".join(one.reason for one in found.left_out)
            raise DataError(f"no run can be shown: {reasons}")
        progress("Ranks and tests")
        views = tuple(SectionView(section) for section in sections_of(found.runs))
        images = list_images(found.runs)
        with new_site(target) as folder:
            write_thumbnails(folder, found.runs, images, progress)
            progress("Pages")
            site = Site(
                runs=found.runs,
                left_out=found.left_out,
                views=views,
                images=images,
                written=written or datetime.now().astimezone(),
            )
            write_text(folder / STYLE, style())
            write_text(folder / SCRIPT, script())
            for run in found.runs:
                write_data(folder, run, images)
            for name, text in pages(site, target):
                path = folder / name
                make_folder(path.parent)
                write_text(path, text)
    return WrittenBoard(
        page=target / "index.html",
        runs=tuple(run.name for run in found.runs),
        sections=tuple(view.section.title for view in views),
        left_out=found.left_out,
    )
