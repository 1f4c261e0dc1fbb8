"""Runs that were disturbed in any way resume to the same bytes, and leave nothing behind."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
KINDS = {
    "SIGKILL", "SIGTERM", "SIGINT", "exception", "out of memory", "file size limit", "disk full",
    "hung model",
}  # fmt: skip


def chaos(*words: str) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "benchmarks" / "chaos.py"), "--json", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return dict(json.loads(done.stdout))


def undone(found: dict[str, Any]) -> None:
    assert found["wrong"] == []
    assert found["tracebacks"] == []
    assert set(found["ends"]) == KINDS
    ends = found["ends"]
    assert set(ends["out of memory"]) <= {"status 2", "status 0"}
    assert set(ends["disk full"]) - {"status 2", "status 0"} <= {
        "skipped: no file system may be mounted here"
    }


@pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits memory as Linux does")
def test_one_fault_of_every_kind() -> None:
    undone(chaos("--faults", "8", "--each", "4"))


def besides(*words: str) -> dict[str, Any]:
    command = [sys.executable, str(ROOT / "benchmarks" / "concurrency.py"), *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    found = dict(json.loads(done.stdout))
    assert found["wrong"] == []
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_a_check_that_is_killed_while_it_saves_loses_nothing() -> None:
    assert besides("--rounds", "0", "--kills", "3")["kills"]["killed"] >= 3


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks")
def test_clean_and_check_beside_two_runs() -> None:
    found = besides("--rounds", "12", "--kills", "50")
    assert found["ends"]["a"] == found["ends"]["b"] == {"status 0": 12}
    assert found["kills"]["killed"] >= 50


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="forks, and limits memory as Linux does")
def test_a_hundred_faults() -> None:
    found = chaos("--faults", "100", "--seed", "5")
    undone(found)
    assert found["ends"]["SIGKILL"]["SIGKILL"] > 5
