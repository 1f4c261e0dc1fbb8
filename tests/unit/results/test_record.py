"""record.json: schema, format numbers, and files of older versions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.core.errors import DataError
from benchmark.results.record import FORMATS, Record, read_record
from benchmark.results.store_location import store_of

OLD = Path(__file__).resolve().parents[2] / "history/1351f48/run/record.json"


def written(folder: Path, document: Any) -> Path:
    (folder / "record.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_record_round_trip(tmp_path: Path) -> None:
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
def test_files_of_a_later_version_raise(tmp_path: Path, name: str) -> None:
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
def test_invalid_records_raise_one_line(tmp_path: Path, document: Any, said: str) -> None:
    with pytest.raises(DataError, match=f"record.json: damaged or of another .*{said}") as caught:
        read_record(written(tmp_path, document))
    assert "\n" not in str(caught.value)


def test_recorded_paths_do_not_contain_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "somebody"))
    photos = tmp_path / "somebody/photos"
    photos.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(photos / "a.png")
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    plan = Plan(images=photos, inpainters="meanfill", detectors="none", metrics="psnr",
                buckets=("10-20",), size=64)  # fmt: skip
    run(plan, out="runs/out", store=tmp_path / "somebody/store")
    run(plan, out="runs/other", store="store")
    files = [path for path in Path("runs").rglob("*") if path.is_file()]
    assert [path for path in files if "somebody" in path.read_text(encoding="utf-8")] == []
    assert read_record(Path("runs/out")).folders == {"folder": "~/photos"}
    assert read_record(Path("runs/out")).plan["images"] == "~/photos"
    for name, said, store in (("out", "~/store", tmp_path / "somebody/store"),
                              ("other", "../../store", Path("store"))):  # fmt: skip
        assert read_record(Path("runs", name)).store == said
        assert Path(store_of(Path("runs", name))).resolve() == store.resolve()
