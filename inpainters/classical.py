"""Classical inpainters, as OpenCV and its contrib modules have them: no weights, 8-bit arithmetic.

All work image by image on 8 bits, so their answers are multiples of 1/255. An image without a
hole comes back as it is; one with nothing known is answered mid-grey, because OpenCV would hand the
untouched image back (`cv2.inpaint`) or read memory it does not own (`cv2.xphoto.inpaint`).
"""

from __future__ import annotations

from abc import abstractmethod

import cv2
import numpy as np
import torch
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.tensors import to_images, to_pixels
from benchmark.core.types import Mask, Pixels
from inpainters.base import Inpainter

RADIUS = (
    3  # pixels around an inpainted point that it is drawn from, in both of cv2.inpaint's methods
)
GREY = 128  # what is answered where nothing at all is known


class Classical(Inpainter):
    """An inpainter on one 8-bit image at a time; a subclass writes `card` and `_paint`."""

    heavy = False

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        pixels, holes = to_pixels(images), masks[:, 0].cpu().numpy() > 0  # (N, H, W, 3), (N, H, W)
        painted = [self._answer(*pair) for pair in zip(pixels, holes, strict=True)]
        return to_images(np.stack(painted)).to(torch.float32)

    def _answer(self, picture: Pixels, hole: Mask) -> Pixels:
        if not hole.any():
            return picture
        if hole.all():
            return np.full_like(picture, GREY)
        return self._paint(picture, hole)

    @abstractmethod
    def _paint(self, picture: Pixels, hole: Mask) -> Pixels:
        """Paint (H, W, 3) RGB where (H, W) is True; some of both is there."""


def _march(picture: Pixels, hole: Mask, method: int) -> Pixels:
    """`cv2.inpaint`, which names its channels BGR; its 8-bit mask is non-zero in the hole."""
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    painted = cv2.inpaint(bgr, hole.astype(np.uint8) * 255, RADIUS, method)
    return np.asarray(cv2.cvtColor(painted, cv2.COLOR_BGR2RGB), dtype=np.uint8)


class Telea(Classical):
    """Weighted means of the known neighbourhood, marched inwards from the hole's border."""

    card = Card(
        name="telea",
        title="Telea",
        paper="https://doi.org/10.1080/10867651.2004.10487596",
        license="Apache-2.0 (OpenCV)",
        sizes="any",
    )

    def _paint(self, picture: Pixels, hole: Mask) -> Pixels:
        return _march(picture, hole, cv2.INPAINT_TELEA)


class NavierStokes(Classical):
    """Lines of equal brightness carried into the hole as a fluid carries its vorticity."""

    card = Card(
        name="navierstokes",
        title="Navier-Stokes",
        paper="https://doi.org/10.1109/CVPR.2001.990497",
        license="Apache-2.0 (OpenCV)",
        sizes="any",
    )

    def _paint(self, picture: Pixels, hole: Mask) -> Pixels:
        return _march(picture, hole, cv2.INPAINT_NS)


class ShiftMap(Classical):
    """Copies from the known region, shifted by the few offsets that most of its patches repeat at.

    OpenCV's `xphoto` works best in CIE Lab, as its manual says; its mask is 0 in the hole.
    """

    card = Card(
        name="shiftmap",
        title="shift map",
        paper="https://doi.org/10.1109/TPAMI.2014.2330611",
        license="Apache-2.0 (OpenCV contrib)",
        sizes="any",
    )

    def _paint(self, picture: Pixels, hole: Mask) -> Pixels:
        lab = cv2.cvtColor(picture, cv2.COLOR_RGB2Lab)
        painted = np.zeros_like(lab)
        known = (~hole).astype(np.uint8) * 255
        cv2.xphoto.inpaint(lab, known, painted, cv2.xphoto.INPAINT_SHIFTMAP)
        return np.asarray(cv2.cvtColor(painted, cv2.COLOR_Lab2RGB), dtype=np.uint8)
