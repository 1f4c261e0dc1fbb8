"""benchmarks/inpainting_quality.py: measurements of images with known results."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.inpainting_quality import (
    PERIODS,
    WINDOW,
    Found,
    goals_missed,
    gradient_energy,
    luminance,
    peaks,
    windows,
)

DRAW = np.random.default_rng(0)
GRAINY = DRAW.normal(0.5, 0.02, (128, 128))
HOLE = np.zeros((128, 128), dtype=bool)
HOLE[:, 64:] = True


def board(period: int) -> np.ndarray:
    rows, columns = np.arange(128)[:, None], np.arange(128)
    return 1.0 - 2.0 * ((rows // (period // 2) + columns // (period // 2)) % 2)


def heights(light: np.ndarray) -> dict[int, float]:
    found = [*peaks(light, HOLE)]
    return {p: float(np.exp(np.mean([one[p] for one in found]))) for p in PERIODS}


def test_grain_has_no_peaks() -> None:
    assert all(0.8 < height < 1.25 for height in heights(GRAINY).values())


@pytest.mark.parametrize("period", PERIODS)
def test_a_checkerboard_is_a_peak_at_its_period_alone(period: int) -> None:
    found = heights(GRAINY + 0.01 * board(period))
    assert found[period] > 2
    others = {p: height for p, height in found.items() if p != period}
    assert all(height < 1.5 for height in others.values())


@pytest.mark.parametrize("axis", [0, 1])
def test_stripes_one_way_are_a_peak_too(axis: int) -> None:
    stripes = np.broadcast_to(np.expand_dims((-1.0) ** (np.arange(128) // 2), axis), (128, 128))
    assert heights(GRAINY + 0.01 * stripes)[4] > 1.6


def test_a_pattern_outside_the_hole_is_not_looked_at() -> None:
    assert heights(np.where(HOLE, GRAINY, board(4))) == heights(GRAINY)
    assert all(HOLE[window].all() for window in windows(HOLE))
    assert [*windows(HOLE[:, : 64 + WINDOW - 1])] == []


def test_gradient_energy_is_that_of_pairs_within_the_mask() -> None:
    light = np.zeros((4, 4))
    light[:, 2:] = np.arange(4)[:, None] * 2.0  # rows differ by 2, columns by 0, the rim by more
    mask = np.zeros((4, 4), dtype=bool)
    mask[:, 2:] = True
    assert gradient_energy(light, mask) == pytest.approx(6 * 4 / (6 + 4))


def test_luminance_is_in_0_to_1() -> None:
    assert luminance(np.full((2, 2, 3), 255, np.uint8)) == pytest.approx(np.ones((2, 2)))


def test_each_goal_is_missed_alone() -> None:
    fine = {"lpips": -0.01, "psnr": -0.9, "gradient": 1.1, "peak 2": 1.2, "peak 4": 1, "peak 8": 1}
    assert goals_missed("lama", "30-40", fine) == []
    assert goals_missed("lama", "30-40", fine | {"lpips": 0.001}) == ["LPIPS"]
    assert goals_missed("lama", "30-40", fine | {"gradient": 0.9}) == ["blur"]
    assert goals_missed("lama", "30-40", fine | {"peak 8": 1.4}) == ["peaks"]
    low = fine | {"psnr": -1.4}
    assert goals_missed("lama", "30-40", low) == ["PSNR"]
    assert goals_missed("lama", "10-20", low) == []
    assert goals_missed("edgeconnect+rwsa", "30-40", low) == []


def test_a_peak_without_a_window_is_no_number() -> None:
    assert np.isnan(Found().peak(2))
    assert goals_missed("lama", "10-20", {
        "lpips": -1, "psnr": 0, "gradient": 1, **{f"peak {p}": Found().peak(p) for p in PERIODS}
    }) == []  # fmt: skip
