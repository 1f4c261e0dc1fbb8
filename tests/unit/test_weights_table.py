"""`bench weights`: one row a model, of what is here, what is missing, and how to get it."""

from __future__ import annotations

from typing import Any

from benchmark.weights_table import weights_text


def entry(name: str, state: str, how: str = "", **known: str) -> dict[str, Any]:
    return {"name": name, "state": state, "how": how, "address": "", "source": "", **known}


def test_the_files_of_a_model_are_one_row() -> None:
    add = "bench weights add c FOLDER"
    text = weights_text(
        [
            entry("a", "shipped"),
            entry("b", "verified"),
            entry("b", "installed"),
            entry("b", "shipped"),
            entry("c", "missing", add, source=f"https://somewhere/{'x' * 40}: by {'y ' * 40}"),
            entry("c", "verified"),
            entry("c", "missing", add),
            entry("d", "altered", "bench weights fetch d", address="https://d"),
            entry("e", "verified"),
        ]
    )
    assert text.splitlines()[:6] == [
        "model  mini  authors' files  how",
        "a      here  -",
        "b      here  installed",
        "c      -     2 of 3 missing  bench weights add c FOLDER",
        "d      -     altered         bench weights fetch d",
        "e      -     verified",
    ]
    assert max(map(len, text.splitlines())) <= 80
    assert "  c: https://somewhere/xxx" in text
    assert "  d: " not in text


def test_without_files_that_nobody_can_fetch_there_is_no_list_of_them() -> None:
    assert "Not downloaded" not in weights_text([entry("e", "verified")])
