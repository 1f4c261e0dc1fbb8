"""README's table is what its command prints; its LPIPS where AlexNet is installed."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmark.results.terminal_table import WIDTH
from tests.conftest import link_backbone
from tests.docs.blocks import PAGES
from tests.docs.player import bench
from tests.docs.printed import alike

LAST = "against it, not against 0.5."  # ends the notes
LPIPS = re.compile(r"^LPIPS .*?\n\n", re.MULTILINE | re.DOTALL)


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
    part = PAGES["README.md"].split("<!-- table -->")[1].split("<!-- /table -->")[0]
    shown = "\n".join(line.removeprefix("    ") for line in part.splitlines()) + "\n"
    words = ["run", "--inpainter", "safepaint", "--detector", "trufor", "--out", "out", "--quiet"]
    pairs = [table_lines(text, lpips=lpips) for text in (shown, bench(words, "README.md"))]
    assert len(pairs[0]) > 25
    assert max(map(len, pairs[0])) <= WIDTH
    for said, found in zip(*pairs, strict=True):
        assert alike(said, found), f"{said}\n{found}"
