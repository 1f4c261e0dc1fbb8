"""Links of README and docs lead to files and headings that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES
from tests.unit.test_layers import ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(r"`((?:benchmark|inpainters|detectors|reports|tools|tests)[\w./-]*)`")
NUMBER = re.compile(r"\b\d+\.\d{2,}\b")


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings."""
    heads = re.findall(r"^#+ (.+)$", FENCED.sub("", text), flags=re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).strip().replace(" ", "-") for head in heads}


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page: str) -> None:
    for link in LINK.findall(FENCED.sub("", PAGES[page])):
        place, _, anchor = link.partition("#")
        if re.match(r"\w+:", link):
            continue
        target = (ROOT / page).parent / place if place else ROOT / page
        assert target.exists(), f"{page}: {link}"
        if anchor:
            name = target.resolve().relative_to(ROOT).as_posix()
            assert anchor in anchors(PAGES[name]), f"{page}: {link}"


def test_architecture_names_what_is_there() -> None:
    named = PATH.findall(PAGES["docs/architecture.md"])
    assert len(named) > 40
    assert [path for path in named if not Path(ROOT, path).exists()] == []


def test_numbers_of_results_are_those_of_the_tables() -> None:
    found = NUMBER.findall(PAGES["docs/results.md"])
    assert len(found) > 5
    assert [one for one in found if one not in PAGES["docs/mini.md"]] == []
