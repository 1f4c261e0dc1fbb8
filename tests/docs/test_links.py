"""Links and paths in README and docs point to existing files and headings."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.blocks import PAGES
from tests.unit.test_layers import ROOT

LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
PATH = re.compile(
    r"`(?:python )?((?:benchmarks?|inpainters|detectors|reports|tools|tests|docs)/[\w./+-]*)"
)
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


@pytest.mark.parametrize("page", [*PAGES, "CONTRIBUTING.md"])
def test_every_path_in_a_page_is_there(page: str) -> None:
    named = PATH.findall((ROOT / page).read_text(encoding="utf-8"))
    assert [one for one in named if "NAME" not in one and not Path(ROOT, one).exists()] == []


def test_architecture_names_the_modules_on_the_way() -> None:
    assert len(set(PATH.findall(PAGES["docs/architecture.md"]))) > 30


def test_numbers_of_results_are_those_of_the_tables() -> None:
    found = NUMBER.findall(PAGES["docs/results.md"])
    measured = NUMBER.findall(PAGES["docs/mini.md"].partition("\n# Tables 1 to 6\n")[0])
    assert len(found) > 5
    assert [one for one in found if one not in measured] == []
