"""A small run for each executor."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.runner.executor import Executor
from benchmark.runner.settings import Settings
from benchmark.runner.stages import Progress

FILES = ("plan.toml", "results.csv", "samples.csv", "table.md")
Go = Callable[..., RunRecord]


@pytest.fixture
def go(tmp_path: Path) -> Go:
    """Run a plan over six images of two shapes, one damaged, into a named folder and store."""
    photos = tmp_path / "photos"
    photos.mkdir()
    generator = np.random.default_rng(1)
    for number in range(6):
        pixels = generator.integers(0, 256, (64, 64 + number % 2 * 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{number}.png")
    (photos / "3.png").write_text("no image")
    plan = Plan(
        datasets=("folder",), images=photos, size="native", buckets=("10-20", "30-40"),
        inpainters=("telea", "original"), detectors=("flatness", "chance"),
        metrics=("auc", "f1", "acc", "psnr", "ssim"), launder=("noise:2", "jpeg:80"),
    )  # fmt: skip

    def call(
        name: str,
        *,
        executor: Executor | None = None,
        batch: int = 1,
        notify: Callable[[Progress], None] | None = None,
        store: str | Path | None = None,
        detectors: tuple[str, ...] = ("flatness", "chance"),
    ) -> RunRecord:
        return run(
            plan.model_copy(update={"detectors": detectors}),
            out=tmp_path / name,
            store=store or tmp_path / f"{name}-store",
            settings=Settings(batch=batch, executor=executor),
            notify=notify,
        )

    return call
