"""Samples as Parquet: the numbers of samples.csv, gaps, and the conditions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.core.errors import DataError
from benchmark.results.samples import read_samples
from reports.exports import export_run
from tests.unit.reports.exports.made import made

parquet = pytest.importorskip("pyarrow.parquet")


def test_it_has_the_numbers_of_samples_csv(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    (path,) = export_run(run, "parquet", tmp_path / "samples.parquet").files
    table = parquet.read_table(path)
    rows, samples = table.to_pylist(), list(read_samples(run / "samples.csv"))
    assert len(rows) == len(samples) == 12
    for row, sample in zip(rows, samples, strict=True):
        assert (row["sample"], row["inpainter"]) == (sample.sample, sample.inpainter)
        assert row["score"] == sample.score
        assert row["auc"] == (sample.numbers["auc"][0] if "auc" in sample.numbers else None)
        assert row["launder"] is None
    safepaint = next(row for row in rows if row["inpainter"] == "safepaint")
    assert safepaint["inpainter_weights"] == "mini"
    assert (safepaint["acc.score"], safepaint["acc"]) == (0.1, 0.0)
    conditions = json.loads(table.schema.metadata[b"safepaint-bench"])
    assert conditions["metrics"]["auc"] == "1"
    assert conditions["versions"]["safepaint-bench"] == "0.1.1"
    assert "images" not in conditions["plan"]


def test_a_run_without_samples_leaves_no_file(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    head = (run / "samples.csv").read_text(encoding="utf-8").splitlines()[0]
    (run / "samples.csv").write_text(head + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="has no measured image"):
        export_run(run, "parquet", tmp_path / "samples.parquet")
    (run / "samples.csv").unlink()
    with pytest.raises(DataError, match=r"samples\.csv"):
        export_run(run, "parquet", tmp_path / "samples.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
