"""README and hand-written pages use the field's terms; docs/glossary.md lists the others."""

from __future__ import annotations

import re

import pytest

from tests.docs.blocks import PAGES
from tools.docs.markdown import NOTICE

FENCED = re.compile(r"(?s:^```.*?^```$)|^    .*$", re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`|\]\([^)\s]*\)|<!--.*?-->")
OURS = re.compile(
    r"\b(pictures?|photographs?|licen[c]es?|laundered|laundering|painted|false alarms?|"
    r"goldens?|judges?|judged|brought|fires|heals?|punished|loud|colours?|grey)\b",
    re.IGNORECASE,
)
TABLES = "\n# Tables 1 to 6\n"  # of docs/mini.md: printed by `bench table`
# The project's question.
KEPT = ("Can a forgery detector still find what an inpainting model painted?",)
WRITTEN = [
    page for page in PAGES if not PAGES[page].startswith(NOTICE) and page != "docs/glossary.md"
]


def prose(page: str) -> str:
    """A page without code, addresses and printed tables."""
    text = CODE.sub("", FENCED.sub("", PAGES[page].partition(TABLES)[0]))
    for sentence in KEPT:
        text = text.replace(sentence, "")
    return text


@pytest.mark.parametrize("page", WRITTEN)
def test_a_page_uses_the_fields_words(page: str) -> None:
    assert OURS.findall(prose(page)) == []


def test_the_glossary_explains_ours() -> None:
    for word in ("bucket", "launder", "edition", "null", "mini", "official", "goldens", "§", "†"):
        assert word in PAGES["docs/glossary.md"]
