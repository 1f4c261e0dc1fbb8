"""The rows of samples.csv by cell: the same images in the same order for all inpainters."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Values
from benchmark.results.rows import SampleRow

NAN = float("nan")


@dataclass(frozen=True, slots=True, order=True)
class Cell:
    """Where several inpainters are compared on the same images.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the inpainted images, or "".
        detector: the detector's name, or "" for metrics of the image alone.
        bucket: the hole's bucket.
    """

    dataset: str
    launder: str
    detector: str
    bucket: str


class Rows:
    """One inpainter's rows of one cell, image after image: in arrays, for there are many.

    Attributes:
        names: the images' names and their places.
        scores: the detector's scores, NaN where it judged nothing.
    """

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.scores = array("d")
        self._numbers: dict[str, array[float]] = {}
        self._widths: dict[str, int] = {}

    def add(self, row: SampleRow) -> None:
        """Add a row, unless there is one of the same image."""
        place = self.names.setdefault(row.sample, len(self.names))
        if place < len(self.scores):
            return
        self.scores.append(NAN if row.score is None else row.score)
        for metric, numbers in row.numbers.items():
            width = self._widths.setdefault(metric, len(numbers))
            column = self._numbers.setdefault(metric, array("d"))
            column.extend([NAN] * (width * place - len(column)))  # images with a gap
            column.extend(numbers)

    def numbers(self, metric: str) -> NDArray[np.float64]:
        """(N, K) what a metric measured on each image, NaN where there is a gap."""
        width = self._widths.get(metric, 1)
        found = np.full((len(self.names), width), NAN)
        column = self._numbers.get(metric, array("d"))
        found.reshape(-1)[: len(column)] = column
        return found


@dataclass(frozen=True, slots=True)
class Pictures:
    """The rows of one cell, per inpainter."""

    rows: dict[str, Rows] = field(default_factory=dict)

    def values(self, inpainter: str, metric: Metric, names: Iterable[str] = ()) -> Values:
        """(N,) what the metric came to on each image of `names`, by default of the whole cell.

        NaN where the inpainter has a gap.
        """
        rows = self.rows[inpainter]
        found = rows.numbers(metric.name)
        found = np.concatenate((found, np.full((1, found.shape[1]), NAN)))  # the last: a gap
        order = names or next(iter(self.rows.values())).names
        return metric.values(found[[rows.names.get(name, -1) for name in order]])

    def scores(self, inpainter: str) -> Values:
        """(M,) the detector's scores of those images that it judged."""
        found: Values = np.asarray(self.rows[inpainter].scores)
        judged: Values = found[~np.isnan(found)]
        return judged

    def fired(self, inpainter: str, threshold: float) -> Values:
        """(M,) 1 where the detector called the image forged: by `acc`, which was not rounded."""
        rows = self.rows[inpainter]
        scores, called = np.asarray(rows.scores), rows.numbers("acc")[:, -1]
        fired = np.where(np.isnan(called), scores > threshold, called)
        judged: Values = fired[~np.isnan(scores)]
        return judged


def images_of(samples: Iterable[SampleRow]) -> dict[Cell, Pictures]:
    """Rows of samples.csv by cell; those of the image alone, once, under the detector ""."""
    found: dict[Cell, Pictures] = {}
    for row in samples:
        for detector in {row.detector: None, "": None} if not row.launder else (row.detector,):
            cell = Cell(row.dataset, row.launder, detector, row.bucket)
            rows = found.setdefault(cell, Pictures()).rows
            if row.painter not in rows:
                rows[row.painter] = Rows()
            rows[row.painter].add(row)
    return dict(sorted(found.items()))
