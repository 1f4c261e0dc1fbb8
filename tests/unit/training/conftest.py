"""A folder of images, and recipes that take a second."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.training.recipe import LEARNERS, Recipe


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny networks are slower on two threads, and their sums would depend on the split.

    Of a module, so that what its tests share is trained on one thread too.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """Eight images of 96x80 with some structure."""
    folder = tmp_path / "photographs"
    write_photographs(folder)
    return folder


def write_photographs(folder: Path) -> None:
    """Write such images."""
    folder.mkdir()
    for number in range(8):
        draw = np.random.default_rng(number)
        coarse = Image.fromarray(draw.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        coarse.resize((96, 80), Image.Resampling.BICUBIC).save(folder / f"{number}.png")


@pytest.fixture
def forgeries(tmp_path: Path) -> Path:
    """A manifest of ten originals of 80x72, each authentic, with a flat hole and with a splice."""
    folder = tmp_path / "forgeries"
    write_set(folder)
    return folder


def write_set(folder: Path, *, count: int = 10, size: tuple[int, int] = (80, 72)) -> None:
    """Write such a set; the hole of number n begins at row n."""
    rows = ["image,mask,original,method"]
    folder.mkdir()
    for number in range(count):
        draw = np.random.default_rng(100 + number)
        coarse = Image.fromarray(draw.integers(0, 256, (6, 7, 3), dtype=np.uint8))
        photo = np.asarray(coarse.resize(size, Image.Resampling.BICUBIC))
        truth = np.zeros(photo.shape[:2], np.uint8)
        truth[number : number + 20, 8:40] = 255
        Image.fromarray(photo).save(folder / f"{number}-au.png")
        Image.fromarray(truth).save(folder / f"{number}-truth.png")
        rows.append(f"{number}-au.png,authentic,,")
        for method, content in (("flat", np.full_like(photo, 90)), ("lama", photo[::-1])):
            forged = np.where(truth[..., None] > 0, content, photo)
            Image.fromarray(forged).save(folder / f"{number}-{method}.png")
            rows.append(f"{number}-{method}.png,{number}-truth.png,{number}-au.png,{method}")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def recipe(model: str = "safepaint", **changes: Any) -> Recipe:
    """A recipe of a few steps with a tiny network."""
    small: dict[str, dict[str, Any]] = {
        "safepaint": {
            "network": {"width": 4, "blocks": 1, "extractor_width": 4},
            "losses": {"features": "texture", "discriminator_width": 4},
            "stages": [{"steps": 4, "batch": 2, "crop": 64, "sides": [64, 72]}],
        },
        "trufor": {
            "network": {
                "widths": [8, 8, 16, 16],
                "depths": [1, 1, 1, 1],
                "heads": [1, 1, 2, 2],
                "decoder_width": 8,
                "extractor_width": 8,
                "extractor_layers": 3,
            },
            "postprocessing": {
                "resize": [0.5, 0.8, 1.2],
                "jpeg": [0.5, 50, 100],
                "noise": [0.5, 3.0],
                "blur": [0.5, 1.0],
            },
            "stages": [
                {
                    "steps": 4,
                    "batch": 2,
                    "crop": 48,
                    "sides": [64],
                    "forgers": [{"name": "telea", "pool": 3}, {"name": "original", "pool": 3}],
                }
            ],
        },
    }
    common: dict[str, Any] = {
        "model": model,
        "optimizer": {"kind": "adam", "lr": 1e-3, "grad_clip_norm": 1.0},
        "schedule": {"kind": "cosine", "warmup": 1},
        "holes": {"pool": 4},
        "held_out": 2,
        "minimum": 4,
        "ema_decay": 0.9,
        "checkpoint_every": 2,
        "log_every": 1,
        "sample_every": 4,
    }
    if model not in small:
        small[model] = {**LEARNERS.load(model).tiny, "stages": small["safepaint"]["stages"]}
    return Recipe.model_validate(common | small[model] | changes)
