"""Exact area under the ROC curve and best F1, by counting or sorting (docs/metrics/auc.md)."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput

Labels = NDArray[np.bool_]
RealArray = NDArray[Any]  # any real dtype

_PATTERNS = 1 << 16  # of a float16
_MINUS_ZERO = 1 << 15
_INFINITY = 0x7C00  # patterns above it, the sign apart, are NaN


class ValueCounts(NamedTuple):
    """Number of occurrences of each value, in ascending order of value; ties are merged.

    Attributes:
        positives: (V,) int64, occurrences among the positives.
        negatives: (V,) int64, occurrences among the negatives.
    """

    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]


def auc(values: RealArray, labels: Labels) -> float:
    """Return the share of (positive, negative) pairs in which the positive is higher, ties 1/2.

    Exact: pairs are counted in integers. float16 values are counted by bit pattern, non-negative
    float32 values sorted as integers with the label in the lowest bit, others ranked by value.

    Args:
        values: real numbers of any shape, higher for positive; -0.0 equals 0.0.
        labels: bool of the same shape, True = positive.

    Returns:
        The area in [0, 1]; 0.5 if all values are equal, NaN if all labels are.

    Raises:
        BadInput: if a value is NaN.
    """
    values, labels = values.ravel(), labels.ravel()
    positives = int(np.count_nonzero(labels))
    negatives = len(labels) - positives
    if values.dtype == np.float32 and len(values) and values.min() >= 0:  # False for a NaN
        doubled = _doubled_wins_packed(values, labels, positives)
    else:
        doubled = _doubled_wins(count_values(values, labels))
    if not positives or not negatives:
        return float("nan")
    return doubled / (2 * positives * negatives)


def count_values(values: RealArray, labels: Labels) -> ValueCounts:
    """Count how often each value occurs among positives and negatives.

    Args:
        values: (V,) real numbers; -0.0 equals 0.0.
        labels: (V,) bool, True = positive.

    Returns:
        Counts in ascending order of value; for float16 over all bit patterns, most of them 0.

    Raises:
        BadInput: if a value is NaN.
    """
    if values.dtype == np.float16:
        return _count_half_values(values, labels)
    if np.isnan(values).any():
        raise BadInput("expected real numbers, got NaN among them")
    _, places = np.unique(values, return_inverse=True)
    whole = np.bincount(places)
    positives = np.bincount(places[labels], minlength=len(whole))
    return ValueCounts(positives, whole - positives)


def best_f1(counts: ValueCounts) -> float:
    """Return the largest F1 over all thresholds; NaN without positives."""
    positives = int(counts.positives.sum())
    if not positives:
        return float("nan")
    found = counts.positives[::-1].cumsum()  # positives at or above each value, descending
    called = found + counts.negatives[::-1].cumsum()
    return float((2 * found / (positives + called)).max())


@cache
def half_values() -> NDArray[np.float64]:
    """Return the values that float16 counts refer to, (65535,), ascending; NaN at both ends."""
    return _ascending(np.arange(_PATTERNS, dtype=np.uint16)).view(np.float16).astype(np.float64)


def _doubled_wins(counts: ValueCounts) -> int:
    """Return twice the pairs won by positives, ties counting one; exact to 2**31 pixels a class."""
    below = counts.negatives.cumsum() - counts.negatives
    return int(counts.positives @ (2 * below + counts.negatives))


def _doubled_wins_packed(values: RealArray, labels: Labels, positives: int) -> int:
    """Return the same for non-negative float32, whose bit patterns sort like the values.

    The shift drops the sign bit, so that -0.0 ties with 0.0; of equal values negatives come first.
    """
    packed = values.view(np.uint32) << np.uint32(1)
    packed |= labels
    packed.sort()
    wins = int(np.flatnonzero(packed & 1).sum()) - positives * (positives - 1) // 2
    starts = np.concatenate(([0], np.flatnonzero(packed[1:] != packed[:-1]) + 1))
    keys, lengths = packed[starts], np.diff(starts, append=len(packed))
    tied = (keys[:-1] | 1) == keys[1:]  # a run of negatives, then positives of the same value
    return 2 * wins - int(lengths[:-1][tied] @ lengths[1:][tied])


def _count_half_values(values: RealArray, labels: Labels) -> ValueCounts:
    """Count float16 values by bit pattern: 65,536 of them, whatever the number of values."""
    bits = values.view(np.uint16)
    whole = np.bincount(bits, minlength=_PATTERNS)
    nan = whole[_INFINITY + 1 : _MINUS_ZERO].any() or whole[_MINUS_ZERO + _INFINITY + 1 :].any()
    if nan:
        raise BadInput("expected real numbers, got NaN among them")
    positives = _ordered(np.bincount(bits[labels], minlength=_PATTERNS))
    return ValueCounts(positives, _ordered(whole) - positives)


def _ordered(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Sort counts by bit pattern in ascending order of value, adding those of -0.0 to 0.0."""
    counts[0] += counts[_MINUS_ZERO]
    return _ascending(counts)


def _ascending(patterns: NDArray[Any]) -> NDArray[Any]:
    """Sort an array by bit pattern, (65536,), in ascending order of value, without -0.0."""
    # Without the sign bit, a negative's pattern grows as its value falls; 0x8000 is -0.0.
    return np.concatenate((patterns[:_MINUS_ZERO:-1], patterns[:_MINUS_ZERO]))
