"""Exemplar-based inpainting: whole patches are copied, along edges first."""

from __future__ import annotations

import numpy as np
import pytest

from inpainters import exemplar
from inpainters.exemplar import Criminisi

INPAINTER = Criminisi()


def noise(height: int = 32, width: int = 32) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (height, width, 3), dtype=np.uint8)


def hole(height: int = 32, width: int = 32) -> np.ndarray:
    mask = np.zeros((height, width), dtype=bool)
    mask[10:19, 12:24] = True
    return mask


def paint(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return INPAINTER._paint(image, mask, seed=0)


def test_a_periodic_texture_is_restored_exactly() -> None:
    image = np.tile(noise(4, 5), (12, 10, 1))[:40, :40]
    mask = hole(40, 40)
    assert np.array_equal(paint(image, mask), image)


def test_an_edge_is_continued_straight() -> None:
    image = np.full((40, 40, 3), 40, dtype=np.uint8)
    image[:, 17:] = 200
    assert np.array_equal(paint(image, hole(40, 40)), image)


def test_every_pixel_is_copied_from_the_known_region() -> None:
    image, mask = noise(), hole()
    filled = paint(image, mask)
    known = {tuple(color) for color in image[~mask]}
    assert {tuple(color) for color in filled[mask]} <= known
    assert np.array_equal(filled[~mask], image[~mask])


def test_the_best_exemplar_has_the_least_squared_difference() -> None:
    """The same sums by hand, over all source patches; equal ones are decided by position."""
    image, mask = noise(), hole()
    sources = exemplar._whole_patches(~mask, 9)
    filling = exemplar._Filling(image, mask, sources, 9)
    target = (slice(4, 13), slice(8, 17))  # its lower right part is in the hole
    known = ~mask[target][..., None]
    found = {
        (y, x): int((((image[y - 4 : y + 5, x - 4 : x + 5].astype(int) - image[target]) ** 2)
                     * known).sum())
        for y, x in np.argwhere(sources)
    }  # fmt: skip
    assert filling._best_exemplar(target, (0, 0)) == min(found, key=lambda at: (found[at], at))


def test_patches_are_smaller_where_no_whole_one_is_known() -> None:
    image, mask = noise(16, 16), np.ones((16, 16), dtype=bool)
    mask[2:7, 3:8] = False  # 5x5 known pixels
    assert not exemplar._whole_patches(~mask, 7).any()
    known = {tuple(color) for color in image[~mask]}
    assert {tuple(color) for color in paint(image, mask)[mask]} <= known


def test_each_pixel_gets_its_nearest_where_no_patch_is_known() -> None:
    image, mask = noise(8, 9), np.ones((8, 9), dtype=bool)
    mask[0, 0] = mask[7, 8] = False
    filled = paint(image, mask)
    assert (filled[:3, :3] == image[0, 0]).all()
    assert (filled[-3:, -3:] == image[7, 8]).all()


def test_the_holes_of_a_large_image_are_filled_from_their_surroundings(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    image = np.tile(noise(4, 5), (16, 14, 1))
    image[:, :20] = noise(64, 20)  # another texture, further away than the margin
    mask = np.zeros(image.shape[:2], dtype=bool)
    mask[30:38, 46:56] = True
    monkeypatch.setattr(exemplar, "MARGIN", 14)
    other = image.copy()
    other[:, :20] = 255 - other[:, :20]
    assert np.array_equal(paint(image, mask)[mask], paint(other, mask)[mask])
    assert np.array_equal(paint(image, mask), image)


@pytest.mark.parametrize("shape", [(1, 7), (3, 3), (9, 2)], ids=str)
def test_tiny_images_and_holes_at_borders(shape: tuple[int, int]) -> None:
    image, mask = noise(*shape), np.zeros(shape, dtype=bool)
    mask[0] = mask[:, 0] = True
    mask[-1, -1] = False
    filled = paint(image, mask)
    assert np.array_equal(filled[~mask], image[~mask])


def test_a_hole_much_deeper_than_confidence_reaches_is_filled() -> None:
    image, mask = noise(5, 240), np.ones((5, 240), dtype=bool)
    mask[:, :5] = False
    painted = paint(image, mask)  # confidence falls to less than half with each patch
    known = {tuple(one) for one in image[~mask]}
    assert {tuple(one) for one in painted.reshape(-1, 3)} <= known
