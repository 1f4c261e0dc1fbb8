"""Table notes that say which kinds of intervals the brackets contain."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from benchmark.metrics.intervals import FEW
from benchmark.results.rounding import kind_of

OLD = (
    "Brackets: 95 % percentile bootstrap interval over images, of an older version, too narrow "
    "for few images; rerun the plan for better ones (docs/statistics.md)."
)


class WithInterval(Protocol):
    """A number with its interval: a cell or a row of results.csv."""

    @property
    def metric(self) -> str: ...  # noqa: D102
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def n(self) -> int: ...  # noqa: D102


def interval_note(numbers: Iterable[WithInterval], *, old: bool = False) -> str:
    """Return a sentence on the intervals in brackets, or "" if there are none.

    Args:
        numbers: numbers of the table.
        old: whether they are of a version that had the percentile bootstrap only.
    """
    known = [one for one in numbers if one.low is not None]
    if not known:
        return ""
    if old:
        return OLD
    shares = any(kind_of(one.metric).share for one in known)
    means = [one.n for one in known if not kind_of(one.metric).share]
    said = {
        "Clopper-Pearson for shares of images": shares,
        f"Student's t for means over fewer than {FEW}": any(n < FEW for n in means),
        f"percentile bootstrap for means over {FEW} or more": any(n >= FEW for n in means),
    }
    used = ", ".join(words for words, there in said.items() if there)
    return f"Brackets: 95 % interval over images: {used}."
