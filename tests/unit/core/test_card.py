"""Model cards are read from the source without importing it."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from benchmark.core.card import Card, Checkpoint, card_from, read_card
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


OLD = (
    "from benchmark.core.card import Card, Checkpoint\n"
    "class Painter:\n"
    "    card = Card(name='p', title='P', licence='MIT',\n"
    "                checkpoints=(Checkpoint(file='a.pth', licence='none'),))\n"
)


def test_a_plugin_may_call_the_license_licence(module: Path) -> None:
    """Read as data and imported alike; `licence` was the field's name before."""
    module.write_text(OLD)
    read = read_card("painter_for_the_card_test:Painter")
    imported = importlib.import_module("painter_for_the_card_test").Painter.card
    sys.modules.pop("painter_for_the_card_test")
    for card in (read, imported):
        assert (card.license, card.licence) == ("MIT", "MIT")
        assert (card.checkpoints[0].license, card.checkpoints[0].licence) == ("none", "none")
    assert read == imported
    assert replace(read, license="BSD").license == "BSD"
    with pytest.raises(TypeError, match="license"):
        Card(name="p", title="P", licence="MIT", license="BSD")  # type: ignore[call-arg]


def test_json_keeps_the_key_licence() -> None:
    """Records of earlier versions have it, and scripts read it."""
    files = (Checkpoint(file="a", license="x"),)
    card = Card(name="p", title="P", license="MIT", checkpoints=files)
    values = json.loads(json.dumps(card.document()))
    assert list(values)[:4] == ["name", "title", "paper", "licence"]
    assert values["licence"] == "MIT"
    assert values["checkpoints"][0]["licence"] == "x"
    assert card_from(values) == replace(card, checkpoints=())
    assert card_from({"name": "p", "title": "P", "license": "MIT"}).license == "MIT"


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
