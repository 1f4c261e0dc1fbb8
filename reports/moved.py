"""What moved between two runs, image by image: the largest changes of the detection metric."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import numpy as np

from benchmark.metrics import METRICS, under_convention
from benchmark.results.rows import SampleRow
from benchmark.results.run_folder import RunFolder


class _Key(NamedTuple):
    dataset: str
    bucket: str
    sample: str
    painter: str
    detector: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MovedImage:
    """Detection of one inpainted image in two runs, without post-processing.

    Attributes:
        first: row of the first run.
        second: row of the second run, of the same image, hole, inpainter and detector.
        before: detection metric in the first run.
        after: detection metric in the second run.
    """

    first: SampleRow
    second: SampleRow
    before: float
    after: float

    @property
    def change(self) -> float:
        """Second minus first."""
        return self.after - self.before


def detection_metric(run: RunFolder) -> str:
    """Return the metric by which images are compared: AUC, or that of the run's convention."""
    return under_convention(run.plan.convention, ("auc",))[0]


def moved_images(first: RunFolder, second: RunFolder) -> tuple[list[MovedImage], int]:
    """Return the images whose detection metric differs, and how many detections were compared.

    The largest change is first.

    Args:
        first: the reference run.
        second: a run over the same images and holes.

    Raises:
        DataError: if the samples of a run cannot be read.
    """
    metric = detection_metric(first)
    if metric != detection_metric(second):
        return [], 0
    before = dict(_values(first, metric))
    found, compared = [], 0
    for key, (row, value) in _values(second, metric):
        if key not in before:
            continue
        compared += 1
        old, old_value = before[key]
        if old_value != value:
            found.append(MovedImage(first=old, second=row, before=old_value, after=value))
    return sorted(found, key=lambda one: -abs(one.change)), compared


def _values(run: RunFolder, metric: str) -> Iterator[tuple[_Key, tuple[SampleRow, float]]]:
    kind = METRICS.load(metric)()
    for row in run.each_sample():
        numbers = row.numbers.get(metric)
        if row.launder or not row.detector or not numbers:
            continue
        value = float(kind.values(np.asarray([numbers]))[0])
        if isfinite(value):
            key = _Key(row.dataset, row.bucket, row.sample, row.painter, row.detector)
            yield key, (row, value)
