"""Rows of samples.csv grouped by setting, with the same image order for all inpainters."""

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
class Setting:
    """An evaluation setting: inpainters are compared in it on the same images.

    Attributes:
        dataset: name of the data set.
        launder: post-processing of the inpainted images, or "".
        detector: name of the detector, or "" for metrics of the image alone.
        bucket: mask-ratio bin.
    """

    dataset: str
    launder: str
    detector: str
    bucket: str


@dataclass(frozen=True, slots=True)
class PairedValues:
    """Per-image values of one number in two runs.

    Attributes:
        names: names of the N images.
        before: (N,) in the first run, NaN for a gap.
        after: (N,) in the second run, of the same images.
        clustered: whether several images are of one original, so that they cannot be tested as
            independent.
    """

    names: tuple[str, ...]
    before: Values
    after: Values
    clustered: bool = False

    @property
    def moved(self) -> bool:
        """Whether the value of any image that counts in both runs differs."""
        known = np.isfinite(self.before) & np.isfinite(self.after)
        return bool((self.before != self.after)[known].any())


class SampleColumns:
    """Per-image values of one inpainter in one setting, stored as arrays to save memory.

    Attributes:
        names: image names with their positions.
        scores: detector scores in [0, 1], NaN where there is no detection.
    """

    def __init__(self) -> None:
        self.names: dict[str, int] = {}
        self.scores = array("d")
        self._numbers: dict[str, array[float]] = {}
        self._widths: dict[str, int] = {}

    def add(self, row: SampleRow) -> None:
        """Append a row, unless its image is already present."""
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
        """Return the (N, K) measurements of a metric, K numbers per image, NaN for a gap."""
        width = self._widths.get(metric, 1)
        found = np.full((len(self.names), width), NAN)
        column = self._numbers.get(metric, array("d"))
        found.reshape(-1)[: len(column)] = column
        return found


@dataclass(frozen=True, slots=True)
class SettingSamples:
    """Per-image values of all inpainters in one setting.

    Attributes:
        inpainters: columns by the inpainter's name, with its retouching.
    """

    inpainters: dict[str, SampleColumns] = field(default_factory=dict)

    def values(self, inpainter: str, metric: Metric, names: Iterable[str] = ()) -> Values:
        """Return the (N,) per-image values of a metric, NaN where the inpainter has a gap.

        Args:
            inpainter: name of the inpainter, with its retouching.
            metric: the metric.
            names: the N images, by default all of the setting.
        """
        columns = self.inpainters[inpainter]
        found = columns.numbers(metric.name)
        found = np.concatenate((found, np.full((1, found.shape[1]), NAN)))  # the last row: a gap
        order = names or next(iter(self.inpainters.values())).names
        return metric.values(found[[columns.names.get(name, -1) for name in order]])

    def scores(self, inpainter: str) -> Values:
        """Return the (M,) detector scores in [0, 1] of the images with a detection."""
        found: Values = np.asarray(self.inpainters[inpainter].scores)
        known: Values = found[~np.isnan(found)]
        return known

    def called_forged(self, inpainter: str, threshold: float) -> Values:
        """Return (M,), 1 where the detector called the image forged, else 0.

        The decision is read from `acc`, which used the score before samples.csv rounded it.
        """
        columns = self.inpainters[inpainter]
        scores, called = np.asarray(columns.scores), columns.numbers("acc")[:, -1]
        forged = np.where(np.isnan(called), scores > threshold, called)
        known: Values = forged[~np.isnan(scores)]
        return known


def samples_by_setting(samples: Iterable[SampleRow]) -> dict[Setting, SettingSamples]:
    """Group rows of samples.csv by setting; metrics of the image alone have the detector ""."""
    found: dict[Setting, SettingSamples] = {}
    for row in samples:
        for detector in {row.detector: None, "": None} if not row.launder else (row.detector,):
            setting = Setting(row.dataset, row.launder, detector, row.bucket)
            inpainters = found.setdefault(setting, SettingSamples()).inpainters
            if row.painter not in inpainters:
                inpainters[row.painter] = SampleColumns()
            inpainters[row.painter].add(row)
    return dict(sorted(found.items()))
