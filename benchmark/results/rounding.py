"""How every number is printed: one rounding, so that a result looks alike wherever it stands.

A result is what results.csv holds, six decimals. What is printed is that decimal number, rounded
once, a half away from zero: 0.621150 is 0.6212 in the run's table, `bench table`, the page and
every file, though the nearest binary number lies below it.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from math import isfinite

from benchmark.metrics import METRICS
from benchmark.metrics.base import Metric

GAP = "-"
DECIMALS = 6  # of results.csv
P_DECIMALS = 4


def stored(value: float) -> str:
    """A number as results.csv holds it."""
    return f"{value:.{DECIMALS}f}"


def rounded(value: float) -> float:
    """A number as results.csv holds it: every reader has the same, run again or read back."""
    return float(stored(value))


def number(value: float | None, decimals: int, *, gap: str = GAP) -> str:
    """A number as it is printed; a gap where there is none."""
    if value is None or not isfinite(value):
        return gap
    places = Decimal(1).scaleb(-decimals)
    rounded = Decimal(stored(value)).quantize(places, rounding=ROUND_HALF_UP)
    return f"{rounded + 0:f}"  # plus 0: zero has no sign


def signed(value: float | None, decimals: int) -> str:
    """A difference as it is printed, with its sign; zero has none."""
    text = number(value, decimals)
    return f"+{text}" if text[0] != "-" and float(text) else text


def span(low: float | None, high: float | None, decimals: int) -> str:
    """An interval as it is printed, or "" where there is none."""
    if low is None or high is None or not isfinite(low):
        return ""
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def signed_span(low: float | None, high: float | None, decimals: int) -> str:
    """The interval of a difference as it is printed, or "" where there is none."""
    if low is None or high is None:
        return ""
    return f"[{signed(low, decimals)}, {signed(high, decimals)}]"


def with_span(value: float | None, low: float | None, high: float | None, decimals: int) -> str:
    """A number and, where there is one, its interval."""
    return f"{number(value, decimals)} {span(low, high, decimals)}".strip()


def p_text(p: float | None) -> str:
    """A p-value as it is printed."""
    if p is None:
        return GAP
    return number(p, P_DECIMALS) if p >= 10**-P_DECIMALS else f"below {10**-P_DECIMALS:.4f}"


def kind_of(metric: str) -> type[Metric]:
    """The metric behind a name of results.csv."""
    return METRICS.load(metric)
