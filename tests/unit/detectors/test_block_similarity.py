"""Abnormal similarity of blocks: a copied block is found, and so is what it was copied from."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from benchmark.core.tensors import to_images
from detectors import block_similarity, create_detector
from detectors.block_similarity import SIDE, zero_lengths


def noise(height: int = 48, width: int = 48, levels: int = 256) -> np.ndarray:
    step = 256 // levels
    drawn = np.random.default_rng(7).integers(0, levels, (height, width, 3)) * step
    return drawn.astype(np.uint8)


def test_a_copied_block_has_the_length_of_a_whole_block() -> None:
    image = noise()
    image[4:20, 26:42] = image[28:44, 3:19]
    lengths = zero_lengths(image)
    assert (lengths[8:16, 30:38] == SIDE**2).all()
    assert (lengths[32:40, 7:15] == SIDE**2).all()
    detection = create_detector("block-similarity").detect(to_images(image[None]).float())
    heat = detection.heatmap[0].numpy()
    assert (heat[8:16, 30:38] == 1).all()
    near = np.zeros(heat.shape, dtype=bool)
    near[:24, 22:46] = near[24:, :23] = True
    assert heat[~near].max() == 0
    assert float(detection.score) == pytest.approx((heat > 0.5).mean())


def by_hand(image: np.ndarray) -> np.ndarray:
    """The same over all shifts of at least a block, one block at a time."""
    spread = ndimage.maximum_filter(image, (3, 3, 1)) - ndimage.minimum_filter(image, (3, 3, 1))
    textured = spread.max(axis=2) > block_similarity.FLAT
    height, width = image.shape[:2]
    longest = np.zeros((height, width))
    for down in range(height):
        for right in range(-width + 1, width):
            if max(down, abs(right)) < SIDE:
                continue
            moved = np.full(image.shape, -1)
            rows, columns = (
                slice(0, height - down),
                slice(max(0, -right), min(width, width - right)),
            )
            moved[rows, columns] = image[down:, max(0, right) : width - max(0, -right)]
            zeros = (moved == image).all(axis=2) & textured
            labels, count = ndimage.label(zeros, np.ones((3, 3)))
            for label in range(1, count + 1):
                if (labels == label).sum() <= SIDE:
                    continue
                inside = np.pad(labels == label, SIDE // 2).astype(int)
                windows = np.lib.stride_tricks.sliding_window_view(inside, (SIDE, SIDE))
                length = np.zeros_like(longest)  # of blocks that have a counterpart
                length[rows, columns] = windows.sum(axis=(2, 3))[rows, columns]
                longest = np.maximum(longest, length)
                other = np.zeros_like(longest)
                other[down:, max(0, right) : width - max(0, -right)] = length[rows, columns]
                longest = np.maximum(longest, other)
    return longest


def test_it_equals_a_full_search() -> None:
    """Components with a 3x3 window alone: long thin ones are missed by design."""
    image = noise(20, 22)
    image[1:8, 1:9] = image[11:18, 12:20]
    image[13:19, 2:8] = image[0:6, 14:20]
    image[3, 4] = 0  # one zero less
    found = zero_lengths(image)
    assert found.max() > 40
    assert np.array_equal(found, by_hand(image))


def test_overlapping_blocks_are_not_compared() -> None:
    image = noise(24, 40)
    image[:, 6:] = image[:, :-6]  # each row repeats what is 6 columns to the left, once
    shifted = noise(24, 40)
    shifted[:, 6:20] = shifted[:, 0:14].copy()
    assert zero_lengths(shifted).max() == 0


@pytest.mark.parametrize("value", [0, 100, 255])
def test_flat_and_saturated_areas_are_no_similarity(value: int) -> None:
    image = np.full((32, 32, 3), value, dtype=np.uint8)
    assert zero_lengths(image).max() == 0
    faint = image // 2 + noise(32, 32) % 4  # four levels of noise: flat still
    faint[16:, 16:] = faint[:16, :16]
    assert zero_lengths(faint).max() == 0


@pytest.mark.parametrize("shape", [(1, 1), (2, 40), (9, 9)], ids=str)
def test_tiny_images_have_no_pairs(shape: tuple[int, int]) -> None:
    assert zero_lengths(noise(*shape)).max() == 0


def test_the_number_of_shifts_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The most frequent ones are compared."""
    compared: list[tuple[int, int]] = []

    def compare(_codes: object, _textured: object, shift: tuple[int, int], *_: object) -> int:
        compared.append(shift)
        return 0

    monkeypatch.setattr(block_similarity, "_compare", compare)
    monkeypatch.setattr(block_similarity, "SHIFTS", 3)
    image = noise(48, 48)
    image[:, 32:] = image[:, :16]
    for row in range(0, 45, 3):  # fifteen equal windows: other shifts, less frequent
        image[row : row + 3, 20:23] = image[:3, 20:23]
    zero_lengths(image)
    assert compared[0] == (0, 32)
    assert len(compared) == 3


def test_noise_is_not_found() -> None:
    assert zero_lengths(noise()).max() == 0


def test_an_image_of_dots_takes_no_more_components_than_stated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dots = noise(64, 64, levels=3)
    dots[:] = dots[..., :1]
    counts, compare = [], block_similarity._compare

    def counted(*given: object) -> int:
        counts.append(compare(*given))  # type: ignore[arg-type]
        return counts[-1]

    monkeypatch.setattr(block_similarity, "_compare", counted)
    monkeypatch.setattr(block_similarity, "COMPONENTS", 100)
    assert zero_lengths(dots).max() > SIDE
    assert sum(counts) == 100
