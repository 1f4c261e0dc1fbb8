"""The mini weights: a small run gives the stored numbers."""

from __future__ import annotations

import csv
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from sklearn.metrics import f1_score, roc_auc_score

from benchmark import Plan, run
from benchmark.core.types import Sample
from benchmark.runner.sources import Sources
from detectors import create_detector
from detectors.base import Detector
from inpainters import create_inpainter
from tests.cli.conftest import Bench
from tests.conftest import link_backbone

STORED = Path(__file__).parent / "mini.csv"
COMMAND = ("run", "mini", "--limit", "1", "--buckets", "30-40", "--launder", "jpeg:90")
NAMES = ("dataset", "launder", "detector", "inpainter", "mask_ratio_percent", "metric")
# Another processor adds up in another order. An image's few grey levels more move what a detector
# says of it further than they move the image.
ALLOWED = {
    "psnr": 0.02, "lpips": 0.002, "auc": 0.01, "auc_null": 0.01, "f1": 0.02, "acc": 0.0, "fpr": 0.0,
}  # fmt: skip

Key = tuple[str, ...]


def numbers(path: Path) -> dict[Key, dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return {tuple(row[name] for name in NAMES): row for row in csv.DictReader(file)}


def by_hand(sample: Sample, detector: Detector) -> dict[Key, float]:
    """One sample's numbers from its image, hole and models alone, by launder, model, metric."""
    images = torch.tensor(sample.image).permute(2, 0, 1)[None].float() / 255
    masks = torch.tensor(sample.mask)[None, None].float()
    raw = create_inpainter("safepaint").inpaint(images, masks)[0].permute(1, 2, 0)
    painted = np.where(sample.mask[..., None], np.rint(raw.numpy() * 255), sample.image)
    found = {("", "", "safepaint", "psnr"): peak_signal_noise_ratio(
        sample.image, painted.astype(np.uint8)
    )}  # fmt: skip
    for inpainter, pixels in (("safepaint", painted.astype(np.uint8)), ("original", sample.image)):
        for launder in ("", "jpeg:90"):
            seen = saved_again(pixels) if launder else pixels
            view = torch.tensor(seen).permute(2, 0, 1)[None].float() / 255
            said = detector.detect(view)
            fired = float(said.score[0]) > detector.card.threshold
            where = (launder, "psccnet", inpainter)
            found[*where, "acc" if inpainter == "safepaint" else "fpr"] = fired
            if inpainter == "safepaint":
                truth, heatmap = sample.mask.ravel(), said.heatmap[0].numpy().ravel()
                found[*where, "auc"] = roc_auc_score(truth, heatmap.astype(np.float64))
                found[*where, "f1"] = f1_score(truth, heatmap > 0.5)
    return found


def saved_again(pixels: np.ndarray) -> np.ndarray:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=90, subsampling="4:2:0")
    return np.array(Image.open(file))


def test_its_numbers_are_the_means_of_those_made_by_hand(tmp_path: Path) -> None:
    """The stored numbers are a copy of an answer; here two samples are worked out without a run."""
    plan = Plan(
        datasets=("samples",), buckets=("30-40",), limit=2, inpainters=("safepaint", "original"),
        detectors=("psccnet",), launder=("jpeg:90",), metrics=("auc", "f1", "acc", "psnr"),
    )  # fmt: skip
    record = run(plan, store=tmp_path / "store")
    sources = Sources(plan)
    detector = create_detector("psccnet")
    rows = [by_hand(sources.load(ref), detector) for ref in sources.refs()]
    assert len(rows) == 2
    cells = {(one.launder, one.detector, one.inpainter, one.metric): one for one in record.cells}
    for key in rows[0]:
        value = np.mean([row[key] for row in rows])
        assert cells.pop(key).value == pytest.approx(value, abs=1e-4), key
    left = [key for key in cells if not key[3].endswith("_null")]
    assert {(key[2], cells[key].value) for key in left} == {("original", None)}


def test_the_mini_edition_answers_as_it_did(bench: Bench, tmp_path: Path) -> None:
    out, measured = tmp_path / "out", link_backbone("alexnet")
    result = bench(*COMMAND, "--out", out)
    assert result.exit_code == 0, result.output
    now, stored = numbers(out / "results.csv"), numbers(STORED)
    assert list(now) == list(stored)
    assert all(now[key]["weights"] == stored[key]["weights"] for key in stored)
    moved = [
        f"{' '.join(filter(None, key))}: {stored[key]['value']} became {now[key]['value']}"
        for key in stored
        if (measured or key[-1] != "lpips")  # without 'bench weights fetch alexnet' it is a gap
        and not alike(stored[key]["value"], now[key]["value"], ALLOWED.get(key[-1], 0.0))
    ]
    assert not moved, "\n".join(["'bench verify' may name the first place that moved", *moved])


def alike(one: str, other: str, allowed: float) -> bool:
    if not one or not other:
        return one == other
    return float(other) == pytest.approx(float(one), abs=allowed)
