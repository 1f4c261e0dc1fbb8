"""Every export of every kind of run is read back by what others read it with."""

from __future__ import annotations

from dataclasses import replace
from math import inf
from pathlib import Path

import pytest

from benchmark.results.csv import read_results, write_results
from reports.exports import export_run
from tests.history.test_history import HERE
from tests.unit.reports.exports.made import made
from tests.unit.reports.exports.test_every_eval_ever import validated

RUNS = ("whole", "gaps", "one image", "infinite", "history")


def run_of(kind: str, folder: Path) -> Path:
    if kind == "history":
        return HERE / "run"
    if kind == "gaps":
        return made(folder, absent=("safepaint",))
    run = made(folder, absent=())
    rows = list(read_results(run / "results.csv"))
    if kind == "one image":
        rows = [replace(row, n=1, expected=1, low=None, high=None) for row in rows]
    if kind == "infinite":
        rows = [
            replace(row, value=inf, low=inf, high=inf) if row.metric == "psnr" else row
            for row in rows
        ]
    write_results(run / "results.csv", rows)
    return run


@pytest.mark.parametrize("kind", RUNS)
def test_others_read_every_number(kind: str, tmp_path: Path) -> None:
    hub = pytest.importorskip("huggingface_hub")
    run = run_of(kind, tmp_path / "run")
    logs = export_run(run, "every-eval-ever", tmp_path / "logs")
    cards = export_run(run, "model-index", tmp_path / "cards")
    numbers = [len(validated(path)["evaluation_results"]) for path in logs.files]
    assert numbers == [len(hub.ModelCard.load(path).data.eval_results) for path in cards.files]
    assert sum(numbers) > 0
    assert logs.notes == cards.notes
    assert any("infinite" in note for note in logs.notes) == (kind == "infinite")


@pytest.mark.parametrize("kind", RUNS)
def test_parquet_is_read_back(kind: str, tmp_path: Path) -> None:
    parquet = pytest.importorskip("pyarrow.parquet")
    run = run_of(kind, tmp_path / "run")
    export_run(run, "parquet", tmp_path / "a.parquet")
    rows = (run / "samples.csv").read_text(encoding="utf-8").splitlines()
    assert parquet.read_table(tmp_path / "a.parquet").num_rows == len(rows) - 1
