"""Every Eval Ever JSON against its schema, version 0.3.0.

tests/schemas/every_eval_ever has the schema of the package every-eval-ever 0.3.0 (MIT license).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from benchmark.results.rows import ResultRow
from reports.exports import export_run
from tests.unit.reports.exports.made import SHA256, made
from tests.unit.test_layers import ROOT

SCHEMA = json.loads(
    (ROOT / "tests/schemas/every_eval_ever/eval.schema-0.3.0.json").read_text(encoding="utf-8")
)


def validated(path: Path) -> dict[str, Any]:
    """The document in a file, strict JSON of the schema."""

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"), parse_constant=refuse)
    jsonschema.Draft7Validator(SCHEMA).validate(found)
    for result in found["evaluation_results"]:
        config, score = result["metric_config"], result["score_details"]["score"]
        assert float(config["min_score"]) <= score <= float(config["max_score"])
    return found


@pytest.fixture
def log(tmp_path: Path) -> dict[str, Any]:
    """The log of SafePaint, with everything else checked."""
    found = export_run(made(tmp_path / "run"), "every-eval-ever", tmp_path / "out")
    (path,) = found.files
    assert path.parent == tmp_path / "out/data/safepaint-bench/safepaint-bench/safepaint"
    return validated(path)


def test_every_number_has_its_conditions(log: dict[str, Any]) -> None:
    results = {one["evaluation_result_id"]: one for one in log["evaluation_results"]}
    assert len(results) == len(log["evaluation_results"]) == 3
    auc = results["safepaint/samples/10-20/trufor/auc"]
    assert auc["score_details"]["score"] == 0.625
    assert auc["score_details"]["uncertainty"]["num_samples"] == 6
    assert auc["score_details"]["uncertainty"]["confidence_interval"]["confidence_level"] == 0.95
    details = auc["score_details"]["details"]
    assert details["null"] == "0.4"
    assert details["inpainter_weights"] == f"mini sha256:{SHA256}"
    assert details["detector_weights"] == "mini"
    assert details["metric_revision"] == "1"
    assert auc["metric_config"]["lower_is_better"] is True
    assert auc["metric_config"]["metric_id"] == "safepaint-bench.auc"
    psnr = results["safepaint/samples/10-20/psnr"]["metric_config"]
    assert (psnr["metric_id"], psnr["max_score"]) == ("psnr", "Infinity")
    assert psnr["lower_is_better"] is False


def test_what_is_unknown_says_so(log: dict[str, Any]) -> None:
    assert log["source_metadata"]["source_organization_name"] == "unknown"
    assert log["eval_library"]["version"] == "0.1.1"
    assert log["model_info"]["id"] == "safepaint-bench/safepaint"
    assert log["model_info"]["additional_details"]["model_availability"] == "open_weights"


def test_cells_without_a_number_are_left_out_and_counted(tmp_path: Path) -> None:
    run = made(tmp_path / "run", absent=("safepaint",))
    found = export_run(run, "every-eval-ever", tmp_path / "out")
    assert [path.parent.name for path in found.files] == ["telea"]
    assert found.notes == ("safepaint: 3 of its numbers left out (no weights here).",)


def test_an_export_of_the_same_run_has_the_same_names(tmp_path: Path) -> None:
    run = made(tmp_path / "run")
    files = [
        export_run(run, "every-eval-ever", tmp_path / name).files[0].name for name in ("a", "b")
    ]
    assert files[0] == files[1]
    assert files[0][14] == "4"  # a UUID of version 4, as their data store requires


def test_a_run_of_forgeries_is_about_its_detectors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = made(tmp_path / "run")
    rows = [
        ResultRow(
            dataset="forgeries", detector="flatness", inpainter=method, bucket="all",
            metric=metric, value=0.25, n=6, expected=6, images=12, low=None, high=None,
            weights="flatness=none",
        )
        for method, metric in (
            ("all", "auc"), ("all", "image_auc"), ("authentic", "fpr"), ("all", "area"),
        )
    ]  # fmt: skip
    monkeypatch.setattr("benchmark.results.run_folder._results", lambda *_: tuple(rows))
    found = export_run(run, "every-eval-ever", tmp_path / "out")
    log = validated(found.files[0])
    lower = {
        one["metric_config"]["metric_id"]: one["metric_config"]["lower_is_better"]
        for one in log["evaluation_results"]
    }
    assert lower == {
        "safepaint-bench.auc": False,
        "safepaint-bench.image_auc": False,
        "safepaint-bench.fpr": True,
    }
    details = log["evaluation_results"][1]["score_details"]["details"]
    assert (details["originals"], details["images"]) == ("6", "12")
    assert details["metric_revision"] == "1"  # that of acc, from whose rows it is computed
    assert found.notes == ("flatness: 1 of its numbers left out (area has no better direction).",)
