"""README: its size, and its table is the beginning of its command's output."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from benchmark.results.text_blocks import WIDTH
from tests.conftest import link_backbone
from tests.docs.blocks import PAGES
from tests.docs.player import bench
from tests.docs.printed import alike
from tests.unit.test_layers import ROOT

LAST = "an AUC with its null, not with 0.5."  # ends the notes
LPIPS = re.compile(r"^LPIPS .*?\n\n", re.MULTILINE | re.DOTALL)


def table_of(page: str) -> str:
    """What stands between a page's marks, without the indentation that makes it a block."""
    part = PAGES[page].split("<!-- table -->")[1].split("<!-- /table -->")[0]
    return "\n".join(line.removeprefix("    ") for line in part.splitlines())


def table_lines(text: str, *, lpips: bool) -> list[str]:
    """The lines of the table, of the block of LPIPS only where it can be measured."""
    text = text[text.index("samples: can the detector") :]
    text = text[: text.index(LAST)]
    return (text if lpips else LPIPS.sub("", text)).strip().splitlines()


def test_the_table_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lpips = link_backbone("alexnet")
    shown = table_of("docs/quickstart.md") + "\n"
    words = ["run", "--inpainter", "safepaint", "--detector", "trufor", "--out", "out", "--quiet"]
    pairs = [table_lines(text, lpips=lpips) for text in (shown, bench(words, "docs/quickstart.md"))]
    assert len(pairs[0]) > 25
    assert max(map(len, pairs[0])) <= WIDTH
    for said, found in zip(*pairs, strict=True):
        assert alike(said, found), f"{said}\n{found}"


def test_readmes_table_is_the_beginning_of_the_whole_one() -> None:
    lines = table_of("README.md").strip().splitlines()
    assert len(lines) == 2 + 4  # heading, rule, four rows
    assert "\n".join(lines) in table_of("docs/quickstart.md")


def test_readme_is_short_and_begins_with_the_strip_and_the_table() -> None:
    text = PAGES["README.md"]
    assert 4000 <= len(text.encode()) <= 5000
    lines = text.splitlines()
    assert next(n for n, line in enumerate(lines) if "docs/strip.png" in line) < 15
    assert next(n for n, line in enumerate(lines) if line == "<!-- /table -->") < 45
    assert (ROOT / "docs" / "strip.png").stat().st_size < 150_000


def test_readmes_badges_are_what_the_project_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    begin = "Programming Language :: Python :: "
    versions = [one.removeprefix(begin) for one in project["classifiers"] if begin in one]
    badges = [line for line in PAGES["README.md"].splitlines() if line.startswith("[![")]
    assert badges[0].startswith(f"[![Python {', '.join(versions)}]")
    assert "_|_".join(versions) in badges[0]
    assert badges[1].startswith(f"[![License: {project['license']}]")
    assert len(badges) == 2
