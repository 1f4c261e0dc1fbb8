"""A run's folder is its own: by default none has another's, and what is in it is one run's."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.api import claimed, run
from benchmark.console import default_folder
from benchmark.core.errors import DataError, OutputError
from benchmark.results.checksums import check_run
from benchmark.runner.check import check_store
from benchmark.runner.plan import Plan
from tests.cli.conftest import Bench

WORDS = (
    "run", "--inpainter", "meanfill", "--detector", "flatness", "--size", "64",
    "--metrics", "auc,psnr", "--buckets", "30-40", "--store", "store",
)  # fmt: skip
PLAN = Plan(inpainters=("meanfill",), detectors=("flatness",))


def test_six_runs_that_begin_at_once_have_a_folder_each(bench: Bench, photos: Path) -> None:
    code = "import sys; from benchmark.cli import app; app(sys.argv[1:])"
    command = [sys.executable, "-c", code, *WORDS, "--images", str(photos)]
    runs = [
        subprocess.Popen(
            [*command, "--seed", str(seed)],
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for seed in range(6)
    ]  # fmt: skip
    for one in runs:
        _, said = one.communicate()
        assert one.returncode == 0, said
    folders = sorted(Path("runs").iterdir())
    assert len(folders) == 6
    for folder in folders:
        assert bench("check", folder, "--store", "store").exit_code == 0
    seeds = {json.loads((one / "record.json").read_text())["plan"]["seed"] for one in folders}
    assert seeds == set(range(6))


@pytest.mark.slow
def test_a_hundred_runs_that_begin_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photos: Path
) -> None:
    """Processes of their own, forked when all is imported, that wait for one another."""
    monkeypatch.chdir(tmp_path)
    go, count = tmp_path / "go", 100
    children = []
    for seed in range(count):
        child = os.fork()
        if child:
            children.append(child)
            continue
        status = 1
        try:
            while not go.exists():
                pass
            with default_folder() as folder:
                plan = Plan(
                    inpainters=("meanfill",), detectors="none", metrics="psnr", images=photos,
                    size=64, buckets=("30-40",), seed=seed,
                )  # fmt: skip
                run(plan, out=folder, store=tmp_path / "store")
            status = 0
        finally:
            os._exit(status)
    go.touch()
    assert [os.waitstatus_to_exitcode(os.waitpid(one, 0)[1]) for one in children] == [0] * count
    folders = sorted(Path("runs").iterdir())
    assert len(folders) == count
    assert [finding for folder in folders for finding in check_run(folder)] == []
    assert list(check_store(tmp_path / "store")) == []
    seeds = {json.loads((one / "record.json").read_text())["plan"]["seed"] for one in folders}
    assert seeds == set(range(count))


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
            pytest.raises(OutputError, match="another run is going on there"),
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
    with pytest.raises(OutputError, match="is no folder"):
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
