"""Holes of several shapes: their share, and what makes each the shape that it is."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from benchmark.core.types import Mask
from benchmark.masks.bucket import Bucket
from benchmark.masks.generator import irregular_mask
from benchmark.training.data.mask_shapes import SHAPES, shaped_mask
from benchmark.training.data.masks import Masks
from benchmark.training.recipe_tables import Holes

SIDE = 128
BAND = Bucket(5, 60)


def drawn(kind: str, count: int = 40) -> list[Mask]:
    return [shaped_mask(kind, size=SIDE, bucket=BAND, seed=seed) for seed in range(count)]


@pytest.mark.parametrize("kind", sorted(SHAPES))
def test_shares_fill_the_band_and_a_seed_gives_one_mask(kind: str) -> None:
    masks = drawn(kind)
    assert all(BAND.holds(mask) for mask in masks)
    shares = [float(mask.mean()) for mask in masks]
    assert min(shares) < 0.2
    assert max(shares) > 0.4
    assert len({mask.tobytes() for mask in masks}) == len(masks)
    assert all(np.array_equal(a, b) for a, b in zip(masks, drawn(kind), strict=True))


def test_boxes_have_straight_sides() -> None:
    for mask in drawn("boxes"):
        rows = {row.tobytes() for row in mask}
        assert len(rows) <= 7  # three rectangles change the row six times


def test_outlines_are_few_solid_pieces_without_corners_like_strokes() -> None:
    for mask in drawn("outlines"):
        pieces, _ = cv2.connectedComponents(mask.astype(np.uint8))
        assert pieces - 1 <= 4  # two curves; the image's edge may cut them
        eroded = cv2.erode(mask.astype(np.uint8), np.ones((5, 5), np.uint8))
        assert eroded.sum() > 0.3 * mask.sum()


def test_blobs_are_rounder_than_strokes() -> None:
    def rim(mask: Mask) -> float:
        grown = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        return float((grown & ~mask).sum() / mask.sum())

    blobs = np.mean([rim(mask) for mask in drawn("blobs")])
    strokes = np.mean([rim(mask) for mask in drawn("strokes", 10)])
    assert blobs < strokes


def test_strokes_are_the_benchs() -> None:
    wanted = irregular_mask(height=SIDE, width=SIDE, bucket=BAND, seed=3)
    assert np.array_equal(shaped_mask("strokes", size=SIDE, bucket=BAND, seed=3), wanted)


def test_a_band_that_no_shape_meets_is_filled_with_strokes() -> None:
    narrow = Bucket(59, 60)
    mask = shaped_mask("boxes", size=SIDE, bucket=narrow, seed=0)
    assert narrow.holds(mask)


def test_masks_are_mixed_as_the_recipe_says() -> None:
    mixed = Holes.model_validate({"pool": 60, "shapes": {"strokes": 1, "boxes": 3}})
    masks = Masks(mixed, seed=4)
    assert "25% strokes, 75% boxes" in str(masks)
    straight = [len({row.tobytes() for row in masks._make(n, 64)}) <= 7 for n in range(60)]
    assert 0.5 < np.mean(straight) < 0.95
    plain = Masks(Holes(pool=60), seed=4)
    assert not any(len({row.tobytes() for row in plain._make(n, 64)}) <= 7 for n in range(20))


def test_holes_without_a_shape_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one shape"):
        Holes.model_validate({"shapes": {"strokes": 0}})
