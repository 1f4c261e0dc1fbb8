"""Which intervals stand in the brackets of a table, in a sentence beneath it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from benchmark.metrics.intervals import FEW
from benchmark.results.rounding import kind_of

OLD = (
    "Brackets: 95 % percentile bootstrap interval over images, of an older version, too narrow "
    "where images are few; run the plan again for better ones (docs/statistics.md)."
)


class WithInterval(Protocol):
    """A number with its interval: a cell, or a row of results.csv."""

    @property
    def metric(self) -> str: ...  # noqa: D102
    @property
    def low(self) -> float | None: ...  # noqa: D102
    @property
    def n(self) -> int: ...  # noqa: D102


def interval_note(numbers: Iterable[WithInterval], *, old: bool = False) -> str:
    """What the brackets of some numbers are, or "" where none has any.

    Args:
        numbers: what the table shows.
        old: whether a version made them that had the percentile bootstrap alone.
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
