"""The two runs with which the page of what moved opens: the first that differ in an image."""

from __future__ import annotations

from collections.abc import Sequence

from benchmark.metrics import METRICS
from benchmark.results.rounding import units
from reports.board.images import SiteImages, kept_results
from reports.board.run_numbers import BoardRun


def first_change(runs: Sequence[BoardRun], images: SiteImages) -> tuple[int, int] | None:
    """Return the positions of the first two runs with another value of the same detection.

    Compared as the page does: the same image and hole, inpainter and detector, values as they are
    printed, by the same revision of the metric. None if no two runs differ.

    Args:
        runs: the runs of the site.
        images: their images.
    """
    first: dict[tuple[str, str, str, str, str], tuple[int, float]] = {}
    found: list[tuple[int, int]] = []
    for position, run in enumerate(runs):
        revision = run.record.metrics.get(run.metric, "not recorded")
        decimals = METRICS.load(run.metric).decimals
        for name, results in kept_results(run, images).items():
            for one in results:
                if one.value is None:
                    continue
                key = (run.metric, revision, name, one.painter, one.detector)
                earlier, before = first.setdefault(key, (position, one.value))
                if one.value != before and units(one.value, decimals) != units(before, decimals):
                    found.append((earlier, position))
        found = [min(found)] if found else []
    return found[0] if found else None
