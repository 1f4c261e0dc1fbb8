"""`residual_kl` against scipy, and its direction, bounds and undefined values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import convolve
from scipy.stats import entropy

from benchmark.core.errors import BadInput
from benchmark.metrics import METRICS, nulls_of
from benchmark.metrics.residuals import BINS, LARGEST, PRIOR, residual_kl
from tests.unit.metrics.cases import draw_case

KERNEL = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4


def noise(sigma: float, side: int = 64) -> np.ndarray:
    drawn = 128 + sigma * np.random.default_rng(int(sigma)).normal(size=(side, side, 3))
    return drawn.round().clip(0, 255).astype(np.uint8)


def halves(side: int = 64) -> np.ndarray:
    mask = np.zeros((side, side), dtype=bool)
    mask[:, side // 2 :] = True
    return mask


def joined(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    return np.where(halves()[..., None], right, left)


def test_it_equals_scipys_entropy_of_filtered_values() -> None:
    image, mask = joined(noise(5), noise(2)), halves()
    residuals = np.floor(convolve(image.astype(float), KERNEL[..., None]) + 0.5)
    edges = np.arange(BINS + 1) - LARGEST - 0.5
    histograms = [
        np.histogram(residuals[1:-1, columns].clip(-LARGEST, LARGEST), edges)[0] + PRIOR
        for columns in (slice(1, 31), slice(33, 63))
    ]
    assert residual_kl(image[None], mask[None])[0] == pytest.approx(entropy(*histograms))


def test_it_is_known_against_inpainted() -> None:
    """Known pixels without a counterpart cost more than inpainted ones."""
    one = residual_kl(joined(noise(8), noise(2))[None], halves()[None])[0]
    other = residual_kl(joined(noise(2), noise(8))[None], halves()[None])[0]
    assert one > other > 0.3


def test_equal_distributions_are_near_zero_and_flat_holes_far() -> None:
    alike = residual_kl(joined(noise(5), noise(5)[::-1])[None], halves()[None])[0]
    flat = residual_kl(joined(noise(5), np.full((64, 64, 3), 90, np.uint8))[None], halves()[None])[
        0
    ]
    assert 0 <= alike < 0.02
    assert 5 < flat < 12


def test_content_without_texture_has_no_residual() -> None:
    """Ramps across or down, of any slope, have a residual of 0."""
    rows, columns = np.mgrid[:64, :64]
    ramp = np.repeat((rows + 2 * columns)[..., None], 3, axis=2).astype(np.uint8)
    assert residual_kl(ramp[None], halves()[None])[0] == 0


def test_windows_that_straddle_the_border_do_not_count() -> None:
    image = joined(np.full((64, 64, 3), 10, np.uint8), np.full((64, 64, 3), 200, np.uint8))
    assert residual_kl(image[None], halves()[None])[0] == 0


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_undefined_without_one_of_the_regions(share: float) -> None:
    mask = np.full((1, 64, 64), bool(share))
    assert np.isnan(residual_kl(noise(3)[None], mask)).all()
    thin = np.zeros((1, 64, 64), dtype=bool)
    thin[:, ::3] = True  # no whole window of known or of inpainted pixels
    assert np.isnan(residual_kl(noise(3)[None], thin)).all()
    assert np.isnan(residual_kl(noise(3)[None, :2], thin[:, :2])).all()


def test_wrong_shapes_and_types_are_refused() -> None:
    case = draw_case()
    with pytest.raises(BadInput, match="filled: expected uint8"):
        residual_kl(case.filled / 255, case.mask)
    with pytest.raises(BadInput, match="mask: expected bool"):
        residual_kl(case.filled, case.mask[:1])


def test_it_measures_the_inpainted_image_and_has_no_null_of_its_own() -> None:
    metric, case = METRICS.load("residual_kl")(), draw_case()
    rows = metric.measure(case)
    assert rows.shape == (3, 1)
    assert not np.array_equal(rows, metric.measure(replace(case, filled=case.image)))
    assert nulls_of(["residual_kl", "psnr"]) == ()
