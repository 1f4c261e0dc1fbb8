"""The images whose value moved most in the wrong direction between two runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import copysign

import numpy as np

from reports.comparison import Change, Failure, WorstImage
from reports.paired import PairedValues

SHOWN = 3  # images of each metric


def worst_images(
    changes: Iterable[Change], failed: Iterable[Failure], values: Mapping[str, PairedValues]
) -> tuple[WorstImage, ...]:
    """Return the images that moved most, at most `SHOWN` of each metric, the worst first.

    With failures these are the images of the cells that failed, in the direction of their limits;
    without, those of the cells that are worse by a test. An image is named once per metric.

    Args:
        changes: all cells.
        failed: the cells that failed.
        values: per-image values in both runs, by the cell's name; a metric that is pooled over
            images has none.
    """
    signs = {one.change: copysign(1, one.limit) for one in failed}
    if not signs:
        worse = [one for one in changes if one.verdict == "worse"]
        signs = {one: 1.0 if one.lower_is_better else -1.0 for one in worse}
    found: list[WorstImage] = []
    for metric in dict.fromkeys(one.metric for one in signs):
        own = {one: sign for one, sign in signs.items() if one.metric == metric}
        found += islice(_worst_of(own, values), SHOWN)
    return tuple(found)


def _worst_of(
    signs: Mapping[Change, float], values: Mapping[str, PairedValues]
) -> Iterator[WorstImage]:
    """Yield the images of the cells of one metric by how far they moved, each once."""
    moved: list[tuple[float, WorstImage]] = []
    for cell, sign in signs.items():
        pair = values.get(cell.name)
        if pair is None:
            continue
        apart = sign * (pair.after - pair.before)
        for place in np.flatnonzero(np.isfinite(apart) & (apart > 0)):
            one = WorstImage(
                cell=cell,
                sample=pair.names[place],
                first=float(pair.before[place]),
                second=float(pair.after[place]),
            )
            moved.append((float(apart[place]), one))
    named: set[tuple[str, str]] = set()
    for _, one in sorted(moved, key=lambda pair: -pair[0]):
        if (one.cell.dataset, one.sample) not in named:
            named.add((one.cell.dataset, one.sample))
            yield one
