"""`model-index` of a model card, by the documented format (hub-docs, modelcard.md)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from reports.exports import export_run
from tests.unit.reports.exports.made import made

KEYS = {  # required and optional keys
    "entry": ({"name", "results"}, set()),
    "result": ({"task", "dataset", "metrics"}, {"source"}),
    "task": ({"type"}, {"name"}),
    "dataset": ({"type", "name"}, {"config", "split", "revision", "args"}),
    "metric": ({"type", "value"}, {"name", "config", "args", "verified", "verifyToken"}),
}  # fmt: skip


def has_keys(part: dict[str, Any], kind: str) -> None:
    """Check the keys of a part of the metadata."""
    required, optional = KEYS[kind]
    assert required <= set(part) <= required | optional, (kind, part)


def front_matter(path: Path) -> list[dict[str, Any]]:
    """The metadata of a card: YAML's flow style is JSON, every line of it is indented."""
    text = path.read_text(encoding="utf-8")
    _, metadata, _ = text.split("---\n", 2)
    assert all(line.startswith("  ") for line in metadata.splitlines()[1:])
    name, _, value = metadata.partition(": ")
    assert name == "model-index"
    (entry,) = json.loads(value)
    has_keys(entry, "entry")
    for result in entry["results"]:
        has_keys(result, "result")
        has_keys(result["task"], "task")
        has_keys(result["dataset"], "dataset")
        for metric in result["metrics"]:
            has_keys(metric, "metric")
            assert isinstance(metric["value"], float)
    return [entry]


def test_every_number_has_its_conditions(tmp_path: Path) -> None:
    run = made(tmp_path / "run", launders=("jpeg:75",))
    (path,) = export_run(run, "model-index", tmp_path / "cards").files
    assert path.name == "safepaint.md"
    (entry,) = front_matter(path)
    assert entry["name"] == "safepaint"
    names = [one["dataset"]["name"] for one in entry["results"]]
    assert names == ["samples (mask 10-20 %)", "samples (mask 10-20 %, after jpeg:75)"]
    auc = entry["results"][0]["metrics"][0]
    assert (auc["type"], auc["value"], auc["name"]) == ("auc", 0.625, "AUC of trufor ↓")
    assert auc["args"]["null"] == 0.4
    assert auc["args"]["interval_95"] == [0.625, 0.625]
    assert auc["args"]["samples"] == 6
    assert auc["args"]["inpainter_weights"].startswith("mini sha256:")
    acc = entry["results"][0]["metrics"][1]["args"]
    assert (acc["false_positive_rate"], acc["seen_in_training"]) == (0.5, "unknown")
    text = path.read_text(encoding="utf-8")
    assert "not verified by Hugging Face" in text
    assert "An AUC is read beside its null" in text


def test_what_a_run_lacks_is_said_beside_its_number(tmp_path: Path) -> None:
    run = made(tmp_path / "run", inpainters=("safepaint",), nulls=())
    (path,) = export_run(run, "model-index", tmp_path / "cards").files
    (entry,) = front_matter(path)
    auc, acc, _ = (metric["args"] for metric in entry["results"][0]["metrics"])
    assert auc["null"] == acc["false_positive_rate"] == "not in this run"


def test_a_card_says_what_is_left_out(tmp_path: Path) -> None:
    run = made(tmp_path / "run", absent=())
    rows = (run / "results.csv").read_text(encoding="utf-8").splitlines()
    gap = next(at for at, row in enumerate(rows) if ",telea,,10-20,psnr," in row)
    cells = rows[gap].split(",")
    place = rows[0].split(",").index
    for name in ("value", "low", "high"):
        cells[place(name)] = ""
    cells[place("reason")] = "a | <b>"
    rows[gap] = ",".join(cells)
    (run / "results.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    found = export_run(run, "model-index", tmp_path / "cards")
    assert found.notes == ("telea: 1 of its numbers left out (a | <b>).",)
    text = (tmp_path / "cards/telea.md").read_text(encoding="utf-8")
    assert "- telea: 1 of its numbers left out (a &#124; &#60;b&#62;)." in text
    assert [
        len(one["metrics"]) for one in front_matter(tmp_path / "cards/telea.md")[0]["results"]
    ] == [2]
