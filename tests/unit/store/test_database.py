"""The database of a store: checksums of rows, transactions, prefixes."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import OutputError
from benchmark.store.check import check_store
from benchmark.store.database import Database
from benchmark.store.encoding import heatmap_output, metric_output
from benchmark.store.row import StoredRow
from benchmark.store.store import Store

KEY, OTHER = "ab" * 16, "cd" * 16


def change(folder: Path, what: str) -> None:
    connection = sqlite3.connect(folder / "answers.sqlite")
    with connection:
        connection.execute(f"UPDATE answers SET {what} WHERE key = '{KEY}'")  # noqa: S608 (a test)
    connection.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    with Store(tmp_path) as made:
        made.put([heatmap_output(KEY, np.zeros((2, 2), np.float16), 0.25)])
        made.put([metric_output(OTHER, np.array([1.5]))])
    return tmp_path


def test_a_changed_score_is_detected_and_the_row_is_dropped(store: Path) -> None:
    change(store, "score = 0.75")
    with Store(store) as made:
        assert made.scores([KEY]) == [None]
        assert made.known([KEY, OTHER]) == {OTHER}
    assert [one.kind for one in check_store(store)] == ["row", "orphan"]
    with Store(store) as made:
        made.put([heatmap_output(KEY, np.zeros((2, 2), np.float16), 0.25)])
        assert made.scores([KEY]) == [0.25]


@pytest.mark.parametrize(
    "what",
    [
        "score = NULL",
        "score = 0.25000000000000006",  # the last bit
        "numbers = x'00'",
        "file = '.npy:00'",
        "file = NULL",
        "mark = x'0011223344556677'",
        "mark = NULL",
        f"key = '{KEY[:-1]}c'",
    ],
)
def test_a_row_with_any_change_is_ignored(store: Path, what: str) -> None:
    change(store, what)
    with Store(store) as made:
        assert made.known([KEY, KEY[:-1] + "c"]) == set()
        assert made.known([OTHER]) == {OTHER}


def test_checksums_of_rows_with_equal_bytes_differ() -> None:
    rows = [
        StoredRow(KEY, None, b"", ""),
        StoredRow(KEY, 0.0, b"", ""),
        StoredRow(KEY, None, bytes(8), ""),
        StoredRow(KEY, None, b"", "?"),
        StoredRow(OTHER, None, b"", ""),
    ]
    assert len({row.checksum for row in rows}) == len(rows)


def test_a_transaction_is_written_completely_or_not_at_all(tmp_path: Path) -> None:
    def fail(rows: Database) -> None:
        with rows.writing():
            rows.put([StoredRow(KEY, None, b"", "")])
            raise RuntimeError("stop")

    with Database(tmp_path) as rows:
        with pytest.raises(RuntimeError, match="stop"):
            fail(rows)
        assert rows.get([KEY]) == {}
        with rows.writing():
            rows.put([StoredRow(KEY, None, b"", "")])
    with Database(tmp_path) as rows:
        assert set(rows.get([KEY])) == {KEY}


def test_one_process_writes_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.store.database._WAIT", 0.0)
    with Database(tmp_path) as one, Database(tmp_path) as other, one.writing():
        with pytest.raises(OutputError, match="locked"), other.writing():
            raise AssertionError("two were writing at once")
        assert other.get([KEY]) == {}  # reading is possible meanwhile


def test_rows_with_a_prefix(tmp_path: Path) -> None:
    keys = [start + "0" * 28 for start in ("aaff", "ab00", "ab7f", "abff", "ac00")]
    with Database(tmp_path) as rows:
        with rows.writing():
            rows.put(StoredRow(key, None, b"", "") for key in keys)
        assert [row.key for row in rows.with_prefix("ab")] == keys[1:4]
        assert rows.count() == 5
