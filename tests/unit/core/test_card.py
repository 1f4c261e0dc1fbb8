"""Cards are read from the source as data."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.core.card import Card, Checkpoint, read_card
from benchmark.core.errors import BenchError


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path / "painter_for_the_card_test.py"


def test_a_card_is_read_without_importing_its_module(module: Path) -> None:
    module.write_text(
        "raise RuntimeError('imported')\n"
        "class Painter(Base):\n"
        "    card = Card(name='p', title='P', checkpoints=(Checkpoint(file='a.pth'),),\n"
        "                revision=2)\n"
    )
    card = read_card("painter_for_the_card_test:Painter")
    assert card == Card(name="p", title="P", checkpoints=(Checkpoint(file="a.pth"),), revision=2)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x = 1\n", "no class 'Painter'"),
        ("class Painter:\n    pass\n", "has no `card"),
        ("class Painter:\n    card = Card(name=NAME, title='P')\n", "line 2 of its card"),
    ],
)
def test_what_is_no_card_is_an_error_in_a_line(module: Path, source: str, message: str) -> None:
    module.write_text(source)
    with pytest.raises(BenchError, match=message):
        read_card("painter_for_the_card_test:Painter")


def test_a_missing_module_is_an_error_in_a_line() -> None:
    with pytest.raises(BenchError, match="no module 'nowhere_at_all'"):
        read_card("nowhere_at_all:Painter")
