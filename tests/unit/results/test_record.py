"""record.json: its schema, its format numbers, and what older versions wrote."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmark.core.errors import DataError
from benchmark.results.record import FORMATS, Record, read_record

OLD = Path(__file__).resolve().parents[2] / "history/1351f48/run/record.json"


def written(folder: Path, document: Any) -> Path:
    (folder / "record.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_a_record_comes_back_as_it_was_written(tmp_path: Path) -> None:
    record = Record(format=FORMATS, samples=3, failures=(), jobs_run={"fill": 2})
    assert read_record(written(tmp_path, record.document())) == record
    assert record.document()["format"] == {
        "record.json": 2, "results.csv": 2, "samples.csv": 2,
    }  # fmt: skip


def test_a_run_without_a_record_has_not_ended(tmp_path: Path) -> None:
    assert read_record(tmp_path) is None


def test_a_record_of_an_older_version_is_read(tmp_path: Path) -> None:
    then = json.loads(OLD.read_text(encoding="utf-8"))
    record = read_record(written(tmp_path, then))
    assert record is not None
    assert record.format == record.metrics == {}
    assert record.samples == then["samples"]
    assert {name: one.sha256 for name, one in record.checkpoints.items()} == {
        name: one["sha256"] for name, one in then["checkpoints"].items()
    }


@pytest.mark.parametrize("name", FORMATS)
def test_files_of_a_later_version_are_refused(tmp_path: Path, name: str) -> None:
    folder = written(tmp_path, {"failures": [], "format": {name: FORMATS[name] + 1}})
    with pytest.raises(DataError, match=rf"{name}: format 3 .*up to 2; update safepaint-bench"):
        read_record(folder)


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({}, "failures: missing"),
        ([], "expected"),
        ({"failures": [], "samples": "many"}, r"samples: .*got 'many'"),
        ({"failures": [{"kind": "lost"}]}, r"failures\.0\.kind"),
        (
            {"failures": [], "checkpoints": {"trufor": {"sha256": 3}}},
            r"checkpoints.*sha256",
        ),
    ],
)
def test_what_is_no_record_is_said_in_a_line(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(DataError, match=f"record.json: damaged or of another .*{said}") as caught:
        read_record(written(tmp_path, document))
    assert "\n" not in str(caught.value)
