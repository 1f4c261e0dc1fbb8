"""Citations are of a paper's section or a page of docs/, never of files that do not ship."""

from __future__ import annotations

import re

import pytest

from tests.unit.test_layers import OURS, ROOT

ENDINGS = {".py", ".toml", ".md", ".html", ".txt"}
UNSHIPPED = re.compile(
    r"\bspecifications?\b|\bmetrics\.md, section|\b(ANCHORS|CONTRACT|DESIGN|STYLE)\.md"
)
CITED = re.compile(r"\bdocs/[\w/+.-]+\.(?:md|ipynb|png)\b")
FILES = [
    path
    for folder in (*OURS, "docs", "tools")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in ENDINGS
] + [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "THIRD_PARTY.md", ROOT / "Makefile"]


@pytest.mark.parametrize("folder", [*OURS, "docs", "tools"])
def test_there_are_files_to_look_at(folder: str) -> None:
    assert any(path.is_relative_to(ROOT / folder) for path in FILES)


def test_nothing_cites_a_page_that_does_not_ship() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in FILES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if UNSHIPPED.search(line)
    ]
    assert not found, "\n".join(found)


def test_every_cited_page_is_there() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {page}"
        for path in FILES
        for page in CITED.findall(path.read_text(encoding="utf-8"))
        if not (ROOT / page).is_file()
    ]
    assert not found, "\n".join(found)
