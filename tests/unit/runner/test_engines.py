"""--engine in plans, keys and records, and what is refused before a run begins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.core.engines import installed
from benchmark.core.errors import BadInput, BenchError, ExternalError, PlanError
from benchmark.core.external import optional
from benchmark.runner.engines import check_engines
from benchmark.runner.resolve_models import resolve_models
from benchmark.runner.settings import Settings
from benchmark.single.models import choose_models
from detectors import DETECTORS
from inpainters import INPAINTERS
from tests.small import small_weights
from tests.unit.core.engines import traced


def resolved(engine, inpainters=("telea",), detectors=("trufor",)):
    plan = Plan(inpainters=inpainters, detectors=detectors, engine=engine)
    return {
        "inpainters": resolve_models(INPAINTERS, plan.inpainters, plan),
        "detectors": resolve_models(DETECTORS, plan.detectors, plan),
    }


def test_a_plan_without_an_engine_does_not_name_it():
    assert "engine" not in Plan().dump()
    assert "engine" not in Plan().document()


@pytest.mark.parametrize("engine", ["openvino", "psccnet=onnxruntime,trufor=openvino"])
def test_a_plan_with_an_engine_is_read_back(tmp_path, engine):
    plan = Plan(engine=engine, detectors="psccnet,trufor")
    (tmp_path / "plan.toml").write_text(plan.dump(), encoding="utf-8")
    assert Plan.load(tmp_path / "plan.toml").engine == engine
    assert plan.document()["engine"] == engine


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"engine": "openvin"}, "Did you mean 'openvino'"),
        ({"engine": "openvino", "compile": True}, "so compile has no effect: use one of them"),
        ({"engine": "openvino", "precision": "bf16"}, 'so precision="bf16" has no effect'),
        (
            {"engine": "trufr=openvino"},
            "'trufr' is none of .* used here: .*trufor.*Did you mean 'trufor'",
        ),
    ],
)
def test_a_plan_whose_engine_cannot_be_used_is_refused(changes, message):
    with pytest.raises(PlanError, match=message):
        Plan(**changes)


def test_an_engine_is_in_the_identity_of_networks_alone():
    plain, by_engine = resolved(""), resolved("openvino")
    assert by_engine["inpainters"][0].identity == plain["inpainters"][0].identity
    assert by_engine["detectors"][0].identity == plain["detectors"][0].identity + "+openvino"
    assert resolved("trufor=openvino", ("lama",))["inpainters"][0].engine == ""


@pytest.mark.parametrize(
    ("engine", "inpainters", "message"),
    [
        ("openvino", ("lama",), r"lama: 1\.02 .* by torch, expected 1\.1 or more; use --engine"),
        ("openvino", ("safepaint",), "safepaint: its attention computes the rectangle"),
        ("openvino", ("safepaint", "lama"), "rectangle.*; lama: 1.02.*; use --engine trufor=openv"),
        ("telea=openvino", ("telea",), "telea: nothing is computed by a network; run it without"),
    ],
)
def test_models_that_an_engine_does_not_run_are_named(engine, inpainters, message):
    with pytest.raises(BadInput, match=f"^--engine {engine}: .*{message}"):
        check_engines(engine, **resolved(engine, inpainters))


def test_a_device_other_than_the_cpu_is_refused(monkeypatch):
    with pytest.raises(BadInput, match="on the CPU, not on cuda:1: use --device cpu"):
        check_engines("openvino", **resolved("openvino"), devices=("cpu", "cuda:1"))


def test_an_engine_without_a_network_is_refused():
    with pytest.raises(BadInput, match="no model here has a network"):
        check_engines("openvino", **resolved("openvino", detectors=("flatness",)))


@pytest.mark.parametrize(
    ("engine", "found", "message"),
    [
        ("openvino", {}, r"openvino is not installed; get it with pip install 'openvino>=[\d.]+'$"),
        ("openvino", {"openvino": "2020.1"}, "openvino 2020.1 is installed, but >="),
        (
            "onnxruntime",
            {"onnxruntime": "99"},
            r"onnx is not installed; get it with pip install 'onnxruntime>=[\d.]+' 'onnx>=[\d.]+'$",
        ),
    ],
)
def test_a_missing_package_is_named_with_the_command(monkeypatch, engine, found, message):
    def version(name):
        if name not in found:
            raise optional.PackageNotFoundError(name)
        return found[name]

    monkeypatch.setattr(optional, "version", version)
    chosen = resolved(f"psccnet={engine}", detectors=("psccnet",))
    with pytest.raises(ExternalError, match=message):
        check_engines(f"psccnet={engine}", **chosen)


def test_commands_on_single_images_refuse_the_same():
    with pytest.raises(BadInput, match=r"lama: 1\.02 times"):
        choose_models(inpainters=["lama"], engine="openvino")
    with pytest.raises(BenchError, match="not on cuda"):
        choose_models(detectors=["trufor"], engine="openvino", device="cuda:0")
    assert choose_models(detectors=["trufor"]).engines == {}


@pytest.mark.filterwarnings("ignore::benchmark.core.errors.EngineNotice")
def test_a_run_by_an_engine_is_recorded_and_kept_apart(tmp_path: Path, monkeypatch) -> None:
    """The engine of this test is a trace of the network, run by torch (`traced`)."""
    traced.install(monkeypatch)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr("benchmark.runner.engines.lacking_engine", lambda engine: "")
    pixels = np.random.default_rng(0).integers(0, 256, (32, 32, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    options = {
        "images": tmp_path / "a.png", "size": 32, "buckets": "10-20", "inpainters": "meanfill",
        "detectors": "trufor", "metrics": "auc",
        "weights": {"trufor": str(small_weights("trufor"))},
    }  # fmt: skip
    records, lines = {}, []
    for name, engine in (("plain", ""), ("engine", "openvino")):
        settings = Settings(tell=lines.append)
        run(
            Plan(**options, engine=engine),
            out=tmp_path / name,
            store=tmp_path / "store",
            settings=settings,
        )
        records[name] = json.loads((tmp_path / name / "record.json").read_text(encoding="utf-8"))
    assert [line for line in lines if "ngine" in line] == ["Engines: trufor openvino 9.9."]
    assert "engines" not in records["plain"]
    assert "engine" not in records["plain"]["plan"]
    assert records["engine"]["engines"] == {"trufor": "openvino 9.9"}
    assert records["engine"]["plan"]["engine"] == "openvino"
    assert records["engine"]["jobs_run"]["judge"] == records["plain"]["jobs_run"]["judge"] > 0
    assert records["engine"]["jobs_run"]["fill"] == 0
    assert len(list((tmp_path / "home" / "engines").iterdir())) == 1
    assert installed.engine_label("openvino") == "openvino 9.9"
