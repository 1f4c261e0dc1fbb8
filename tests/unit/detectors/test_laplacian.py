"""The variance of the Laplacian's change along isophotes: near zero where colors were diffused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from benchmark.core.tensors import to_images
from detectors import create_detector
from detectors.laplacian import ROUNDING, isophote_change


def heat(pixels: np.ndarray) -> np.ndarray:
    return create_detector("laplacian").detect(to_images(pixels[None]).float()).heatmap[0].numpy()


def textured(side: int = 64) -> np.ndarray:
    rows, columns = np.mgrid[:side, :side]
    smooth = 90 + rows + 0.5 * columns
    noisy = smooth[..., None] + 6 * np.random.default_rng(1).normal(size=(side, side, 3))
    return noisy.round().clip(1, 254).astype(np.uint8)


def hole(side: int = 64) -> np.ndarray:
    mask = np.zeros((side, side), dtype=bool)
    mask[20:44, 16:46] = True
    return mask


@pytest.mark.parametrize("method", [cv2.INPAINT_TELEA, cv2.INPAINT_NS])
def test_a_diffused_hole_is_found(method: int) -> None:
    image, mask = textured(), hole()
    diffused = cv2.inpaint(image, mask.astype(np.uint8), 3, method)
    assert roc_auc_score(mask.ravel(), heat(diffused).ravel()) > 0.95
    assert abs(roc_auc_score(mask.ravel(), heat(image).ravel()) - 0.5) < 0.05


def test_a_copied_hole_is_not_found() -> None:
    """Its border has steps, which have a large variance."""
    image, mask = textured(), hole()
    image[20:44, 16:46] = image[36:60, 30:60]
    assert roc_auc_score(mask.ravel(), heat(image).ravel()) < 0.55


def test_the_change_is_that_along_the_isophote() -> None:
    """x**3 has the Laplacian 6 x: it changes across the isophotes, which are columns, only."""
    columns = np.arange(12)
    channel = np.tile((columns - 6) ** 3 // 3 + 72, (12, 1)).clip(1, 254).astype(np.uint8)
    change, counts = isophote_change(channel)
    assert counts[:, 2:-2].all()
    assert np.abs(change[:, 1:-1]).max() == 0
    turned, _ = isophote_change(np.ascontiguousarray(channel.T))
    assert np.abs(turned[1:-1]).max() == 0


def test_the_change_equals_one_computed_by_hand() -> None:
    channel = np.random.default_rng(0).integers(1, 255, (9, 9), dtype=np.uint8)
    plane = channel.astype(float)

    def laplacian(y: int, x: int) -> float:
        return (
            plane[y - 1, x] + plane[y + 1, x] + plane[y, x - 1] + plane[y, x + 1] - 4 * plane[y, x]
        )

    slope = (plane[4, 5] - plane[4, 3]) / 2, (plane[5, 4] - plane[3, 4]) / 2
    length = np.hypot(*slope)
    right, down = -slope[1] / length, slope[0] / length
    x, y = int(np.floor(4 + right)), int(np.floor(4 + down))
    a, b = 4 + right - x, 4 + down - y
    ahead = (1 - b) * ((1 - a) * laplacian(y, x) + a * laplacian(y, x + 1))
    ahead += b * ((1 - a) * laplacian(y + 1, x) + a * laplacian(y + 1, x + 1))
    change, _ = isophote_change(channel)
    assert change[4, 4] == pytest.approx(ahead - laplacian(4, 4), abs=8)  # remap has 5 bits


def test_rounding_alone_stays_below_its_variance() -> None:
    rows, columns = np.mgrid[:64, :64]
    bowl = 40 + 0.02 * (rows - 30.3) ** 2 + 0.013 * (columns - 20.7) ** 2
    change, counts = isophote_change(bowl.round().astype(np.uint8))
    assert 0.2 * ROUNDING < change[counts].var() < 1.5 * ROUNDING


@pytest.mark.parametrize("value", [0, 77, 255])
def test_flat_and_saturated_areas_are_left_out(value: int) -> None:
    detection = create_detector("laplacian").detect(torch.full((1, 3, 24, 24), value / 255))
    assert float(detection.heatmap.max()) == 0
    assert float(detection.score) == 0
    image = textured()
    image[10:40, 10:40] = value
    assert heat(image)[14:36, 14:36].max() == 0


def test_an_image_longer_than_opencv_maps_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    image = textured()
    whole = heat(image)
    monkeypatch.setattr("detectors.laplacian.TILE", 24)
    assert np.allclose(heat(image), whole, atol=1e-5)
    monkeypatch.undo()
    assert heat(np.tile(image[:3], (1, 513, 1))).shape == (3, 513 * 64)
