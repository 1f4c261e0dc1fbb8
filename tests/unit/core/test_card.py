"""Cards are read from the source as data."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ({}, ""),
        ({"size": 3}, ""),
        ({"sha256": "0" * 64}, "SHA-256"),
        ({"sha256": "0" * 8}, "SHA-256, first digits"),
        ({"git_blob": "0" * 40}, "Git blob id"),
        ({"archive": "md5:0"}, "MD5 of its archive"),
        ({"sha256": "0" * 64, "archive": "sha256:0"}, "SHA-256, SHA-256 of its archive"),
    ],
)
def test_a_checkpoint_says_how_it_is_verified(known: dict[str, Any], said: str) -> None:
    assert Checkpoint(file="a.pth", **known).checksum == said
