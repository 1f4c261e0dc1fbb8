"""README's table is what its command prints; its LPIPS where AlexNet is installed."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import link_backbone
from tests.docs.blocks import PAGES
from tests.docs.player import bench
from tests.docs.printed import alike


def table_lines(text: str, *, lpips: bool) -> list[str]:
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [line for line in lines if lpips or "| LPIPS " not in line]


def test_the_table_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lpips = link_backbone("alexnet")
    shown = PAGES["README.md"].split("<!-- table -->")[1].split("<!-- /table -->")[0]
    bench(["run", "--inpainter", "safepaint", "--detector", "trufor", "--out", "out"], "README.md")
    printed = Path("out/table.md").read_text(encoding="utf-8")
    pairs = (table_lines(text, lpips=lpips) for text in (shown, printed))
    for said, found in zip(*pairs, strict=True):
        assert alike(said, found), f"{said}\n{found}"
