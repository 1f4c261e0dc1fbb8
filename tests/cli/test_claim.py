"""The folder of a run: a new one by default, and never shared between runs."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmark.console import default_folder
from benchmark.core.errors import DataError, OutputError
from benchmark.results.claim import claimed
from benchmark.runner.plan import Plan
from tests.cli.conftest import Bench

WORDS = (
    "run", "--inpainter", "meanfill", "--detector", "flatness", "--size", "64",
    "--metrics", "auc,psnr", "--buckets", "30-40", "--limit", "1", "--store", "store",
)  # fmt: skip
PLAN = Plan(inpainters=("meanfill",), detectors=("flatness",))


def test_three_runs_that_begin_at_once_have_a_folder_each(bench: Bench, photos: Path) -> None:
    code = "import sys; from benchmark.cli import app; app(sys.argv[1:])"
    command = [sys.executable, "-c", code, *WORDS, "--images", str(photos)]
    runs = [
        subprocess.Popen(
            [*command, "--seed", str(seed)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for seed in range(3)
    ]  # fmt: skip
    for one in runs:
        _, said = one.communicate()
        assert one.returncode == 0, said
    folders = sorted(Path("runs").iterdir())
    assert len(folders) == 3
    for folder in folders:
        assert bench("check", folder, "--store", "store").exit_code == 0
    seeds = {json.loads((one / "record.json").read_text())["plan"]["seed"] for one in folders}
    assert seeds == set(range(3))


def test_forty_starts_at_once_have_a_folder_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Processes of their own that take their folders when a file comes; they compute nothing."""
    monkeypatch.chdir(tmp_path)
    go, count = tmp_path / "go", 40
    children = []
    for seed in range(count):
        child = os.fork()
        if child:
            children.append(child)
            continue
        status = 1
        try:
            while not go.exists():
                time.sleep(0.01)
            plan = PLAN.model_copy(update={"seed": seed})
            with default_folder() as folder, claimed(folder, plan, None, "store") as (place, _):
                (place / "mine").write_text(str(seed))
            status = 0
        finally:
            os._exit(status)
    go.touch()
    assert [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in children] == [0] * count
    folders = sorted(Path("runs").iterdir())
    assert len(folders) == count
    seeds = [Plan.load(one / "plan.toml").seed for one in folders]
    assert sorted(seeds) == list(range(count))
    assert [int((one / "mine").read_text()) for one in folders] == seeds


def test_a_default_folder_is_there_at_once_and_goes_if_it_stays_empty(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with default_folder() as one, default_folder() as other, default_folder() as third:
        assert len({one, other, third}) == 3
        assert one.is_dir()
        (other / "plan.toml").touch()
    assert list(Path("runs").iterdir()) == [other]


def test_a_run_that_is_refused_leaves_no_default_folder(bench: Bench, photos: Path) -> None:
    result = bench(*WORDS, "--images", photos, "--masks", "nowhere")
    assert result.exit_code == 2
    assert not list(Path("runs").glob("*"))


def test_a_folder_is_one_run_s_while_it_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with claimed(folder, PLAN, None, None):
        before = {path: path.read_bytes() for path in folder.iterdir()}
        with (
            pytest.raises(OutputError, match="in use by another run"),
            claimed(folder, PLAN, None, None),
        ):
            raise AssertionError("two runs in one folder")
        assert {path: path.read_bytes() for path in folder.iterdir()} == before
    with claimed(folder, PLAN, None, None):  # it goes on where it stopped
        pass


def test_a_failing_run_removes_what_it_made_and_nothing_else(tmp_path: Path) -> None:
    def fail(folder: Path) -> None:
        with claimed(folder, PLAN, None, None):
            raise DataError("no sample")

    made, own, begun = (tmp_path / name for name in ("made", "own", "begun"))
    own.mkdir()
    with claimed(begun, PLAN, None, None):
        pass
    plan = (begun / "plan.toml").read_bytes()
    for folder in (made, own, begun):
        with pytest.raises(DataError):
            fail(folder)
    assert not made.exists()
    assert list(own.iterdir()) == []
    assert (begun / "plan.toml").read_bytes() == plan
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="not a folder"):
        fail(tmp_path / "file")


def test_a_record_of_another_plan_is_found(bench: Bench, photos: Path) -> None:
    for seed in "12":
        bench(*WORDS, "--images", photos, "--seed", seed, "--out", seed)
        assert bench("check", seed, "--store", "store").exit_code == 0
    shutil.copyfile("1/plan.toml", "2/plan.toml")
    path = Path("2/record.json")
    said = json.loads(path.read_text())
    del said["files"]  # as if its sums had been taken of the files that are there
    path.write_text(json.dumps(said))
    result = bench("check", "2", "--store", "store")
    assert result.exit_code == 1
    assert "2/record.json: of another plan than plan.toml: seed differs" in result.stdout
