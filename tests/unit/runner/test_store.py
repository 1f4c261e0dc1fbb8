"""What has a row is whole; what is damaged is found and made anew."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import OutputError
from benchmark.runner.store import (
    Answer,
    Store,
    file_name,
    heatmap_answer,
    metric_answer,
    picture_answer,
)

KEY, OTHER = "ab" * 16, "cd" * 16


def test_pictures_heatmaps_scores_and_rows_come_back_exactly(tmp_path: Path) -> None:
    picture = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
    logits = np.linspace(-30, 30, 35).reshape(5, 7).astype(np.float16)
    with Store(tmp_path) as store:
        store.put([picture_answer(KEY, picture), heatmap_answer(OTHER, logits, 0.25)])
        store.put([metric_answer("ef" * 16, np.array([1.5, np.nan]))])
    with Store(tmp_path) as store:
        assert np.array_equal(store.picture(KEY), picture)
        assert np.array_equal(store.heatmap(OTHER), logits)
        assert store.scores([KEY, OTHER, "none"]) == [None, 0.25, None]
        row, missing = store.rows(["ef" * 16, "none"])
        assert missing is None
        assert row is not None
        np.testing.assert_array_equal(row, [1.5, np.nan])


def test_known_answers_for_more_keys_than_sqlite_takes_at_once(tmp_path: Path) -> None:
    keys = [f"{number:032x}" for number in range(1201)]
    with Store(tmp_path) as store:
        store.put([Answer(key=key) for key in keys[::2]])
        assert store.known(keys) == set(keys[::2])


def test_a_damaged_file_loses_its_row(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.put([heatmap_answer(KEY, np.zeros((2, 2), np.float16), 0.5)])
        (tmp_path / "objects" / file_name(KEY, ".npy")).write_bytes(b"half")
        with pytest.raises(OutputError, match="run again to make it anew"):
            store.heatmap(KEY)
        assert store.known([KEY]) == set()


def test_a_missing_picture_loses_its_row(tmp_path: Path) -> None:
    with Store(tmp_path) as store:
        store.put([picture_answer(KEY, np.zeros((2, 2, 3), np.uint8))])
        (tmp_path / "objects" / file_name(KEY, ".png")).unlink()
        with pytest.raises(OutputError, match="missing or damaged"):
            store.picture(KEY)
        assert store.known([KEY]) == set()


def test_a_folder_that_holds_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "answers.sqlite").write_bytes(
        b"this is no database, and long enough to be one" * 30
    )
    with pytest.raises(OutputError, match="--store"):
        Store(tmp_path)


RACE = """
import multiprocessing, sys
import numpy as np
from benchmark.runner.store import Store, heatmap_answer

def use(number):
    start.wait()
    with Store(sys.argv[1]) as store:
        for key in (f"{turn:032x}" for turn in range(20)):
            logits = np.full((2, 2), number, np.float16)
            store.put([heatmap_answer(key, logits, number / 8)])
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


def test_many_open_a_new_store_at_once_and_the_first_answer_stays(tmp_path: Path) -> None:
    """Answers that differ in their last bits, as those of two GPUs do."""
    for turn in range(3):
        words = [sys.executable, "-c", RACE, str(tmp_path / str(turn))]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
