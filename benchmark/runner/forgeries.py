"""Samples of a set of forgeries as jobs: they are detected as published, and nothing inpaints."""

from __future__ import annotations

import cv2
import numpy as np

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.core.types import Pixels
from benchmark.runner.jobs import ResolvedModel, SampleRef
from benchmark.runner.keys import key_of

PREVIEW_SIDE = 192  # of the stored copy for reports, in pixels; the set keeps the image itself


def _stand_in(name: str, title: str) -> ResolvedModel:
    card = Card(name=name, title=title)
    return ResolvedModel(name=name, card=card, weights=Weights(edition="none"))


# In the place of inpainters: the images as the set has them, and their previews in the store.
AS_PUBLISHED = _stand_in("forgery", "forgeries as published")
PREVIEW = _stand_in("preview", "previews of forgeries")


def forgery_key(model: ResolvedModel, sample: SampleRef) -> str:
    """Return the key of a sample's image with its truth, or of its preview.

    Args:
        model: `AS_PUBLISHED` or `PREVIEW`.
        sample: a sample of a set of forgeries.

    Raises:
        ValueError: if it is none.
    """
    if sample.forgery is None:
        raise ValueError(f"{sample.id}: expected a sample of a set of forgeries")
    return key_of("preview", sample.forgery.image) if model == PREVIEW else sample.key


def preview(image: Pixels) -> Pixels:
    """Return an image, (H, W, 3) uint8, with at most `PREVIEW_SIDE` pixels a side."""
    height, width = image.shape[:2]
    scale = PREVIEW_SIDE / max(height, width)
    if scale >= 1:
        return image
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
