"""Decimal numbers typed by a user; typos are refused."""

from __future__ import annotations

from math import isnan

import pytest

from benchmark.core.decimals import parse_number


@pytest.mark.parametrize(
    ("text", "number"), [("1.5", 1.5), ("2", 2), (".5", 0.5), ("1e-3", 0.001), ("-4", -4)]
)
def test_decimal_numbers(text: str, number: float) -> None:
    assert parse_number(text) == number


@pytest.mark.parametrize("text", ["1_5", "", "nan", "inf", "0x10", "\u0661", "1,5", "1 5", "match"])
def test_anything_else_is_none(text: str) -> None:
    assert isnan(parse_number(text))
