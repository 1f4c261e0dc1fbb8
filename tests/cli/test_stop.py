"""Interrupted runs resume at any point and end with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

WORDS = (
    "run", "--inpainter", "telea,meanfill", "--detector", "flatness,chance",
    "--metrics", "auc,f1,acc,psnr,ssim", "--size", "64", "--buckets", "10-20,30-40",
)  # fmt: skip
FILES = ("plan.toml", "results.csv", "samples.csv", "table.md")


IN_PROCESSES = ("--executor", "processes", "--workers", "2")


CODE = "from benchmark.cli import main; main()"
# The run itself stops to wait at its fourth image, in the middle of a model's code, and says so:
# a signal sent then can neither come after its end nor fall where Python cannot raise.
WAITS = """
import os, time
from pathlib import Path
from inpainters.classical import Telea

fill, calls = Telea._fill, []

def wait(self, images, masks, *, seed):
    calls.append(seed)
    if len(calls) == 4:
        Path(os.environ["BENCH_HOME"], "waiting").touch()
        time.sleep(600)
    return fill(self, images, masks, seed=seed)

Telea._fill = wait
from benchmark.cli import main
main()
"""


def start(home: Path, out: Path, *more: str, waits: bool = False) -> subprocess.Popen[str]:
    """`bench run` as a process of its own, leader of its group, with a store of its own."""
    code = CODE if not waits else WAITS
    return subprocess.Popen(
        [sys.executable, "-c", code, *WORDS, *more, "--out", str(out)],
        env={**os.environ, "BENCH_HOME": str(home)},
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )


def answers(home: Path) -> int:
    return len(list((home / "store" / "objects").glob("*/*")))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    process = start(folder / "home", folder / "out")
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return {name: (folder / "out" / name).read_bytes() for name in FILES}


def test_killed_at_random_points_it_ends_with_the_same_bytes(
    tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    draw = random.Random(7)  # noqa: S311 (no secret)
    home, out = tmp_path / "home", tmp_path / "out"
    before = 0
    for _ in range(3):
        process = start(home, out)
        goal = before + draw.randint(1, 25)
        while process.poll() is None and answers(home) < goal:
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        before = answers(home)
    assert before > 0
    assert not (out / "results.csv").exists()  # none of them came to its end
    process = start(home, out)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert {name: (out / name).read_bytes() for name in FILES} == undisturbed


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_polite_stop_says_how_to_go_on(tmp_path: Path, number: int, status: int) -> None:
    home = tmp_path / "home"
    process = start(home, tmp_path / "out", waits=True)
    while process.poll() is None and not (home / "waiting").exists():
        time.sleep(0.01)
    assert process.poll() is None, process.communicate()[1]
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status, errors
    assert "rerun the same command" in errors
    assert "Traceback" not in errors
    assert not (tmp_path / "out" / "results.csv").exists()
    assert answers(home) > 0


def group(leader: int) -> set[int]:
    """The processes of a group that are alive."""
    done = subprocess.run(
        ["ps", "-o", "pid=,stat=", "-g", str(leader)], capture_output=True, text=True, check=False
    )
    lines = [line.split() for line in done.stdout.splitlines()]
    return {int(pid) for pid, state in lines if not state.startswith("Z")}


def wait_until_gone(leader: int) -> None:
    end = time.monotonic() + 60
    while group(leader) and time.monotonic() < end:
        time.sleep(0.1)
    assert not group(leader)


@pytest.mark.slow
def test_worker_processes_stop_with_the_run_and_it_ends_with_the_same_bytes(
    tmp_path: Path, undisturbed: dict[str, bytes]
) -> None:
    home, out = tmp_path / "home", tmp_path / "out"
    stops = ((signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGKILL, -signal.SIGKILL))
    for number, status in stops:
        process = start(home, out, *IN_PROCESSES)
        goal = answers(home) + 3
        while process.poll() is None and answers(home) < goal:
            time.sleep(0.01)
        if number == signal.SIGINT:  # as a terminal sends Ctrl-C
            os.killpg(process.pid, number)
        else:
            process.send_signal(number)
        wait_until_gone(process.pid)
        _, errors = process.communicate(timeout=60)
        assert process.returncode == status, errors
        assert ("rerun the same command" in errors) == (number != signal.SIGKILL)
        assert "Traceback" not in errors
        assert not (out / "results.csv").exists()
    process = start(home, out, *IN_PROCESSES)
    _, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    assert {name: (out / name).read_bytes() for name in FILES} == undisturbed
