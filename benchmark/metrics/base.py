"""A metric's two halves: `measure` sees images and is stored, `reduce` sees only those rows."""

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
    """A number per cell of a table, from rows of numbers per sample.

    A subclass writes the attributes and `measure`; one whose cell is not the mean of the rows'
    first column writes `values` too, or `counted`, `reduce` and `interval`.

    Attributes:
        name: its name on the command line.
        title: its name in tables.
        better: the direction in which an inpainter hides or inpaints better, as the paper's arrows.
        needs: "filled" for a metric of the image alone, "verdict" for one of a detector's answer.
        unit: what it is counted in, such as "dB", or "" for a pure number.
        decimals: digits after the point in tables.
        bounds: the smallest and the largest value that a cell can have; intervals end there.
        share: whether the value of every image is 0 or 1, so that a cell is a share of images.
        note: what a reader must know beside the number, one sentence beneath every table, or "".
        null_of: the metric whose null this is, or "": what that metric says of untouched images
            when their holes are taken for the truth. It has no direction, and no plan asks for it.
        of_untouched: the metric that this one stands in for where images are untouched, or "": its
            rows are the same and stored under the same keys. No plan asks for it either.
        parts: what the K numbers of a row are, for samples.csv: a column is called "NAME.PART", or
            "NAME" where the part is "". One that measures another K has its columns numbered.
        revision: raised whenever `measure` gives another row for the same case.
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
    parts: ClassVar[tuple[str, ...]] = ("",)
    revision: ClassVar[int] = 1

    @classmethod
    def of_untouched_images(cls) -> bool:
        """Whether it is of untouched images alone: no inpainter is better by it."""
        return bool(cls.null_of or cls.of_untouched)

    @classmethod
    def unavailable(cls) -> str | None:
        """Why it cannot be measured here and what to type, or None; found out without torch."""
        return None

    @abstractmethod
    def measure(self, case: Case) -> Rows:
        """Measure N samples.

        Args:
            case: the samples; its verdict is there where `needs` is "verdict".

        Returns:
            (N, K) float64, one row a sample, the same whatever the samples beside it. NaN where the
            metric is undefined; infinite where two images are identical.

        Raises:
            BadInput: if the case lacks what the metric needs, or holds a NaN.
        """

    def values(self, rows: Rows) -> NDArray[np.float64]:
        """The (N,) values whose mean over samples is the cell: the rows' first column."""
        return rows[:, 0]

    def counted(self, rows: Rows) -> NDArray[np.bool_]:
        """Which samples count, (N,): not the undefined (NaN), nor identical images (infinite)."""
        return np.isfinite(self.values(rows))

    def reduce(self, rows: Rows) -> float:
        """The cell's value from (N, K) rows, over the samples that count; NaN if none does."""
        values = self.values(rows)[self.counted(rows)]
        return float(values.mean()) if len(values) else float("nan")

    def interval(self, rows: Rows, *, seed: int) -> Interval:
        """The cell's 95 % interval over samples, from (N, K) rows: see docs/statistics.md.

        Args:
            rows: what `measure` gave, in an order of samples that all inpainters of a table share.
            seed: the same for all inpainters of a table, so that their differences are paired.

        Returns:
            Both ends; NaN where fewer than two samples count, or too few that are all equal.
        """
        if self.share:
            return share_interval(self.values(rows))
        return mean_interval(self.values(rows), seed=seed, bounds=self.bounds)


def verdict_of(case: Case, metric: str) -> Verdict:
    """The case's verdict, for a metric that needs one.

    Raises:
        BadInput: if no detector was asked.
    """
    if case.verdict is None:
        raise BadInput(f"{metric}: expected a case with a detector's verdict, got one without")
    return case.verdict
