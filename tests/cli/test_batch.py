"""`--batch-size`: halved when out of memory with `auto`, else a one-line error."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from inpainters.baselines import MeanFill
from tests.cli.conftest import Bench


@pytest.fixture
def small_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """A device on which meanfill inpaints two images at once and no more."""
    fill = MeanFill._fill

    def sometimes(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        if len(images) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return fill(self, images, masks, seed=seed)

    monkeypatch.setattr(MeanFill, "_fill", sometimes)


WORDS = ("run", "--inpainter", "meanfill", "--detector", "none", "--size", "64", "--metrics",
         "psnr", "--buckets", "10-20,30-40", "--out", "out")  # fmt: skip


@pytest.mark.usefixtures("small_memory")
def test_auto_says_so_in_a_line_and_goes_on(bench: Bench, photos: Path) -> None:
    result = bench(*WORDS, "--images", photos, "--batch-size", "auto:6")
    assert result.exit_code == 0, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Warning:")]
    assert lines == [
        "Warning: meanfill: out of memory on cpu with 6 at once; continuing with 3",
        "Warning: meanfill: out of memory on cpu with 3 at once; continuing with 1",
    ]
    assert ",3,3," in Path("out/results.csv").read_text()


@pytest.mark.usefixtures("small_memory")
def test_a_stated_batch_too_large_is_a_line_and_leaves_nothing(bench: Bench, photos: Path) -> None:
    result = bench(*WORDS, "--images", photos, "--batch-size", "6")
    assert result.exit_code == 2
    assert "Error: meanfill: out of memory on cpu with 6 at once: use a smaller" in result.stderr
    assert not Path("out").exists()


@pytest.mark.parametrize("text", ["0", "-1", "many", "auto:0", "auto:x", "8:8", ":8", ""])
def test_batches_that_are_none(bench: Bench, photos: Path, text: str) -> None:
    result = bench(*WORDS, "--images", photos, f"--batch-size={text}")
    assert result.exit_code == 2
    assert "expected a number from 1, auto, or auto:NUMBER" in result.stderr
