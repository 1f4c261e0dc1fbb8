"""The numbers of a whole run compared with independent code: masks, images, detector, metrics."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio
from sklearn.metrics import f1_score, roc_auc_score

from benchmark import Plan, run
from benchmark.masks.bucket import Bucket
from benchmark.masks.generator import irregular_mask
from detectors import create_detector

SIDE, SEED, STEPS = 65, 5, ("", "noise:3", "resize:0.6")
Rows = dict[tuple[str, ...], list[float]]


def seed_by_hand(*parts: object) -> int:
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(sha256(text.encode()).digest()[:8], "big") // 2


def image_of(name: str) -> np.ndarray:
    """Return grainy stripes: `flatness` finds most of a flat hole in them, but not only it."""
    rng = np.random.default_rng(ord(name))
    stripes = np.linspace(0, 5, SIDE) % 1 < 0.8
    return np.where(stripes[:, None], rng.integers(90, 166, (SIDE, SIDE, 3)), 120).astype("u1")


def inpainted(image: np.ndarray, hole: np.ndarray) -> np.ndarray:
    mean = image[~hole].astype(np.float64).mean(axis=0)
    assert (np.abs(mean % 1 - 0.5) > 1e-3).all()  # no value that float32 could round differently
    return np.where(hole[..., None], np.rint(mean).astype(np.uint8), image)


def post_processed(
    image: np.ndarray, hole: np.ndarray, step: str, name: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return an image and its hole after a post-processing step."""
    if step == "noise:3":
        rng = np.random.default_rng(seed_by_hand("launder", SEED, name))
        noise = 3 * rng.standard_normal(image.shape, dtype=np.float32)
        return np.rint(image + noise).clip(0, 255).astype(np.uint8), hole
    if step == "resize:0.6":  # 65 to 39: no center falls between two pixels
        places = np.floor((np.arange(39) + 0.5) * 5 / 3).astype(int)
        small = Image.fromarray(image).resize((39, 39), Image.Resampling.BICUBIC)
        return np.asarray(small), hole[places][:, places]
    return image, hole


def detected(image: np.ndarray, hole: np.ndarray) -> tuple[float, float, float]:
    """Return AUC and F1 of the stored logits, and whether the image is called forged."""
    images = torch.tensor(image).permute(2, 0, 1)[None].float() / 255
    detection = create_detector("flatness").detect(images)
    share = detection.heatmap[0].double().numpy()
    with np.errstate(divide="ignore"):
        logits = np.log(share / (1 - share)).clip(-30, 30).astype(np.float16).astype(np.float64)
    fired = float(detection.score[0]) > create_detector("flatness").card.threshold
    if not hole.any():
        return np.nan, np.nan, fired
    truth = hole.ravel()
    return roc_auc_score(truth, logits.ravel()), f1_score(truth, logits.ravel() > 0), fired


def expected(name: str) -> Rows:
    rows: Rows = {}
    image = image_of(name)
    hole = irregular_mask(
        height=SIDE, width=SIDE, bucket=Bucket(20, 30), margin=0,
        seed=seed_by_hand("mask", SEED, name, "20-30"),
    )  # fmt: skip
    nothing = np.zeros_like(hole)
    for inpainter, filled, truth in (
        ("meanfill", inpainted(image, hole), hole),
        ("original", image, nothing),
    ):
        for step in STEPS:
            auc, f1, fired = detected(*post_processed(filled, truth, step, name))
            called = "acc" if inpainter == "meanfill" else "fpr"
            rows[inpainter, step, "auc"] = [auc]
            rows[inpainter, step, "f1"] = [f1]
            rows[inpainter, step, called] = [fired]
        same = inpainter == "original"
        rows[inpainter, "", "psnr"] = [np.nan if same else peak_signal_noise_ratio(image, filled)]
    return rows


@pytest.mark.parametrize("batch_names", [("a",), ("a", "b", "c")], ids=["one", "three"])
def test_every_number_of_a_run_is_the_mean_of_independent_ones(
    tmp_path: Path, batch_names: tuple[str, ...]
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in batch_names:
        Image.fromarray(image_of(name)).save(photos / f"{name}.png")
    plan = Plan(
        datasets=("folder",), images=photos, size=SIDE, buckets=("20-30",), seed=SEED,
        inpainters=("meanfill", "original"), detectors=("flatness",), launder=STEPS[1:],
        metrics=("auc", "f1", "acc", "psnr"),
    )  # fmt: skip
    record = run(plan, store=tmp_path / "store")
    found = {
        (one.inpainter, one.launder, one.metric): one
        for one in record.cells
        if not one.metric.endswith("_null")  # of metrics that the plan does not name
    }
    by_name = [expected(name) for name in batch_names]
    wanted = {key: np.mean([rows[key] for rows in by_name]) for key in by_name[0]}
    assert set(found) == set(wanted)
    for key, value in wanted.items():
        if np.isnan(value):
            assert (found[key].value, found[key].n) == (None, 0), key
        else:
            assert found[key].value == pytest.approx(value, abs=1e-6), key
            assert found[key].n == len(batch_names)
    assert 0.5 < wanted["meanfill", "", "auc"] < 1  # neither chance nor certain
    assert 0 < wanted["meanfill", "", "f1"] < 1
