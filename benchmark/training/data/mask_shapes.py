"""Random mask shapes besides strokes: boxes, blobs and object-like outlines."""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

from benchmark.core.types import Mask
from benchmark.masks.bucket import Bucket
from benchmark.masks.generator import irregular_mask

TRIES = 30


def shaped_mask(kind: str, *, size: int, bucket: Bucket, seed: int) -> Mask:
    """Generate a random mask of a shape.

    Args:
        kind: a name of `Shapes`: strokes, boxes, blobs or outlines.
        size: height and width.
        bucket: range of the mask ratio.
        seed: determines the mask together with the other arguments.

    Returns:
        (size, size) bool, True = hole; strokes if `TRIES` attempts miss a narrow range.
    """
    if kind in SHAPES:
        draw = np.random.default_rng(seed)
        for _ in range(TRIES):
            share = draw.uniform(bucket.low, bucket.high) / 100
            mask = SHAPES[kind](size, share, draw)
            if bucket.holds(mask) and not mask.all():
                return mask
    return irregular_mask(height=size, width=size, bucket=bucket, seed=seed)


def boxes(size: int, share: float, draw: np.random.Generator) -> Mask:
    """One to three axis-aligned rectangles, together about `share` of the mask.

    Args:
        size: height and width.
        share: approximate mask ratio, in (0, 1).
        draw: random generator.

    Returns:
        (size, size) bool, True = hole.
    """
    mask = np.zeros((size, size), dtype=np.bool_)
    count = int(draw.integers(1, 4))
    for _ in range(count):
        aspect = math.exp(draw.uniform(-0.7, 0.7))
        side = size * math.sqrt(share / count)
        height, width = (min(max(round(side * f), 2), size) for f in (aspect, 1 / aspect))
        top = int(draw.integers(size - height + 1))
        left = int(draw.integers(size - width + 1))
        mask[top : top + height, left : left + width] = True
    return mask


def blobs(size: int, share: float, draw: np.random.Generator) -> Mask:
    """Smooth noise, thresholded so that `share` of the mask is hole.

    Args:
        size: height and width.
        share: mask ratio, in (0, 1).
        draw: random generator.

    Returns:
        (size, size) bool, True = hole.
    """
    noise = draw.standard_normal((size, size), dtype=np.float32)
    smooth = cv2.GaussianBlur(noise, (0, 0), size * draw.uniform(0.04, 0.12))
    mask: Mask = smooth > np.quantile(smooth, 1 - share)
    return mask


def outlines(size: int, share: float, draw: np.random.Generator) -> Mask:
    """One or two ellipses with bulges of two to seven periods.

    Args:
        size: height and width.
        share: approximate mask ratio, in (0, 1).
        draw: random generator.

    Returns:
        (size, size) bool, True = hole.
    """
    mask = np.zeros((size, size), dtype=np.uint8)
    count = int(draw.integers(1, 3))
    angles = np.linspace(0, 2 * math.pi, 180, endpoint=False)
    for _ in range(count):
        radius = np.ones_like(angles)
        for waves in range(2, 8):
            strength = draw.normal(0, 0.35 / waves)
            radius += strength * np.cos(waves * angles + draw.uniform(0, 2 * math.pi))
        radius = radius.clip(0.25) * size * math.sqrt(share / count / math.pi)
        aspect, turn = math.exp(draw.uniform(-0.35, 0.35)), draw.uniform(0, math.pi)
        x, y = radius * np.cos(angles) * aspect, radius * np.sin(angles) / aspect
        points = np.stack(
            (x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)),
            axis=1,
        )
        center = size * draw.uniform(0.25, 0.75, 2)
        cv2.fillPoly(mask, [np.rint(points + center).astype(np.int32)], 1)
    return mask > 0


SHAPES: dict[str, Callable[[int, float, np.random.Generator], Mask]] = {
    "boxes": boxes,
    "blobs": blobs,
    "outlines": outlines,
}
