"""Random retouching of holes, so that a detector does not learn that holes are smooth."""

from __future__ import annotations

import cv2
import numpy as np

from benchmark.core.training_exposure import COPY_MOVE, RETOUCHED, SPLICE
from benchmark.core.types import Mask, Pixels
from benchmark.retouch import Retouch, residual
from benchmark.training.data.options import Retouching, RetouchKind
from benchmark.training.data.postprocess import Forgery, eight_bits, grain

COLORED = 0.2  # share of grain that is independent per channel; the rest is gray
SOFT = 0.2  # share of grain that is blurred, as in downscaled images
PASTED = (SPLICE, COPY_MOVE)


def retouch_hole(
    forgery: Forgery, retouching: Retouching, draw: np.random.Generator, *, by: str
) -> Forgery:
    """Retouch the hole of a forgery with a probability.

    Args:
        forgery: an image whose truth is the hole.
        retouching: probability, and sampling weights of the kinds.
        draw: random generator.
        by: name of its source; see `Retouching`.

    Returns:
        The forgery; pixels outside the hole are unchanged. Authentic images are unchanged; so is a
        hole for which "match" is sampled but whose grain is as strong already, or that is too small
        to measure.
    """
    share = 1.0 if by == RETOUCHED else retouching.share / (3 if by in PASTED else 1)
    if draw.random() >= share or not forgery.truth.any():
        return forgery
    kinds = dict(retouching.kinds)
    if by == RETOUCHED:
        kinds["match"] = 0.0  # its content is the original, which has the grain of the known region
    weights = np.array(list(kinds.values()))
    kind = list(kinds)[int(draw.choice(len(weights), p=weights / weights.sum()))]
    changed = _changed(kind, forgery, retouching.strongest, draw)
    hole = forgery.truth[..., None]
    return Forgery(pixels=np.where(hole, changed, forgery.pixels), truth=forgery.truth)


def _changed(
    kind: RetouchKind, forgery: Forgery, strongest: float, draw: np.random.Generator
) -> Pixels:
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
    """Approximate the sigma of `grain:match` from two measurements instead of fifteen.

    It may be 20 % too large, and is varied for that reason.
    """
    known, own = residual(image, ~hole), residual(image, hole)
    return float(np.sqrt(max(known**2 - own**2, 0.0))) if known > own else 0.0


def _with_grain(pixels: Pixels, sigma: float, draw: np.random.Generator) -> Pixels:
    noise = grain(pixels.shape, draw, gray=draw.random() >= COLORED)
    if draw.random() < SOFT:
        soft = np.asarray(cv2.GaussianBlur(noise, (0, 0), draw.uniform(0.4, 0.8)), np.float32)
        noise = soft.reshape(noise.shape) / soft.std()
    return eight_bits(pixels + np.float32(sigma) * noise)
