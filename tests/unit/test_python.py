"""`import benchmark`: lazy public names, plans as on the command line, records."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import benchmark
from benchmark import Plan, run
from benchmark.core.errors import BadInput, PlanError, UnknownName
from benchmark.runner.plan import make_plan


def test_names_complete_and_are_there() -> None:
    expected = {"Plan", "run", "RunRecord", "Settings", "__version__", "Card", "Metric", "Dataset",
                "Inpainter", "Detector", "create_inpainter", "create_detector"}  # fmt: skip
    assert expected <= set(benchmark.__all__)
    assert set(benchmark.__all__) <= set(dir(benchmark))
    assert all(getattr(benchmark, name) for name in benchmark.__all__)
    assert benchmark.__version__.startswith("0.")
    with pytest.raises(AttributeError, match="no attribute 'Plam'"):
        _ = benchmark.Plam


def test_public_names_are_those_of_their_modules() -> None:
    from benchmark.core.card import Card
    from benchmark.datasets import Dataset
    from benchmark.metrics import Metric
    from detectors import create_detector
    from detectors.base import Detector
    from inpainters import create_inpainter
    from inpainters.base import Inpainter

    assert (benchmark.Card, benchmark.Dataset, benchmark.Metric) == (Card, Dataset, Metric)
    assert (benchmark.Inpainter, benchmark.Detector) == (Inpainter, Detector)
    assert benchmark.create_inpainter is create_inpainter
    assert benchmark.create_detector is create_detector


def test_the_package_alone_loads_nothing_heavy() -> None:
    code = "import benchmark, sys; dir(benchmark); print({'torch', 'pydantic'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


def test_texts_are_taken_apart_as_on_the_command_line() -> None:
    plan = Plan(inpainters="telea, original", detectors="flatness", buckets="10-20,30-40",
                metrics="auc,psnr", launder="jpeg:90", retouch="none,grain:2")  # fmt: skip
    assert plan.inpainters == ("telea", "original")
    assert plan.detectors == ("flatness",)
    assert plan.buckets == ("10-20", "30-40")
    assert (plan.launder, plan.retouch) == (("jpeg:90",), ("none", "grain:2"))
    assert Plan(detectors="none", metrics="psnr").detectors == ()
    assert Plan(inpainters="mine=cmd:a b,c").inpainters == ("mine=cmd:a b,c",)
    assert Plan(images="photos").datasets == ("folder",)
    assert Plan(inpainters=["telea"]) == Plan(inpainters="telea")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"inpainters": 3}, "Plan: inpainters: expected a list, got 3"),
        ({"inpainters": ()}, "Plan: inpainters: expected at least one name, got none"),
        ({"images": "x", "datasets": "samples"}, 'images goes with datasets="folder", not'),
        ({"datasets": "folder"}, "needs a folder of images: images=DIR"),
        ({"launder": "jpeg:90", "detectors": ()}, "launder needs a detector"),
        ({"inpainter": "telea"}, "Plan: unknown key 'inpainter'. Known: .*inpainters"),
        ({"hole_blind": "x"}, "Plan: hole_blind: expected true or false, got 'x'"),
        ({"limit": 0}, "Plan: limit: expected 1 or more, got 0"),
    ],
)
def test_mistakes_are_in_pythons_words(values: dict[str, object], said: str) -> None:
    with pytest.raises(PlanError, match=said) as caught:
        Plan(**values)  # type: ignore[arg-type]
    assert "--" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_command_lines_words_stay_its_own() -> None:
    with pytest.raises(PlanError, match="--images goes with --dataset folder"):
        make_plan({"images": "photos"})
    with pytest.raises(PlanError, match="inpainters: expected a list"):
        make_plan({"inpainters": "telea"})
    with pytest.raises(UnknownName, match="Did you mean 'telea'"):
        Plan(inpainters="tela")


def test_a_record_shows_itself(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in ("a", "b"):
        fine = np.random.default_rng(len(name)).integers(0, 256, (32, 40, 3), dtype=np.uint8)
        Image.fromarray(fine).resize((80, 64)).save(photos / f"{name}.png")
    plan = Plan(images=photos, size=64, inpainters="meanfill", detectors="flatness",
                buckets="30-40", metrics="auc,psnr")  # fmt: skip
    record = run(plan, out=tmp_path / "out", store=tmp_path / "store")
    samples = record.samples
    assert list(samples["sample"].unique()) == ["a", "b"]
    assert {"score", "auc", "psnr"} <= set(samples.columns)
    html = record._repr_html_()
    assert html.startswith("<table>")
    assert "<td>meanfill</td>" in html
    assert "AUC ↓" in html
    assert record.report() == tmp_path / "out" / "index.html"
    with pytest.raises(BadInput, match="no folder"):
        _ = run(plan, store=tmp_path / "store").samples
