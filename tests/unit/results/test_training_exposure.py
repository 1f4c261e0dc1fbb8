"""Inpainters seen in training are marked in every table and not ranked."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.core.checkpoints.resolve import Weights
from benchmark.results.csv import read_results
from benchmark.results.nulls import standing
from benchmark.results.run_folder import read_run
from benchmark.results.table import run_table
from benchmark.results.terminal_table import terminal_table
from benchmark.results.training_exposure import MET, TRAINING_NOTE, training_notes
from benchmark.runner.resolve import resolve_plan
from benchmark.runner.resolve_models import training_exposure_of
from reports.compare import compare_runs
from reports.document import table_document
from reports.findings import summary_text
from reports.formats import FORMATS
from reports.formats.comparison import comparison_rows
from reports.page.summary import detector_summaries
from reports.paper.tables import paper_tables
from reports.statistics import statistics_of
from tests.small import small_weights

BUCKETS = ("30-40",)


def detector_that_met(folder: Path, name: str, met: list[str] | None) -> Path:
    """Write a tiny detector's weights with the inpainters of its training set as metadata."""
    source, path = small_weights(name), folder / f"{name}.safetensors"
    noted = {"model": name, "config": json.loads(_metadata(source))["config"]}
    save_file(load_file(source), path, {"bench": json.dumps(noted | ({"met": met} if met else {}))})
    return path


def _metadata(path: Path) -> str:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return str(file.metadata()["bench"])


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """A plan: TruFor saw telea, PSCC-Net navierstokes; unknown for IID-Net."""
    folder = tmp_path_factory.mktemp("met")
    (folder / "photos").mkdir()
    draw = np.random.default_rng(0)
    for name in "abc":
        pixels = draw.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / "photos" / f"{name}.png")
    return Plan(
        datasets=("folder",), images=folder / "photos", size=64, buckets=BUCKETS,
        inpainters=("telea", "navierstokes", "meanfill", "shiftmap", "original"),
        detectors=("trufor", "psccnet", "iidnet", "flatness"), metrics=("auc", "f1", "acc", "psnr"),
        retouch=("none", "grain:2"),
        weights={
            "trufor": str(detector_that_met(folder, "trufor", ["telea"])),
            "psccnet": str(detector_that_met(folder, "psccnet", ["navierstokes", "aotgan"])),
            "iidnet": str(detector_that_met(folder, "iidnet", None)),
        },
    )  # fmt: skip


@pytest.fixture(scope="module")
def out(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    torch.set_num_threads(1)
    run(plan, out=folder / "out", store=folder / "store")
    return folder / "out"


@pytest.fixture(scope="module")
def record(out: Path, plan: Plan) -> RunRecord:
    return run(plan, store=out.parent / "store")


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def test_each_row_says_whether_its_inpainter_was_seen_in_training(record: RunRecord) -> None:
    said = {(one.detector, one.inpainter): one.met for one in record.cells}
    assert said["trufor", "telea"] == said["psccnet", "navierstokes"] == "yes"
    assert said["trufor", "navierstokes"] == said["psccnet", "telea"] == "no"
    assert said["flatness", "telea"] == "no"  # it was not trained
    assert said["trufor", "original"] == "no"
    assert {met for (detector, _), met in said.items() if detector in ("", "iidnet")} == {""}
    retouched = {one.met for one in record.cells if one.painter == "telea+grain:2"
                 and one.detector == "trufor"}  # fmt: skip
    assert retouched == {"yes"}


def test_run_files_contain_the_training_exposure(out: Path) -> None:
    found = rows((out / "results.csv").read_text())
    assert {row["met"] for row in found if row["detector"] == "trufor"} == {"yes", "no"}
    noted = json.loads((out / "record.json").read_text())["met"]
    assert noted == {"trufor": ["telea"], "psccnet": ["aotgan", "navierstokes"], "flatness": []}
    assert tuple(read_results(out / "results.csv")) == read_run(out).results


def test_training_exposure_is_not_part_of_keys(
    out: Path, plan: Plan, record: RunRecord, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "benchmark.runner.resolve_models.training_inpainters", lambda path: frozenset({"shiftmap"})
    )
    again = run(plan, store=out.parent / "store")
    assert again.document["jobs_run"] == {"fill": 0, "judge": 0, "measure": 0}
    met = {one.inpainter for one in again.cells if one.met == "yes"}
    assert met == {"shiftmap"}
    assert [one.value for one in again.cells] == [one.value for one in record.cells]


def test_the_run_s_tables_have_the_mark_and_one_note(record: RunRecord) -> None:
    screen = terminal_table(record.cells, record.distances, width=300)
    for table in (screen, run_table(record.cells).markdown(), run_table(record.cells).html()):
        assert f"telea{MET}" in table
        assert f"telea+grain:2{MET}" in table
        assert f"navierstokes{MET}" in table
        assert f"meanfill{MET}" not in table
        assert table.count(TRAINING_NOTE) == 1
        assert table.count("not marked: training of iidnet on images of any inpainter") == 1
    marked = [line for line in screen.splitlines() if f"telea{MET} " in line]
    assert marked
    assert all("trufor" in line for line in marked)  # only at that detector's numbers
    other = [line for line in screen.splitlines() if line.startswith("telea ")]
    assert any("psccnet" in line for line in other)


@pytest.mark.parametrize("style", [name for name in FORMATS if name != "csv"])
def test_the_paper_s_tables_have_the_mark(style: str, out: Path) -> None:
    text = table_document("3", run=out).text(style)
    mark = r"\P{}" if style == "tex" else MET
    assert f"telea{mark}" in text
    assert f"navierstokes{mark}" not in text  # TruFor's table
    assert text.count("seen in training: the detector was trained on images") == 1
    assert "Unknown" not in text
    quality = table_document("1", run=out).text(style)
    assert mark not in quality
    assert "Unknown" in table_document("4", run=out).text(style)


def test_tables_as_csv_and_json_have_a_field(out: Path) -> None:
    document = table_document("2", run=out)
    found = {row["inpainter"]: row["met"] for row in rows(document.text("csv")) if row["ours"]}
    assert (found["navierstokes"], found["telea"]) == ("yes", "no")
    assert '"met": "yes"' in json.dumps(document.values())


def test_an_inpainter_seen_in_training_is_never_the_best(out: Path) -> None:
    """Of the lines that would be bold without marks, the marked one is not, but the next one."""
    found = read_run(out)
    bare = replace(found, results=tuple(replace(row, met="") for row in found.results))
    best = {}
    for name, one in (("marked", found), ("bare", bare)):
        (table,) = paper_tables(3, one)
        best[name] = [
            (line.model, column)
            for line in table.lines
            for column, entry in enumerate(line.entries)
            if entry.ours_best
        ]
    would = [column for model, column in best["bare"] if model.startswith("telea")]
    assert would, "this test needs a column that a met inpainter would win"
    assert not [model for model, _ in best["marked"] if model.startswith("telea")]
    assert {column for _, column in best["marked"]} >= {*would}


def test_ranks_omit_inpainters_seen_in_training(out: Path) -> None:
    found = statistics_of(read_run(out))
    ranks = [one for one in found if one.name == "rank" and one.detector == "trufor"]
    of = {one.inpainter: one for one in ranks if (one.metric, one.bucket) == ("f1", "30-40")}
    assert of["telea"].value is None
    assert of["telea"].reason == "seen in training, not ranked"
    assert of["navierstokes"].value is not None
    assert of["navierstokes"].n == sum(one.value is not None for one in of.values())
    other = [one for one in found if one.name == "rank" and one.detector == "psccnet"]
    assert all(one.value is not None for one in other if one.inpainter == "telea"
               and one.metric == "f1")  # fmt: skip
    assert "telea, telea+grain:2: seen in training, not ranked." in " ".join(
        summary_text(found).split()
    )


def test_standing_omits_inpainters_seen_in_training() -> None:
    models = {"a": 0.1, "b": 0.2}
    assert standing("f1", True, models, {}, {"a"}) == {"b": 0.2}
    assert standing("f1", True, models, {}) == models


def test_the_page_ranks_no_inpainter_seen_in_training(out: Path) -> None:
    found = read_run(out)
    for summary in detector_summaries(found, statistics_of(found)):
        met = {one.inpainter for one in summary.inpainters if one.met}
        assert met == {
            "trufor": {"telea", "telea+grain:2"},
            "psccnet": {"navierstokes", "navierstokes+grain:2"},
        }.get(summary.detector, set())
        for one in summary.inpainters:
            assert (MET in one.name) == one.met
            assert not (one.met and one.standing is not None)
        said = " ".join(summary.sentences)
        assert (TRAINING_NOTE in said) == bool(met)
        assert not any(f"{name} hides best" in said for name in met)
        assert ("Unknown" in said) == (summary.detector == "iidnet")


def test_the_page_and_a_comparison_show_the_mark(record: RunRecord, out: Path) -> None:
    from typer.testing import CliRunner

    from benchmark.cli import app

    assert CliRunner().invoke(app, ["report", str(out)]).exit_code == 0
    page = (out / "index.html").read_text()
    assert f"telea{MET}" in page
    assert "\\u00b6 seen in training" in page  # beside a detector's numbers in the gallery
    same = compare_runs(out, out)
    named = {row[3] for row in comparison_rows(same) if row[2] == "trufor"}
    assert f"telea{MET}" in named
    assert "meanfill" in named
    assert MET in same.rule


def test_a_control_seen_in_training_is_marked(out: Path) -> None:
    from reports.page.controls import control_sentences

    found = read_run(out)
    weights = {**found.plan.weights}
    plan = found.plan.model_copy(update={"inpainters": ("safepaint", "meanfill"),
                                         "weights": weights})  # fmt: skip
    run_ = replace(found, plan=plan)
    values = {
        name: np.linspace(start, start + 0.3, 12)
        for name, start in (("safepaint+grain:2", 0.1), ("meanfill+grain:2", 0.5))
    }
    plain = " ".join(control_sentences(run_, "auc", values))
    marked = " ".join(control_sentences(run_, "auc", values, met={"meanfill+grain:2"}))
    assert "hides better in 1 of 1" in plain
    assert MET not in plain
    assert f"meanfill {MET}: the detector met it in training, so a network" in marked


def test_training_exposure_of_plugins_is_unknown(plan: Plan) -> None:
    resolved = resolve_plan(plan)
    trufor = next(one for one in resolved.detectors if one.name == "trufor")
    assert training_exposure_of(trufor) == {"telea"}
    assert training_exposure_of(replace(trufor, source="somebody's")) is None
    official = Weights(edition="official", path=Path("trufor.pth.tar"), sha256="0")
    assert training_exposure_of(replace(trufor, weights=official)) is None


def test_notes_name_inpainters_with_unknown_exposure(record: RunRecord) -> None:
    cells = [
        replace(one, met="" if one.inpainter == "shiftmap" else one.met)
        for one in record.cells
        if one.detector in ("trufor", "psccnet")
    ]
    assert list(training_notes(cells)) == [
        TRAINING_NOTE,
        "Unknown, so not marked: training of trufor, psccnet on images of shiftmap.",
    ]


def test_shipped_detectors_declare_their_training_inpainters() -> None:
    resolved = resolve_plan(Plan(inpainters=("telea",), detectors=("psccnet", "trufor", "iidnet"),
                         weights=dict.fromkeys(("psccnet", "trufor", "iidnet"), "mini"),
                         limit=1))  # fmt: skip
    for name in ("psccnet", "trufor", "iidnet"):
        met = resolved.met[name]
        assert met is not None
        assert {"aotgan", "lama", "telea"} <= met
        assert not {one for one in met if one.startswith(("safepaint", "edgeconnect"))}
