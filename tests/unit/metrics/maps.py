"""Heatmaps of several kinds over irregular masks, as detectors return them."""

from __future__ import annotations

import cv2
import numpy as np

from benchmark.core.types import Case, Verdict
from benchmark.masks.bucket import Bucket
from benchmark.masks.generator import irregular_mask

KINDS = ("smooth", "confident", "flat", "few", "constant", "nothing", "all")


def draw_maps(kind: str, *, n: int = 3, side: int = 64, bucket: str = "30-40") -> Case:
    """Return N heatmaps that respond partly to their masks.

    "smooth" logits spread over about +-3, "confident" ones mostly reach +-30, where float32
    probabilities are 0 or 1, "flat" ones lie within 0.1, "few" are whole numbers; "constant" is one
    value, "nothing" and "all" predict no pixel or every pixel with probability 0 or 1.
    """
    generator = np.random.default_rng(len(kind))
    band = Bucket.parse(bucket)
    masks = np.stack(
        [irregular_mask(height=side, width=side, bucket=band, seed=seed) for seed in range(n)]
    )
    noise = [cv2.GaussianBlur(generator.normal(size=(side, side)), (0, 0), 4) for _ in range(n)]
    seen = generator.uniform(0.5, 1.5, (n, 1, 1)) * masks
    logits = {
        "smooth": 12 * np.stack(noise) + seen,
        "confident": 40 * (12 * np.stack(noise) + 1.5 * seen - 1),
        "flat": -3 + 0.01 * (12 * np.stack(noise) + seen),
        "few": np.round(12 * np.stack(noise) + seen),
        "constant": np.full(masks.shape, -1.0),
        "nothing": np.full(masks.shape, -30.0),
        "all": np.full(masks.shape, 30.0),
    }[kind]
    pixels = np.zeros((*masks.shape, 3), dtype=np.uint8)
    kept = logits.clip(-30, 30).astype(np.float16)
    verdict = Verdict(logits=kept, score=np.zeros(n, dtype=np.float32), threshold=0.5)
    return Case(image=pixels, mask=masks, truth=masks.copy(), filled=pixels, verdict=verdict)
