"""Per-image values of a cell in two runs over the same set of forgeries.

A cell is a subset and a method; which images count is read from their rows in samples.csv. The
images of one original are one cluster: a cell in which an original has several is not tested image
by image.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from benchmark.core.errors import DataError
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Values
from benchmark.results.rounding import kind_of
from benchmark.results.rows import ResultRow, SampleRow
from benchmark.results.run_folder import RunFolder
from benchmark.results.significance import Conclusion
from benchmark.runner.forgery_sources import ALL, AUTHENTIC, UNNAMED
from benchmark.runner.jobs import Forgery
from reports.paired import PairedValues

CLUSTERED = "several images of one original are not independent"
_ROUNDING = 2e-6  # of the file, twice

Rows = Mapping[tuple[str, str], Mapping[str, SampleRow]]  # by post-processing and detector


def are_of_forgeries(runs: Sequence[RunFolder]) -> bool:
    """Return whether two runs are of forgeries.

    Raises:
        DataError: if only one is.
    """
    kinds = [run.plan.forgeries is not None for run in runs]
    if len(set(kinds)) > 1:
        odd = runs[kinds.index(True)]
        raise DataError(
            f"{odd.path}: a run of forgeries, which cannot be compared with one of inpainters"
        )
    return kinds[0]


def forgery_rows(samples: Iterable[SampleRow]) -> Rows:
    """Return the rows of a run of forgeries by post-processing and detector, then by image."""
    found: dict[tuple[str, str], dict[str, SampleRow]] = {}
    for row in samples:
        found.setdefault((row.launder, row.detector), {})[row.sample] = row
    return found


def forgery_pair(cell: ResultRow, sides: Sequence[Rows]) -> PairedValues | None:
    """Return the per-image values of a cell in both runs.

    Args:
        cell: the cell in the first run.
        sides: rows of both runs.

    Returns:
        The values, or None for a number that is not the mean of one value per image.
    """
    metric = kind_of(cell.metric)()
    if type(metric).reduce is not Metric.reduce:
        return None
    first, second = (side.get((cell.launder, cell.detector), {}) for side in sides)
    wanted = [
        name
        for name, row in first.items()
        if name in second and row.forgery and _belongs(row.forgery, cell.bucket, cell.inpainter)
    ]
    before, after = (_values(metric, [side[name] for name in wanted]) for side in (first, second))
    counted = before[np.isfinite(before)]
    if cell.value is None or not len(counted) or abs(counted.mean() - cell.value) > _ROUNDING:
        return None  # not the images of this cell
    groups = tuple(row.forgery.group for name in wanted if (row := first[name]).forgery)
    return PairedValues(tuple(wanted), before, after, clustered=len(set(groups)) < len(groups))


def _belongs(image: Forgery, subset: str, method: str) -> bool:
    own_subset = image.subset or UNNAMED
    if subset not in (ALL, own_subset):
        return False
    if image.kind == "authentic":
        return method == AUTHENTIC
    return method in (ALL, image.method or UNNAMED)


def _values(metric: Metric, rows: Sequence[SampleRow]) -> Values:
    """Return (N,) values, NaN for a gap."""
    found: Values = np.full(len(rows), np.nan)
    for place, row in enumerate(rows):
        if numbers := row.numbers.get(metric.name):
            found[place] = metric.values(np.asarray([numbers]))[0]
    return found


def for_a_detector(verdict: Conclusion, metric: str) -> Conclusion:
    """Return a conclusion in a metric's direction for inpainters as it is for a detector."""
    if kind_of(metric).of_untouched:  # of authentic images: lower is better for both
        return verdict
    opposite: dict[Conclusion, Conclusion] = {"better": "worse", "worse": "better"}
    return opposite.get(verdict, verdict)
