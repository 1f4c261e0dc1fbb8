"""Base class of metrics: `measure` computes rows per sample (stored), `reduce` a cell from rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput
from benchmark.core.types import Case, Rows, Verdict
from benchmark.metrics.intervals import (
    UNBOUNDED,
    Bounds,
    Interval,
    mean_interval,
    share_interval,
)


class Metric(ABC):
    """A metric: one number per cell of a results table, computed from stored rows per sample.

    A subclass defines the class attributes and `measure`. If its cell is not the mean of the rows'
    first column it also overrides `values`, or `counted`, `reduce` and `interval`.

    Attributes:
        name: name on the command line.
        title: name in tables.
        better: direction in which an inpainter hides or inpaints better, as the paper's arrows.
        needs: "filled" if computed from the inpainted image, "verdict" if from a detector's output.
        unit: unit such as "dB", or "" for a dimensionless number.
        decimals: decimal places in tables.
        bounds: smallest and largest value of a cell; intervals are clipped to them.
        share: whether every image's value is 0 or 1, so that a cell is a share of images.
        note: one sentence printed below every table with this metric, or "".
        null_of: the metric whose null this is, or "": that metric on authentic images, scored
            against the masks of the inpainted ones. It has no direction, and no plan can request
            it.
        of_untouched: the metric that this one replaces on authentic images, or "": its rows are the
            same and stored under the same keys. It cannot be requested in a plan either.
        reads_truth: whether it depends on which pixels are forged: it is not measured on forgeries
            without that truth.
        parts: names of the K numbers of a row, for samples.csv: a column is "NAME.PART", or "NAME"
            where the part is "". If `measure` returns another K, columns are numbered.
        revision: increased whenever `measure` returns other rows for the same input.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    better: ClassVar[Literal["higher", "lower"]]
    needs: ClassVar[Literal["filled", "verdict"]]
    unit: ClassVar[str] = ""
    decimals: ClassVar[int] = 4
    bounds: ClassVar[Bounds] = UNBOUNDED
    share: ClassVar[bool] = False
    note: ClassVar[str] = ""
    null_of: ClassVar[str] = ""
    of_untouched: ClassVar[str] = ""
    reads_truth: ClassVar[bool] = True
    parts: ClassVar[tuple[str, ...]] = ("",)
    revision: ClassVar[int] = 1

    @classmethod
    def of_untouched_images(cls) -> bool:
        """Whether it is measured on authentic images only, so that it ranks no inpainter."""
        return bool(cls.null_of or cls.of_untouched)

    @classmethod
    def unavailable(cls) -> str | None:
        """Return why it cannot be measured here and how to fix it, or None; loads no torch."""
        return None

    @abstractmethod
    def measure(self, case: Case) -> Rows:
        """Compute the rows of N samples.

        Args:
            case: the samples; `case.verdict` is set if `needs` is "verdict".

        Returns:
            (N, K) float64, a row per sample, independent of the other samples. NaN where the metric
            is undefined; infinite where two images are identical.

        Raises:
            BadInput: if the case lacks what the metric needs, or contains a NaN.
        """

    def values(self, rows: Rows) -> NDArray[np.float64]:
        """Return the (N,) values whose mean over samples is the cell: the rows' first column."""
        return rows[:, 0]

    def counted(self, rows: Rows) -> NDArray[np.bool_]:
        """Return which samples count, (N,): neither undefined (NaN) nor identical (infinite)."""
        return np.isfinite(self.values(rows))

    def reduce(self, rows: Rows) -> float:
        """Return the cell's value from (N, K) rows, over samples that count; NaN without any."""
        values = self.values(rows)[self.counted(rows)]
        return float(values.mean()) if len(values) else float("nan")

    def interval(self, rows: Rows, *, seed: int) -> Interval:
        """Return the cell's 95 % interval over samples, from (N, K) rows.

        Args:
            rows: output of `measure`, in the same order of samples for all inpainters of a table.
            seed: the same for all inpainters of a table, so that differences are paired.

        Returns:
            The interval; NaN if fewer than two samples count, or too few that are all equal.
        """
        if self.share:
            return share_interval(self.values(rows))
        return mean_interval(self.values(rows), seed=seed, bounds=self.bounds)


def verdict_of(case: Case, metric: str) -> Verdict:
    """Return the case's detector output, for a metric that needs one.

    Raises:
        BadInput: if the case has none.
    """
    if case.verdict is None:
        raise BadInput(f"{metric}: expected a case with a detector's output, got one without")
    return case.verdict
