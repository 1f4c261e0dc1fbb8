"""Classical inpainters of OpenCV and its contrib modules: no weights, 8-bit arithmetic.

They process one 8-bit image at a time, so outputs are multiples of 1/255. An image without a hole
is returned unchanged; the output for an image without known pixels is mid-gray, because OpenCV
would return the image unchanged (`cv2.inpaint`) or read out of bounds (`cv2.xphoto.inpaint`).
"""

from __future__ import annotations

from abc import abstractmethod

import cv2
import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.tensors import to_images, to_pixels
from benchmark.core.types import Mask, Pixels
from inpainters.base import Inpainter

RADIUS = 3  # neighborhood of an inpainted pixel, in pixels, for both methods of cv2.inpaint
GRAY = 128  # output where nothing is known


class Classical(Inpainter):
    """Base class: processes one 8-bit image at a time; a subclass defines `card` and `_paint`."""

    heavy = False

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        pixels, holes = to_pixels(images), masks[:, 0].cpu().numpy() > 0  # (N, H, W, 3), (N, H, W)
        output = [self._inpaint_one(*pair, seed) for pair in zip(pixels, holes, strict=True)]
        return to_images(np.stack(output)).to(torch.float32)

    def _inpaint_one(self, image: Pixels, hole: Mask, seed: int) -> Pixels:
        if not hole.any():
            return image
        if hole.all():
            return np.full_like(image, GRAY)
        return self._paint(image, hole, seed=seed)

    @abstractmethod
    def _paint(self, image: Pixels, hole: Mask, *, seed: int) -> Pixels:
        """Inpaint an (H, W, 3) uint8 RGB image where the (H, W) mask is True.

        The mask has at least one hole pixel and one known pixel.
        """


def nearest_known(image: Pixels, hole: Mask) -> Pixels:
    """Return an image (H, W, 3) each pixel of whose hole is the nearest known pixel's."""
    y, x = ndimage.distance_transform_edt(hole, return_distances=False, return_indices=True)
    return np.asarray(image[y, x], dtype=np.uint8)


def _cv2_inpaint(image: Pixels, hole: Mask, method: int) -> Pixels:
    """`cv2.inpaint` on BGR channels; its 8-bit mask is nonzero in the hole."""
    bgr = cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    output = cv2.inpaint(bgr, hole.astype(np.uint8) * 255, RADIUS, method)
    return np.asarray(cv2.cvtColor(output, cv2.COLOR_BGR2RGB), dtype=np.uint8)


class Telea(Classical):
    """Fast marching: weighted means of the known neighborhood, from the hole's border inwards."""

    card = Card(
        name="telea",
        title="Telea",
        paper="https://doi.org/10.1080/10867651.2004.10487596",
        license="Apache-2.0 (OpenCV)",
        sizes="any",
    )

    def _paint(self, image: Pixels, hole: Mask, *, seed: int) -> Pixels:
        return _cv2_inpaint(image, hole, cv2.INPAINT_TELEA)


class NavierStokes(Classical):
    """Navier-Stokes: transports isophotes into the hole, as a fluid transports vorticity."""

    card = Card(
        name="navierstokes",
        title="Navier-Stokes",
        paper="https://doi.org/10.1109/CVPR.2001.990497",
        license="Apache-2.0 (OpenCV)",
        sizes="any",
    )

    def _paint(self, image: Pixels, hole: Mask, *, seed: int) -> Pixels:
        return _cv2_inpaint(image, hole, cv2.INPAINT_NS)


class ShiftMap(Classical):
    """Statistics of patch offsets: copies known pixels, shifted by the most frequent offsets.

    OpenCV's manual recommends CIE Lab for `xphoto.inpaint`; its mask is 0 in the hole.
    """

    card = Card(
        name="shiftmap",
        title="shift map",
        paper="https://doi.org/10.1109/TPAMI.2014.2330611",
        license="Apache-2.0 (OpenCV contrib)",
        sizes="any",
    )
    heavy = True  # about ten seconds an image on one thread; the same output on any number

    def _paint(self, image: Pixels, hole: Mask, *, seed: int) -> Pixels:
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2Lab)
        output = np.zeros_like(lab)
        known = (~hole).astype(np.uint8) * 255
        cv2.xphoto.inpaint(lab, known, output, cv2.xphoto.INPAINT_SHIFTMAP)
        return np.asarray(cv2.cvtColor(output, cv2.COLOR_Lab2RGB), dtype=np.uint8)
