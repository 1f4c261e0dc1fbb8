"""How a forger's answer becomes 8 bits: as its authors round, which is not always as the bench."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.training.forgeries import forge
from inpainters.baselines import MeanFill

LEVELS = (0.0, 0.49, 0.5, 1.5, 100.4, 100.7, 126.5, 127.5, 254.5, 255.0)
NEAREST = [0, 0, 0, 2, 100, 101, 126, 128, 254, 255]  # halves to the even level
BELOW = [0, 0, 0, 1, 100, 100, 126, 127, 254, 255]


@pytest.mark.parametrize(("rounding", "expected"), [("round", NEAREST), ("cut", BELOW)])
def test_a_forger_rounds_as_its_authors_do(
    monkeypatch: pytest.MonkeyPatch, rounding: str, expected: list[int]
) -> None:
    def fill(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        row = torch.tensor(LEVELS) / 255
        return row.expand(1, 3, images.shape[2], len(LEVELS))

    monkeypatch.setattr(MeanFill, "_fill", fill)
    monkeypatch.setattr(MeanFill, "card", replace(MeanFill.card, rounding=rounding))
    pixels = np.full((8, len(LEVELS), 3), 77, np.uint8)
    mask = np.zeros((8, len(LEVELS)), np.bool_)
    mask[2:6] = True
    forgery = forge(MeanFill(), pixels, mask)
    assert (forgery.pixels[2:6] == np.array(expected)[:, None]).all()
    assert (forgery.pixels[~mask] == 77).all()
    assert np.array_equal(forgery.truth, mask)


def test_the_seed_reaches_the_forger(monkeypatch: pytest.MonkeyPatch) -> None:
    seeds = []

    def fill(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        seeds.append(seed)
        return images

    monkeypatch.setattr(MeanFill, "_fill", fill)
    mask = np.zeros((8, 8), np.bool_)
    mask[2:6] = True
    forge(MeanFill(), np.zeros((8, 8, 3), np.uint8), mask, seed=31)
    assert seeds == [31]
