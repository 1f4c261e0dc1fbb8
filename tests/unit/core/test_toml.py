"""TOML keys of many parts are refused quickly."""

from __future__ import annotations

import tomllib

import pytest

from benchmark.core.toml import MOST_PARTS, parse_toml


@pytest.mark.parametrize("part", ["a", '"a b"', "'a'", "a "])
@pytest.mark.parametrize("form", ["{key} = 1", "[{key}]", "[[{key}]]", "x = {{{key} = 1}}"])
def test_a_key_of_many_parts_is_refused(part: str, form: str) -> None:
    for count in (5, 50_000):
        text = form.format(key=".".join([part] * count))
        if count == 5:
            assert parse_toml(text)
            continue
        with pytest.raises(tomllib.TOMLDecodeError, match=f"more than {MOST_PARTS} parts"):
            parse_toml(text)


def test_other_text_is_read() -> None:
    text = "a = [" + ", ".join(f"'{n}.png'" for n in range(5000)) + "]\nb.c = 1.5\n"
    assert parse_toml(text) == tomllib.loads(text)
    long = "a" * 200_000  # a pattern that went back and forth would take hours here
    assert parse_toml(f"{long} = 1") == {long: 1}
