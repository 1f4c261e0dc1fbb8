"""Result types of the comparison of two runs: changes, failures, and the images that moved most."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.results.rounding import kind_of
from benchmark.results.significance import Conclusion
from benchmark.results.training_exposure import MET

RULE = (
    "Changes are second minus first, paired by image, with 95 % intervals; tests are two-sided, "
    "with Holm's correction over the numbers of a detector that moved (docs/statistics.md)."
)
MET_CHANGE = f"{MET} met in training by the detector of either run."


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One number in two runs.

    Attributes:
        dataset: name of the data set.
        launder: post-processing of the inpainted images, or "".
        detector: name of the detector, or "".
        inpainter: name of the inpainter, with its retouching, such as "telea+grain:1.5".
        bucket: mask-ratio bin.
        metric: name of the metric.
        first: value in the first run, or None for a gap.
        second: value in the second run, or None for a gap.
        low: lower end of the paired 95 % interval of second minus first, or None.
        high: upper end, or None.
        p: two-sided p-value of the change, or None.
        p_holm: that p-value corrected for the tests of this detector, or None.
        n: images that count in both runs.
        verdict: whether the second run is better or worse, as in `results.significance`.
        reason: why nothing is tested, or "".
        comparable: whether both numbers are of the same definition; if not, there is no change.
        first_weights: weights behind the first value, or "" where the run lacks the cell.
        second_weights: weights behind the second value, or "".
        met: whether the detector of either run met the inpainter in training.
        of_forgeries: whether it is of a set of forgeries: `inpainter` is the method, `bucket` the
            subset, and better is what is better for the detector.
    """

    dataset: str
    launder: str
    detector: str
    inpainter: str
    bucket: str
    metric: str
    first: float | None
    second: float | None
    low: float | None
    high: float | None
    p: float | None
    p_holm: float | None
    n: int
    verdict: Conclusion
    reason: str
    first_weights: str
    second_weights: str
    met: bool
    comparable: bool = True
    of_forgeries: bool = False

    @property
    def change(self) -> float | None:
        """Second minus first, or None where either is a gap or they cannot be compared."""
        if self.first is None or self.second is None or not self.comparable:
            return None
        return self.second - self.first

    @property
    def differs(self) -> bool:
        """Whether the test shows a difference."""
        return self.verdict in {"better", "worse"}

    @property
    def moved(self) -> bool:
        """Whether the second run has another number, gap or weights."""
        others = self.first_weights != self.second_weights
        return others or self.differs or self.first != self.second

    @property
    def name(self) -> str:
        """The cell in words: inpainter, detector, metric, data set and mask-ratio bin."""
        detector = f" on {self.detector}" if self.detector else ""
        after = f" after {self.launder}" if self.launder else ""
        where = f"{self.dataset} {self.bucket}{'' if self.of_forgeries else ' %'}"
        return f"{self.inpainter}{detector}{after}: {self.metric} ({where})"

    @property
    def lower_is_better(self) -> bool:
        """Whether a fall is better, for the inpainter or, of forgeries, for the detector."""
        metric = kind_of(self.metric)
        flipped = self.of_forgeries and not metric.of_untouched
        return (metric.better == "lower") is not flipped

    @property
    def weights(self) -> str:
        """The weights of both runs, once if they are the same."""
        return " -> ".join(dict.fromkeys(filter(None, (self.first_weights, self.second_weights))))

    @property
    def decimals(self) -> int:
        """Printed digits after the decimal point."""
        return kind_of(self.metric).decimals


@dataclass(frozen=True, slots=True)
class Failure:
    """A cell that moved beyond its limit, or that the second run lacks.

    Attributes:
        change: the cell.
        limit: largest allowed change, positive for a rise and negative for a fall.
    """

    change: Change
    limit: float

    @property
    def line(self) -> str:
        """The cell, how far it moved, and the limit."""
        if self.change.change is None:
            return f"{self.change.name} is a gap in the second run"
        moved = f"{self.change.change:+.6f}"
        return f"{self.change.name} moved by {moved}, the limit is {self.limit:+g}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WorstImage:
    """One of the images whose value moved most in the wrong direction.

    Attributes:
        cell: the cell that it belongs to.
        sample: name of the image.
        first: its value in the first run.
        second: its value in the second run.
    """

    cell: Change
    sample: str
    first: float
    second: float

    @property
    def change(self) -> float:
        """Second minus first."""
        return self.second - self.first


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        first: folder of the first run.
        second: folder of the second run.
        changes: every cell of either run, in the order of the first.
        failed: the cells that moved beyond a limit of `fail_on`.
        limits: the limits, by metric.
        worst: the images that moved most, at most `reports.worst.SHOWN` of each metric.
        notes: one line for everything in which the runs differ besides their numbers.
    """

    first: Path
    second: Path
    changes: tuple[Change, ...]
    failed: tuple[Failure, ...] = ()
    limits: Mapping[str, float] = field(default_factory=dict)
    worst: tuple[WorstImage, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def failures(self) -> tuple[str, ...]:
        """One line per cell that moved beyond a limit."""
        return tuple(one.line for one in self.failed)

    def summary(self) -> str:
        """Return the number of cells that moved, in one line."""
        moved = sum(one.change is not None and one.change != 0 for one in self.changes)
        differ = sum(one.differs for one in self.changes)
        gaps = sum(one.change is None for one in self.changes)
        if not any(one.moved or not one.comparable for one in self.changes):
            return f"{len(self.changes)} numbers, none changed."
        rest = f", {gaps} cannot be compared ({self._why_not()})" if gaps else ""
        return (
            f"{len(self.changes)} cells: {moved} moved, {differ} of them better or worse by a "
            f"test{rest}."
        )

    def _why_not(self) -> str:
        others = any(not one.comparable for one in self.changes)
        return "a gap in either run" + (", or a metric of another revision" if others else "")

    @property
    def rule(self) -> str:
        """How the changes are tested, and why some are not."""
        reasons: dict[str, int] = {}
        for one in self.changes:
            if one.reason and one.change is not None:
                reasons[one.reason] = reasons.get(one.reason, 0) + 1
        met = [MET_CHANGE] if any(one.met for one in self.changes) else []
        return " ".join(
            [RULE, *met, *(f"Not tested, {n} of them: {why}." for why, n in reasons.items())]
        )
