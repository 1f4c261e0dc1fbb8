"""Names of the site's files: from letters, digits and a hash, never from a name as it is."""

from __future__ import annotations

import re
from functools import cache

from reports.board.run_numbers import BoardRun, short_hash

_LONGEST = 40  # characters of a name that are kept


@cache
def slug(name: str) -> str:
    """Return a file name without suffix: its letters and digits, and a hash of the whole name."""
    text = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].strip("-")
    return f"{text or 'x'}-{short_hash(name)[:8]}"


def inpainter_page(name: str) -> str:
    """Return the page of an inpainter, from the root of the site."""
    return f"inpainters/{slug(name)}.html"


def detector_page(name: str) -> str:
    """Return the page of a detector, from the root of the site."""
    return f"detectors/{slug(name)}.html"


def run_page(run: BoardRun) -> str:
    """Return the page of a run, from the root of the site."""
    return f"runs/{run_file(run)}.html"


def run_file(run: BoardRun) -> str:
    """Return the file name of a run without suffix."""
    text = slug(run.name).rpartition("-")[0]
    return f"{text}-{run.id[:8]}"


def data_file(run: BoardRun) -> str:
    """Return the file with a run's values per image, from the root of the site."""
    return f"data/{run_file(run)}.js"
