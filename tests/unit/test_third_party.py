"""THIRD_PARTY.md is generated from the cards and names the license of every dependency."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from benchmark.third_party import LIBRARIES, TOOLS, third_party
from detectors import DETECTORS
from inpainters import INPAINTERS

ROOT = Path(__file__).parents[2]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s\[<>=;!~]", one)[0].lower() for one in requirements}


def test_the_committed_file_is_what_the_cards_say() -> None:
    written = (ROOT / "THIRD_PARTY.md").read_text(encoding="utf-8")
    assert written == third_party(), "run 'make third-party'"


def test_every_dependency_has_its_license() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert names(project["dependencies"]) == set(LIBRARIES)
    extras = project["optional-dependencies"].values()
    assert {name for extra in extras for name in names(extra)} == set(TOOLS)


def test_every_model_of_others_is_named_with_its_terms() -> None:
    text = third_party()
    for registry in (INPAINTERS, DETECTORS):
        for card in map(registry.card, registry):
            for one in card.checkpoints:
                assert f"| {card.title} | `{one.file}` |" in text
                assert one.license in text
