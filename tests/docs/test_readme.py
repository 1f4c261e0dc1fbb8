"""README's table is what its command prints."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.blocks import PAGES
from tests.docs.player import bench
from tests.docs.printed import alike


def table_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_table_is_what_the_command_prints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = PAGES["README.md"].split("<!-- table -->")[1].split("<!-- /table -->")[0]
    bench(["run", "--inpainter", "safepaint", "--detector", "trufor", "--out", "out"], "README.md")
    printed = Path("out/table.md").read_text(encoding="utf-8")
    for said, found in zip(table_lines(shown), table_lines(printed), strict=True):
        assert alike(said, found), f"{said}\n{found}"
