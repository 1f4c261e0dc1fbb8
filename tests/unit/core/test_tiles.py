"""The grid of tiles and its blend."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.core.errors import BadInput
from benchmark.core.tiles import Grid, Tile, Tiling, blend_weights, detect_tiles, grid_of


@given(
    length=st.integers(1, 400),
    side=st.integers(16, 100),
    part=st.floats(0, 0.5),
)
def test_spans_cover_an_axis_and_their_weights_add_up_to_one(
    length: int, side: int, part: float
) -> None:
    tiling = Tiling(side=side, overlap=int(side * part))
    spans = grid_of(length, 16, tiling).rows
    assert spans[0][0] == 0
    assert spans[-1][1] == length
    assert all(end - start == min(side, length) for start, end in spans)
    assert [start for start, _ in spans] == sorted({start for start, _ in spans})
    pairs = pairwise(spans)
    assert all(end - start >= tiling.overlap for (_, end), (start, _) in pairs)
    total = np.zeros(length)
    for (start, end), weights in zip(spans, blend_weights(spans), strict=True):
        assert weights.min() > 0
        total[start:end] += weights
    np.testing.assert_allclose(total, 1, atol=1e-6)


def test_the_last_tile_is_aligned_to_the_border() -> None:
    grid = grid_of(100, 40, Tiling(side=40, overlap=8))
    assert grid.rows == ((0, 40), (32, 72), (60, 100))
    assert grid.columns == ((0, 40),)
    assert grid.tiles[-1] == Tile(60, 100, 0, 40)
    assert len(grid) == 3


def test_weights_fall_and_rise_linearly_where_two_tiles_overlap() -> None:
    first, second = blend_weights(((0, 40), (36, 76)))
    np.testing.assert_allclose(first[-4:], [0.8, 0.6, 0.4, 0.2], atol=1e-6)
    np.testing.assert_allclose(second[:4], [0.2, 0.4, 0.6, 0.8], atol=1e-6)
    assert (first[:-4] == 1).all()


def test_tiles_of_two_values_are_blended_between_them() -> None:
    pixels = np.zeros((16, 40, 3), np.uint8)
    pixels[:, 24:] = 255
    seen = iter((0.0, 1.0))
    grid = Grid(rows=((0, 16),), columns=((0, 24), (16, 40)))
    blended = detect_tiles(
        pixels, grid, lambda part: (np.full(part.shape[:2], value := next(seen), np.float32), value)
    )
    assert blended.scores.tolist() == [0, 1]
    assert (blended.heatmap[:, :16] == 0).all()
    assert (blended.heatmap[:, 24:] == 1).all()
    np.testing.assert_allclose(blended.heatmap[0, 16:24], np.arange(1, 9) / 9, atol=1e-6)


def test_progress_is_reported_for_each_tile() -> None:
    told: list[int] = []
    pixels = np.zeros((64, 64, 3), np.uint8)
    grid = grid_of(64, 64, Tiling(side=32, overlap=0))
    look = lambda part: (np.zeros(part.shape[:2], np.float32), 0.0)  # noqa: E731
    detect_tiles(pixels, grid, look, done=told.append)
    assert told == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("side", "overlap", "said"),
    [
        (15, 0, "--tile 15: expected at least 16 pixels"),
        (64, 33, "--overlap 33: expected 0 to 32, half of --tile 64"),
        (64, -1, "--overlap -1: expected 0 to 32"),
    ],
)
def test_tiles_that_cannot_be_used_are_refused(side: int, overlap: int, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Tiling(side=side, overlap=overlap)
