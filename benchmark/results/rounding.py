"""Rounding and formatting of numbers, the same everywhere.

A result has the six decimals of results.csv. It is printed as that decimal number, rounded once,
half away from zero: 0.621150 is 0.6212 in the run's table, `bench table`, the page and every file,
although the nearest binary number is below it.
"""

from __future__ import annotations

from math import isfinite

from benchmark.metrics import METRICS
from benchmark.metrics.base import Metric

GAP = "-"
DECIMALS = 6  # of results.csv
P_DECIMALS = 4
LARGEST = 1e15  # of a finite number in a run's files


def stored(value: float) -> str:
    """Format a number as in results.csv."""
    return f"{value:.{DECIMALS}f}"


def rounded(value: float) -> float:
    """Round a number as in results.csv, so that computed and read numbers are equal."""
    return float(stored(value))


def units(value: float | None, decimals: int) -> int | None:
    """Return a number in units of its last printed digit, or None if there is none."""
    if value is None or not isfinite(value):
        return None
    millionths = int(stored(value).replace(".", ""))
    step: int = 10 ** abs(DECIMALS - decimals)
    if decimals >= DECIMALS:
        return millionths * step
    size = (2 * abs(millionths) + step) // (2 * step)  # half away from zero
    return size if millionths > 0 else -size


def checked(value: float) -> float:
    """Return a number of a run's file, which may be infinite or NaN.

    Raises:
        ValueError: if it is larger than any that a run writes.
    """
    if isfinite(value) and abs(value) > LARGEST:
        raise ValueError(f"expected a number up to {LARGEST:g}")
    return value


def finite(value: float | None) -> float | None:
    """Return a number, or None if it is infinite or NaN: such as for charts."""
    return value if value is not None and isfinite(value) else None


def number(value: float | None, decimals: int, *, gap: str = GAP) -> str:
    """Format a number; `gap` if there is none."""
    whole = units(value, decimals)
    if whole is None:
        return gap
    digits = f"{abs(whole):0{decimals + 1}d}"
    text = f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits
    return f"-{text}" if whole < 0 else text


def signed(value: float | None, decimals: int) -> str:
    """Format a difference with its sign; zero has none."""
    text = number(value, decimals)
    return f"+{text}" if text[0] != "-" and float(text) else text


def span(low: float | None, high: float | None, decimals: int) -> str:
    """Format an interval, or "" if there is none."""
    if low is None or high is None or not isfinite(low):
        return ""
    return f"[{number(low, decimals)}, {number(high, decimals)}]"


def signed_span(low: float | None, high: float | None, decimals: int) -> str:
    """Format the interval of a difference, or "" if there is none."""
    if low is None or high is None:
        return ""
    return f"[{signed(low, decimals)}, {signed(high, decimals)}]"


def with_span(value: float | None, low: float | None, high: float | None, decimals: int) -> str:
    """Format a number and, if there is one, its interval."""
    return f"{number(value, decimals)} {span(low, high, decimals)}".strip()


def p_text(p: float | None) -> str:
    """Format a p-value."""
    if p is None:
        return GAP
    return number(p, P_DECIMALS) if p >= 10**-P_DECIMALS else f"below {10**-P_DECIMALS:.4f}"


def kind_of(metric: str) -> type[Metric]:
    """Return the metric class of a name in results.csv."""
    return METRICS.load(metric)
