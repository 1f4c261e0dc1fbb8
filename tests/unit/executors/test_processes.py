"""Worker processes: output equal to that of one process, also if workers die."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import (
    BadInput,
    BatchWarning,
    DamagedOutput,
    DataError,
    ExecutorError,
    WorkerWarning,
)
from benchmark.executors.processes import Processes
from benchmark.runner.outcome import ChunkResult
from benchmark.runner.stages import Progress
from benchmark.store.row import suffix_of
from benchmark.store.store import Store
from tests.unit.executors.conftest import FILES, Go
from tests.unit.executors.specs import InstantSpec, chunks

NAMES = tuple(f"{number:02}" for number in range(12))


@pytest.fixture
def run_names(tmp_path: Path) -> Callable[..., list[ChunkResult]]:
    """Return the results of one chunk per name, from two processes or as many as given."""

    def call(*names: str, workers: int = 2) -> list[ChunkResult]:
        with Processes(workers).start(InstantSpec(tmp_path)) as work:
            return list(work(chunks(*names)))

    return call


def test_the_same_bytes_as_in_one_process_though_a_worker_is_killed(go: Go) -> None:
    killed = []

    def kill(step: Progress) -> None:
        if step.stage == "judge" and step.done and not killed:
            killed.append(multiprocessing.active_children()[0])
            killed[0].kill()

    serial = go("serial")
    with pytest.warns(WorkerWarning, match="killed by signal 9.*retried once"):
        record = go("processes", executor=Processes(2), notify=kill)
    assert killed
    assert {one.kind for one in record.failures} == {"skipped"}  # the broken image
    assert record.document["executor"] == "processes:2"
    assert record.document["failures"] == serial.document["failures"] != []
    assert record.document["jobs_run"] == serial.document["jobs_run"]
    assert {name: (record.folder / name).read_bytes() for name in FILES} == {
        name: (serial.folder / name).read_bytes() for name in FILES
    }
    assert not multiprocessing.active_children()
    again = go("processes", executor=Processes(2))
    assert set(again.document["jobs_run"].values()) == {0}


@pytest.fixture(scope="module")
def survived(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[ChunkResult]]:
    """A folder, and the results of twelve chunks, one that kills once and one that always does."""
    trace = tmp_path_factory.mktemp("trace")
    with Processes(2).start(InstantSpec(trace)) as work:
        return trace, list(work(chunks(*NAMES, "once", "deadly")))


def test_only_a_chunk_that_kills_twice_fails(survived: tuple[Path, list[ChunkResult]]) -> None:
    failures = [failure for result in survived[1] for failure in result.failures]
    assert [failure.sample for failure in failures] == ["deadly"]
    assert "killed by signal 9, perhaps out of memory" in failures[0].reason


def test_a_chunk_that_kills_once_is_retried(survived: tuple[Path, list[ChunkResult]]) -> None:
    trace, results = survived
    assert (trace / "once").exists()  # it did kill
    assert sorted(one.key for result in results for one in result.outputs) == [*NAMES, "once"]


def test_errors_and_warnings_of_workers_are_raised_in_the_parent(
    run_names: Callable[..., list[ChunkResult]],
) -> None:
    with pytest.raises(DataError, match="mistake: cannot be used"):
        run_names("mistake", workers=1)
    with pytest.raises(ZeroDivisionError) as caught:
        run_names("bug", workers=1)
    assert "_behave" in "".join(caught.value.__notes__)
    (result,) = run_names("large", workers=1)
    (warning,) = result.warnings
    assert isinstance(warning, BatchWarning)


def test_workers_that_never_start_end_the_run(tmp_path: Path) -> None:
    executor = Processes(2, ("cpu:9",))
    spec = InstantSpec(tmp_path)
    with executor.start(spec) as work, pytest.raises(ExecutorError, match="fewer --workers"):
        list(work(chunks("a")))


def test_every_device_has_a_worker() -> None:
    with pytest.raises(BadInput, match="fewer than the 2 devices"):
        Processes(1, ("cuda:0", "cuda:1"))


@pytest.mark.parametrize("address", [False, True])
def test_a_changed_file_of_the_store_is_found_by_its_checksum_and_regenerated(
    go: Go, tmp_path: Path, *, address: bool
) -> None:
    store = f"file://{tmp_path}/elsewhere" if address else tmp_path / "elsewhere"
    first = go("first", store=store)
    files = sorted((tmp_path / "elsewhere/objects").glob("*/*.png"))
    file = next(one for one in files if cv2.imread(str(one), cv2.IMREAD_UNCHANGED).ndim == 3)
    pixels = np.asarray(Image.open(file)) ^ 1  # a valid image, but not the stored one
    Image.fromarray(pixels).save(file)
    with Store(store) as opened:
        keys = [row.key for row in opened.table.with_prefix("") if not suffix_of(row)]
        with opened.table.writing():
            opened.table.drop(keys)  # all measurements, so that every image is read again
    with pytest.raises(DamagedOutput, match=f"{file.name}: missing or damaged"):
        go("again", executor=Processes(1), store=store)
    again = go("again", store=store)
    assert {name: (again.folder / name).read_bytes() for name in FILES} == {
        name: (first.folder / name).read_bytes() for name in FILES
    }
