"""The store: outputs with a row are complete, damaged ones are dropped, writes are atomic."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.core.errors import OutputError
from benchmark.runner import scheduler
from benchmark.runner.inputs import Chunk
from benchmark.runner.jobs import Job
from benchmark.store import database
from benchmark.store.encoding import (
    StoredOutput,
    heatmap_output,
    image_output,
    metric_output,
)
from benchmark.store.store import Store, file_name

KEY, OTHER = "ab" * 16, "cd" * 16


def test_images_heatmaps_scores_and_rows_come_back_exactly(tmp_path: Path) -> None:
    image = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    logits = np.linspace(-30, 30, 35).reshape(5, 7).astype(np.float16)
    with Store(tmp_path) as store:
        store.put([image_output(KEY, image), heatmap_output(OTHER, logits, 0.25)])
        store.put([metric_output("ef" * 16, np.array([1.5, np.nan]))])
    with Store(tmp_path) as store:
        assert np.array_equal(store.image(KEY), image)
        assert np.array_equal(store.heatmap(OTHER), logits)
        assert store.scores([KEY, OTHER, "none"]) == [None, 0.25, None]
        row, missing = store.measurements(["ef" * 16, "none"])
        assert missing is None
        assert row is not None
        np.testing.assert_array_equal(row, [1.5, np.nan])


def test_prefetched_outputs_need_no_query(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.full((3, 4, 3), 7, np.uint8)
    with Store(tmp_path) as store:
        store.put([image_output(KEY, image), heatmap_output(OTHER, np.zeros((3, 4), "f2"), 0.25)])
    queries: list[Sequence[str]] = []
    get = database.Database.get

    def counted(self: database.Database, keys: Sequence[str]) -> dict[str, Any]:
        queries.append(keys)
        return get(self, keys)

    monkeypatch.setattr(database.Database, "get", counted)
    with Store(tmp_path, read_only=True) as store:
        store.prefetch([KEY, OTHER])
        assert np.array_equal(store.image(KEY), image)
        assert store.scores([OTHER]) == [0.25]
        assert store.known([KEY, OTHER]) == {KEY, OTHER}
        assert queries == [[KEY, OTHER]]
        assert store.scores([OTHER, "none"]) == [0.25, None]
        assert queries[1:] == [[OTHER, "none"]]


def test_known_with_more_keys_than_one_query_takes(tmp_path: Path) -> None:
    keys = [f"{number:032x}" for number in range(1201)]
    with Store(tmp_path) as store:
        store.put([StoredOutput(key=key) for key in keys[::2]])
        assert store.known(keys) == set(keys[::2])


def test_a_damaged_file_loses_its_row(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.put([heatmap_output(KEY, np.zeros((2, 2), np.float16), 0.5)])
        (tmp_path / "objects" / file_name(KEY, ".npy")).write_bytes(b"half")
        with pytest.raises(OutputError, match="run again to regenerate it"):
            store.heatmap(KEY)
        assert store.known([KEY]) == set()


def test_a_missing_image_loses_its_row(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.put([image_output(KEY, np.zeros((2, 2, 3), np.uint8))])
        (tmp_path / "objects" / file_name(KEY, ".png")).unlink()
        with pytest.raises(OutputError, match="missing or damaged"):
            store.image(KEY)
        assert store.known([KEY]) == set()


def test_a_folder_that_holds_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite").write_bytes(
        b"this is no database, and long enough to be one" * 30
    )
    with pytest.raises(OutputError, match="--store"):
        Store(tmp_path)


def test_the_first_output_of_a_key_is_kept(tmp_path: Path) -> None:
    first, second = (np.full((2, 2), value, np.float16) for value in (1, 2))
    with Store(tmp_path) as store:
        store.put([heatmap_output(KEY, first, 0.25)])
        store.put([heatmap_output(KEY, second, 0.5), heatmap_output(OTHER, second, 0.5)])
        assert store.scores([KEY, OTHER]) == [0.25, 0.5]
        assert np.array_equal(store.heatmap(KEY), first)
        assert np.array_equal(store.heatmap(OTHER), second)
        store.put([metric_output("ef" * 16, np.array([1.0]))])
        store.put([metric_output("ef" * 16, np.array([2.0]))])
        assert store.measurements(["ef" * 16]) == [1.0]


def test_merging_a_store_adds_outputs_and_replaces_none(tmp_path: Path) -> None:
    first, second = (np.full((2, 2), value, np.float16) for value in (1, 2))
    with Store(tmp_path / "theirs") as theirs:
        theirs.put([heatmap_output(KEY, second, 0.5), heatmap_output(OTHER, second, 0.5)])
    with Store(tmp_path / "ours") as store:
        store.put([heatmap_output(KEY, first, 0.25)])
        store.merge_from(tmp_path / "theirs", origin="theirs")
        assert store.scores([KEY, OTHER]) == [0.25, 0.5]
        assert np.array_equal(store.heatmap(KEY), first)
        assert np.array_equal(store.heatmap(OTHER), second)


def test_a_write_that_fails_leaves_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: Path, content: bytes) -> int:
        raise OSError(28, "No space left on device")

    with Store(tmp_path) as store:
        with monkeypatch.context() as full:
            full.setattr(Path, "write_bytes", fail)
            with pytest.raises(OutputError, match="No space left on device"):
                store.put([metric_output(OTHER, np.array([1.0])),
                           image_output(KEY, np.zeros((2, 2, 3), np.uint8))])  # fmt: skip
        assert store.known([KEY, OTHER]) == set()
        assert store.files.list_files("ab") == {}


RACE = """
import multiprocessing, sys
import numpy as np
from benchmark.store.encoding import heatmap_output
from benchmark.store.store import Store

def use(number):
    start.wait()
    with Store(sys.argv[1]) as store:
        for key in (f"{turn:032x}" for turn in range(20)):
            logits = np.full((2, 2), number, np.float16)
            store.put([heatmap_output(key, logits, number / 8)])
            assert (store.heatmap(key) == store.scores([key])[0] * 8).all()

fork = multiprocessing.get_context("fork")
start = fork.Barrier(8)
racers = [fork.Process(target=use, args=[number]) for number in range(8)]
for racer in racers:
    racer.start()
for racer in racers:
    racer.join()
sys.exit(any(racer.exitcode for racer in racers))
"""


def test_many_processes_open_a_new_store_and_the_first_output_is_kept(tmp_path: Path) -> None:
    """Race outputs that differ in their last bits, as those of two GPUs do."""
    for turn in range(3):
        words = [sys.executable, "-c", RACE, str(tmp_path / str(turn))]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The first word of each SQL statement from here on."""
    words: list[str] = []
    connect = sqlite3.connect

    def traced(*where: Any, **how: Any) -> sqlite3.Connection:
        connection: sqlite3.Connection = connect(*where, **how)
        connection.set_trace_callback(lambda statement: words.append(statement.split()[0]))
        return connection

    monkeypatch.setattr(database.sqlite3, "connect", traced)
    return words


def test_all_outputs_of_a_chunk_are_one_transaction(tmp_path: Path, statements: list[str]) -> None:
    image = image_output(KEY, np.zeros((2, 2, 3), np.uint8))
    numbers = [StoredOutput(key=f"{number:032x}", numbers=(1.0,)) for number in range(700)]
    with Store(tmp_path) as store:
        statements.clear()
        store.put([image, *numbers])
    assert (statements[0], statements[-1]) == ("BEGIN", "COMMIT")
    assert (statements.count("BEGIN"), statements.count("COMMIT")) == (1, 1)
    assert statements.count("INSERT") == 701


def test_a_run_commits_once_per_chunk(
    tmp_path: Path, statements: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks: list[int] = []
    make = scheduler._chunk

    def counted(jobs: Sequence[Job], *rest: Any) -> Chunk:
        chunks.append(len(jobs))
        return make(jobs, *rest)

    monkeypatch.setattr(scheduler, "_chunk", counted)
    folder, rng = tmp_path / "images", np.random.default_rng(0)
    folder.mkdir()
    for number in range(8):
        pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    plan = Plan(datasets=("folder",), images=folder, size=64, buckets=("30-40",),
                inpainters=("meanfill",), detectors=("flatness",),
                metrics=("auc", "f1", "acc", "psnr"))  # fmt: skip
    done = run(plan, store=tmp_path / "store").document["jobs_run"]
    assert sum(chunks) == sum(done.values())
    assert statements.count("BEGIN") == statements.count("COMMIT") == len(chunks) < sum(chunks)
    with Store(tmp_path / "store") as store:
        assert statements.count("INSERT") == store.table.count()


def test_outputs_interrupted_between_files_and_rows_are_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = [image_output(key, np.zeros((2, 2, 3), np.uint8)) for key in (KEY, OTHER)]
    with Store(tmp_path) as store, monkeypatch.context() as patch:

        def stop(*_: object) -> None:
            raise KeyboardInterrupt

        patch.setattr(store.table, "put", stop)
        with pytest.raises(KeyboardInterrupt):
            store.put(outputs)
        assert store.known([KEY, OTHER]) == set()
    with Store(tmp_path) as store:
        assert store.known([KEY, OTHER]) == set()
        store.put(outputs)
        assert store.known([KEY, OTHER]) == {KEY, OTHER}
        assert np.array_equal(store.image(KEY), np.zeros((2, 2, 3)))
