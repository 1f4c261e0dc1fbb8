"""Thumbnails: kinds of files, sizes, and the images that neighboring samples share."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from benchmark.results.images import color_probabilities
from reports.thumbnails import HEATMAP_SIDE, data_uri, heatmap_thumbnail, thumbnail


def opened(content: bytes) -> Image.Image:
    return Image.open(BytesIO(content))


@pytest.mark.parametrize(("shape", "size"), [((60, 120), (48, 24)), ((30, 20), (20, 30))])
def test_images_are_reduced_and_never_enlarged(
    shape: tuple[int, int], size: tuple[int, int]
) -> None:
    content = thumbnail(np.full((*shape, 3), 200, np.uint8), 48)
    assert opened(content).size == size
    assert data_uri(content).startswith("data:image/webp;base64,")


def test_a_heatmap_has_the_color_of_its_mean_probability() -> None:
    logits = np.where(np.indices((192, 384)).sum(0) % 2, 0, -np.inf).astype(np.float16)
    content = heatmap_thumbnail(logits, None)
    image = opened(content)
    assert image.size == (HEATMAP_SIDE, HEATMAP_SIDE // 2)
    assert data_uri(content).startswith("data:image/jpeg;base64,")
    expected = color_probabilities(np.float32([[0.25]]))[0, 0].astype(int)  # half are 0.5
    assert np.abs(np.asarray(image).astype(int) - expected).max() <= 3


def test_a_heatmap_shows_the_edge_of_the_hole() -> None:
    mask = np.zeros((96, 96), np.bool_)
    mask[24:72, 24:72] = True
    seen = np.asarray(opened(heatmap_thumbnail(np.full((96, 96), -9, np.float16), mask)))
    assert seen[24, 30:66].min() > 150
    assert seen[48, 30:66, 0].max() < 130
