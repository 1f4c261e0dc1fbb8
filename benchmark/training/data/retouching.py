"""Holes retouched at random, so that no detector learns that a hole is smooth."""

from __future__ import annotations

import cv2
import numpy as np

from benchmark.core.training_exposure import COPY_MOVE, RETOUCHED, SPLICE
from benchmark.core.types import Mask, Pixels
from benchmark.retouch import Retouch, residual
from benchmark.training.data.options import Retouching, Step
from benchmark.training.data.postprocess import Forgery, eight_bits, grain

COLOURED = 0.2  # of grain: another in each channel; the rest is grey, as in `benchmark.retouch`
SOFT = 0.2  # of grain: neighbours alike, as in images that were shrunk
PASTED = (SPLICE, COPY_MOVE)


def retouched(
    forgery: Forgery, retouching: Retouching, draw: np.random.Generator, *, by: str
) -> Forgery:
    """Retouch the hole alone, or leave it.

    Args:
        forgery: an image whose truth is the hole.
        retouching: how often, and what.
        draw: where the choices come from.
        by: its forger; see `Retouching`.

    Returns:
        The forgery; outside the hole its own pixels, bit for bit. An untouched image stays as it
        is; so does a hole whose grain is to match but is as strong already, or that is too small
        to measure.
    """
    share = 1.0 if by == RETOUCHED else retouching.share / (3 if by in PASTED else 1)
    if draw.random() >= share or not forgery.truth.any():
        return forgery
    kinds = dict(retouching.kinds)
    if by == RETOUCHED:
        kinds["match"] = 0.0  # the hole's own content has the known region's grain
    weights = np.array(list(kinds.values()))
    kind = list(kinds)[int(draw.choice(len(weights), p=weights / weights.sum()))]
    changed = _changed(kind, forgery, retouching.strongest, draw)
    hole = forgery.truth[..., None]
    return Forgery(pixels=np.where(hole, changed, forgery.pixels), truth=forgery.truth)


def _changed(kind: Step, forgery: Forgery, strongest: float, draw: np.random.Generator) -> Pixels:
    pixels, hole = forgery.pixels, forgery.truth
    if kind == "median":
        return np.asarray(cv2.medianBlur(pixels, int(draw.choice((3, 5)))), dtype=np.uint8)
    if kind == "grain":
        return _with_grain(pixels, draw.uniform(0.5, strongest), draw)
    image = pixels.astype(np.float32) / np.float32(255)
    if kind == "match":
        return _with_grain(pixels, _matching(image, hole) * draw.uniform(0.8, 1.15), draw)
    low, high = (0.4, 1.6) if kind == "blur" else (0.3, 1.5)
    step = Retouch(kind, round(draw.uniform(low, high), 3))
    return eight_bits(255 * step.apply(image, hole, seed=0))


def _matching(image: np.ndarray, hole: Mask) -> float:
    """About the sigma that `grain:match` finds, from two measurements instead of fifteen.

    It may be a fifth too strong, which is why it is varied.
    """
    known, own = residual(image, ~hole), residual(image, hole)
    return float(np.sqrt(max(known**2 - own**2, 0.0))) if known > own else 0.0


def _with_grain(pixels: Pixels, sigma: float, draw: np.random.Generator) -> Pixels:
    noise = grain(pixels.shape, draw, grey=draw.random() >= COLOURED)
    if draw.random() < SOFT:
        soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), draw.uniform(0.4, 0.8)), np.float32)
        noise = soft.reshape(noise.shape) / soft.std()
    return eight_bits(pixels + np.float32(sigma) * noise)
