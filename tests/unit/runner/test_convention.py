"""Another convention measures stored heatmaps again, without running a model."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.core.errors import PlanError
from benchmark.metrics import CONVENTIONS, METRICS, under_convention
from benchmark.results.table import run_table
from benchmark.runner.plan import make_plan, override_values
from detectors.baselines import Flatness
from inpainters.baselines import MeanFill


@pytest.fixture
def go(tmp_path: Path) -> Callable[..., RunRecord]:
    generator = np.random.default_rng(1)
    for number in range(2):
        pixels = generator.integers(0, 256, (128, 128, 3), dtype=np.uint8)
        (tmp_path / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{number}.png")

    def call(**changes: object) -> RunRecord:
        values: dict[str, object] = {
            "datasets": ["folder"], "images": tmp_path / "photos", "size": 128,
            "buckets": ["50-60"], "inpainters": ["meanfill"], "detectors": ["flatness"],
            "metrics": ["auc", "f1", "psnr"],
        }  # fmt: skip
        return run(make_plan({**values, **changes}), store=tmp_path / "store")

    return call


@pytest.mark.parametrize("convention", [name for name in CONVENTIONS if name != "paper"])
def test_stored_heatmaps_are_measured_again_without_a_model(
    go: Callable[..., RunRecord], monkeypatch: pytest.MonkeyPatch, convention: str
) -> None:
    first = go()
    assert dict(first.document["jobs_run"]) == {"fill": 2 + 2, "judge": 2 + 2, "measure": 6 + 6}

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a model ran")

    monkeypatch.setattr(MeanFill, "_fill", never)
    monkeypatch.setattr(Flatness, "_detect", never)
    record = go(convention=convention)
    own = len(CONVENTIONS[convention])  # TGIF has one: its AUC is `auc`
    assert dict(record.document["jobs_run"]) == {"fill": 0, "judge": 0, "measure": 2 * own}
    metrics = under_convention(convention, ("auc", "f1", "psnr"))
    nulls = ("auc_null", "f1_null", "area_null")  # as in the paper, for any convention
    assert tuple(cell.metric for cell in record.cells) == (*metrics, *nulls)
    assert all(cell.value is not None and cell.n == 2 for cell in record.cells)
    assert dict(go(convention=convention).document["jobs_run"])["measure"] == 0


def test_the_table_explains_a_convention(go: Callable[..., RunRecord]) -> None:
    text = run_table(go(convention="trufor").cells).markdown()
    note = METRICS.load("f1_trufor").note
    assert "drops half to two thirds of the hole" in note
    assert text.count(note) == 1
    assert note not in run_table(go().cells).markdown()


def test_a_plan_keeps_its_convention(tmp_path: Path) -> None:
    plan = make_plan({"convention": "trufor"})
    assert plan.metrics[:3] == ("f1_oracle_trufor", "f1_trufor", "acc")
    (tmp_path / "plan.toml").write_text(plan.dump())
    assert tomllib.loads(plan.dump())["convention"] == "trufor"
    assert Plan.load(tmp_path / "plan.toml") == plan
    assert Plan(**plan.model_dump()) == plan


def test_an_option_replaces_a_plan_s_convention() -> None:
    written = make_plan({"convention": "trufor", "metrics": ["auc", "f1", "psnr"]})
    values = written.model_dump(exclude_unset=True)
    for convention in CONVENTIONS:
        plan = make_plan(override_values(values, {"convention": convention}))
        assert plan.metrics == under_convention(convention, ("auc", "f1", "psnr"))


def test_a_plan_accepts_every_convention() -> None:
    for convention in CONVENTIONS:
        assert make_plan({"convention": convention}).convention == convention
    with pytest.raises(PlanError, match=r"convention: .*'paper', 'trufor'.*got 'mine'"):
        make_plan({"convention": "mine"})
    with pytest.raises(PlanError, match="'f1_trufor' is named twice"):
        make_plan({"convention": "trufor", "metrics": ["f1", "f1_trufor"]})


def test_lpips_is_a_default_metric_and_gmsd_is_available() -> None:
    assert make_plan({}).metrics == ("auc", "f1", "acc", "psnr", "lpips")
    assert METRICS.load("gmsd").unavailable() is None
    assert make_plan({"metrics": ["psnr", "gmsd"]}).metrics == ("psnr", "gmsd")
