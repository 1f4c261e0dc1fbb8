"""The table of docs/howto/controls.md: how strong `grain:match` is."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark import Plan
from benchmark.core.images import read_image
from benchmark.core.types import Mask
from benchmark.datasets import open_dataset
from benchmark.retouch import file_name, residual
from benchmark.runner.resolve import ORIGINAL
from tools.docs.markdown import code, table
from tools.mini.measured import Measured
from tools.mini.plans import BUCKET, FLAT, PLAIN, kept_run

INPAINTERS = (FLAT, PLAIN, "shiftmap", "lama", "safepaint")
MATCH = "grain:match"


def table_of_grain(found: Measured) -> str:
    """Return the residual of the known region, and of each hole before and after, by image."""
    plan = Plan(
        inpainters=INPAINTERS, detectors=(), buckets=(BUCKET,), metrics=("psnr",),
        retouch=("none", MATCH),
    )  # fmt: skip
    images = kept_run(found, "grain", plan, save_images=True) / "images" / BUCKET
    rows = []
    for name in open_dataset("samples", images=None, size=256).ids():
        hole = read_image(images / name / "mask.png")[..., 0] > 127
        cells = [
            " to ".join(
                _level(images / name / f"{file_name(one, step)}.png", hole) for step in ("", MATCH)
            )
            for one in INPAINTERS
        ]
        rows.append([name, _level(images / name / f"{ORIGINAL}.png", ~hole), *cells])
    return table(("image", "known region", *map(code, INPAINTERS)), rows)


def _level(file: Path, region: Mask) -> str:
    """Return the residual of a region in gray levels."""
    image = read_image(file).astype(np.float32) / np.float32(255)
    return f"{residual(image, region):.2f}"
