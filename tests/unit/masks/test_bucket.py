"""Buckets are half-open ranges, compared in integers."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import BadInput
from benchmark.masks.bucket import DEFAULT_BUCKETS, Bucket

BANDS = st.tuples(st.integers(0, 99), st.integers(1, 100)).filter(lambda band: band[0] < band[1])


def mask_of(holes: int, pixels: int) -> np.ndarray:
    return (np.arange(pixels) < holes).reshape(1, pixels)


def test_the_default_buckets_are_those_of_the_papers_tables():
    assert [bucket.label for bucket in DEFAULT_BUCKETS] == ["10-20", "30-40", "50-60"]


@pytest.mark.parametrize("text", ["10-20", " 10-20 ", "010-020"])
def test_labels_are_read_and_made_canonical(text):
    assert Bucket.parse(text).label == "10-20"


@pytest.mark.parametrize(
    "text", ["20-10", "abc", "0-0", "90-101", "10", "", "-5-10", "1.5-2", "10-20-30"]
)
def test_nonsense_is_refused_and_quoted(text):
    with pytest.raises(BadInput, match="bucket"):
        Bucket.parse(text)


def test_the_lower_end_is_out_and_the_upper_end_is_in():
    bucket = Bucket(10, 20)
    assert [bucket.holds(mask_of(holes, 100)) for holes in (10, 11, 20, 21)] == [
        False,
        True,
        True,
        False,
    ]


@given(BANDS, st.integers(1, 3000), st.integers(0, 3000))
def test_counting_agrees_with_fractions(band, pixels, holes):
    bucket, holes = Bucket(*band), min(holes, pixels)
    expected = Fraction(bucket.low, 100) < Fraction(holes, pixels) <= Fraction(bucket.high, 100)
    assert bucket.holds(mask_of(holes, pixels)) == expected


def test_a_border_belongs_to_the_lower_bucket():
    buckets = [Bucket(10, 20), Bucket(20, 30)]
    holding = [[one for one in buckets if one.holds(mask_of(n, 100))] for n in (20, 21, 50)]
    assert holding == [[Bucket(10, 20)], [Bucket(20, 30)], []]
