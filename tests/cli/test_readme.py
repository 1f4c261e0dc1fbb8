"""The README says what is so: its Python runs, its table is what the command prints."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.conftest import Bench

README = (Path(__file__).resolve().parent.parent.parent / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+\.\d+")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def table_lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line.startswith("|")]


def test_the_table_is_what_the_command_prints(bench: Bench) -> None:
    shown = README.split("<!-- table -->")[1].split("<!-- /table -->")[0]
    result = bench("run", "--inpainter", "safepaint", "--detector", "trufor", "--out", "out")
    assert result.exit_code == 0, result.output
    printed = Path("out/table.md").read_text(encoding="utf-8")
    for said, found in zip(table_lines(shown), table_lines(printed), strict=True):
        assert NUMBER.sub("#", said) == NUMBER.sub("#", found)
        for one, other in zip(NUMBER.findall(said), NUMBER.findall(found), strict=True):
            # another processor adds up in another order: the last digits may differ
            assert float(other) == pytest.approx(float(one), abs=2e-3 * max(1.0, abs(float(one))))


def test_the_python_runs(bench: Bench) -> None:
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 (our own README)
    frame = names["record"].results
    assert set(frame["inpainter"]) == {"safepaint", "telea"}
    assert Path("results/results.csv").exists()


def test_every_bench_line_is_understood(bench: Bench) -> None:
    lines = [line.split("#")[0].strip() for block in blocks("bash") for line in block.splitlines()]
    calls = [line for line in lines if line.startswith(("bench ", ".venv/bin/bench "))]
    assert len(calls) > 10
    for call in calls:
        words = shlex.split(call.replace("<time>", "time"))[1:]
        command = words[:1] + [word for word in words[1:2] if word in ("add", "fetch")]
        known = bench(*command, "--help").output
        for option in (word for word in words if word.startswith("--")):
            assert option in known, call
