"""Measuring image by image over all inpainters gives the numbers of each inpainter alone."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmark import Plan, run
from benchmark.core.backbones import own_file
from benchmark.metrics.deep_features import DeepFeatures, Features
from benchmark.runner import scheduler, waves
from tests.backbones import draw, pretend, write_safetensors

MODELS, BUCKETS = ("meanfill", "telea", "navierstokes"), ("10-20", "30-40")
COUNT = 3  # images


@pytest.fixture
def plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Plan:
    """Three images, two holes each, three inpainters, LPIPS on a random AlexNet."""
    state = draw()
    write_safetensors(own_file("alexnet"), state)
    pretend(monkeypatch, state)
    folder, generator = tmp_path / "images", np.random.default_rng(3)
    folder.mkdir()
    for number in range(COUNT):
        pixels = generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return Plan(datasets=("folder",), images=folder, size=64, buckets=BUCKETS,
                inpainters=MODELS, detectors=(), metrics=("psnr", "lpips"))  # fmt: skip


def numbers(plan: Plan, store: Path) -> dict[tuple[str, str, str], float | None]:
    cells = run(plan, store=store).cells
    return {(cell.inpainter, cell.bucket, cell.metric): cell.value for cell in cells}


def test_features_of_an_original_are_computed_once(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: Counter[bytes] = Counter()
    compute = DeepFeatures.of

    def noted(self: DeepFeatures, pixels: NDArray[np.uint8]) -> Features:
        seen[pixels.tobytes()] += 1
        return compute(self, pixels)

    monkeypatch.setattr(DeepFeatures, "of", noted)
    numbers(plan, tmp_path / "store")
    inpainted = COUNT * len(BUCKETS) * len(MODELS)
    assert sorted(seen.values()) == [1] * (COUNT + inpainted)


def test_each_inpainter_measured_alone_has_the_same_numbers(plan: Plan, tmp_path: Path) -> None:
    together = numbers(plan, tmp_path / "together")
    alone = {}
    for name in MODELS:
        one = plan.model_copy(update={"inpainters": (name,)})
        alone.update(numbers(one, tmp_path / name))
    assert together == alone
    assert None not in alone.values()
    assert len(set(alone.values())) == len(alone)


def test_small_blocks_measure_the_same(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = numbers(plan, tmp_path / "whole")
    monkeypatch.setattr(waves, "BLOCK", 1)
    monkeypatch.setattr(scheduler, "CHUNK", 3)
    assert numbers(plan, tmp_path / "small") == whole
