"""docs/conventions.md: its code prints what stands beneath it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.metrics import CONVENTIONS

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "docs" / "conventions.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```\n\n```text\n(.*?)```", TEXT, flags=re.DOTALL)


@pytest.mark.parametrize("at", range(2))
def test_the_code_prints_what_stands_beneath_it(at: int) -> None:
    code, printed = BLOCKS[at]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    assert done.stdout == printed


def test_every_convention_and_its_metrics_are_explained() -> None:
    for convention, own in CONVENTIONS.items():
        for name in (convention, *own.values()):
            assert f"`{name}`" in TEXT
