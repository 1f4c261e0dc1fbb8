"""The engines themselves, where they are installed: tiny networks of models that they run."""

from __future__ import annotations

import os
import sys
import tomllib
import warnings
from pathlib import Path

import pytest
import torch

from benchmark.core.engines import ENGINES, lacking_engine
from benchmark.core.engines.installed import REQUIRES
from benchmark.core.errors import BenchWarning
from detectors import DETECTORS, create_detector
from inpainters import INPAINTERS, create_inpainter
from tests.small import small_weights

RUN = [
    pytest.param(registry, name, engine, id=f"{name}-{engine}")
    for registry in (INPAINTERS, DETECTORS)
    for name in registry.built_in
    for engine in ENGINES
    if not registry.load(name).engine_refusal(engine)
]


@pytest.mark.parametrize(("registry", "name", "engine"), RUN)
def test_models_that_an_engine_runs_return_what_they_return_by_torch(
    registry, name, engine, tmp_path, monkeypatch
):
    if reason := lacking_engine(engine):
        pytest.skip(reason)
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    create = create_inpainter if registry is INPAINTERS else create_detector
    model, other = (create(name, weights=small_weights(name)) for _ in range(2))
    other.use_engine(engine)
    torch.manual_seed(1)
    images, masks = torch.rand(2, 3, 40, 48), torch.zeros(2, 1, 40, 48)
    masks[:, :, 8:20, 10:30] = 1

    def outputs(one):
        if registry is INPAINTERS:
            return {"image": one.inpaint(images, masks)}
        found = one.detect(images)
        return {"heatmap": found.heatmap, "score": found.score}

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BenchWarning)
        by_engine = outputs(other)
    for key, expected in outputs(model).items():
        torch.testing.assert_close(by_engine[key], expected, atol=2e-5, rtol=0)
    assert len(list((tmp_path / "engines").iterdir())) == 1


def test_the_engines_do_not_report_their_use(monkeypatch):
    """OpenVINO's converter sends statistics if its package for that can be imported."""
    if reason := lacking_engine("openvino"):
        pytest.skip(reason)
    from benchmark.core.engines import backend

    backend._openvino()
    assert sys.modules["openvino_telemetry"] is None
    if not lacking_engine("onnxruntime"):
        monkeypatch.delenv("ORT_DISABLE_TELEMETRY", raising=False)
        with pytest.raises(KeyError):
            backend.load("onnxruntime", {}, 1)
        assert os.environ["ORT_DISABLE_TELEMETRY"] == "1"


def test_the_extras_are_what_the_engines_require():
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    for engine, requirements in REQUIRES.items():
        assert sorted(requirements) == project["optional-dependencies"][engine]
