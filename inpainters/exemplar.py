"""Exemplar-based inpainting (Criminisi, Perez and Toyama 2003, 2004): no weights, copies patches.

Section and equation numbers are those of the 2004 paper, "Region filling and object removal by
exemplar-based image inpainting", IEEE Transactions on Image Processing 13(9), Section III.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.card import Card
from benchmark.core.types import Mask, Pixels
from inpainters.classical import Classical, nearest_known

MARGIN = 256  # pixels around the holes that are searched: all of an image of 256x256
SIDE = 9  # of a patch, in pixels, as in the paper
ALPHA = 255  # normalization of the data term, as in the paper for gray-level images
LEAST = 1e-30  # confidence far inside deep holes, where the paper's would become 0 by rounding

Plane = NDArray[np.float32]  # (H, W)
Box = tuple[slice, slice]


class Criminisi(Classical):
    """Exemplar-based: copies whole patches of the known region, along strong edges first.

    The distance of two patches is the sum of squared differences over RGB (the paper: CIE Lab);
    equal distances are decided by position, top left first. Rules of this project: where no patch
    of 9x9 pixels is known whole, the largest odd side down to 3 that is; where there is none, each
    pixel of the hole gets its nearest known pixel. Of large images, 256 pixels around the rectangle
    that holds all holes are searched.
    """

    card = Card(
        name="criminisi",
        title="Criminisi",
        paper="https://doi.org/10.1109/TIP.2004.833105",
        license="no code of the authors is used",
        sizes="any; the time grows with the pixels of the hole times those searched",
    )

    def _paint(self, image: Pixels, hole: Mask, *, seed: int) -> Pixels:
        rows, columns = (np.flatnonzero(hole.any(axis=axis)) for axis in (1, 0))
        near: Box = (_widened(rows), _widened(columns))
        output = image.copy()
        output[near] = _fill(image[near], hole[near])
        return output


class _Filling:
    """The state of one image while its hole is filled.

    Args:
        image: (H, W, 3) uint8.
        hole: (H, W), True = to be filled.
        sources: (H, W), True at the centers of patches that are known whole; at least one.
        side: side of a patch, odd.
    """

    def __init__(self, image: Pixels, hole: Mask, sources: Mask, side: int) -> None:
        self.side, self.reach = side, side // 2
        self.image = np.where(hole[..., None], 0, image).astype(np.uint8)
        self.hole = hole.copy()
        self.confidence = (~hole).astype(np.float32)  # C(p), eq. 1
        self.patch_confidence = np.zeros(hole.shape, np.float32)  # of the front alone
        self.priority = np.zeros(hole.shape, np.float64)
        self.barred = np.where(sources, 0.0, np.inf)
        # Known pixels of the untouched image alone are copied, so these do not change. All sums
        # below are integers under 2**24, which float32 represents exactly: no rounding, no order.
        self.planes = [np.ascontiguousarray(self.image[..., c], np.float32) for c in range(3)]
        self.squares: Plane = sum((p * p for p in self.planes), np.zeros(hole.shape, np.float32))

    def run(self) -> Pixels:
        """Fill the hole, (H, W, 3) uint8."""
        height, width = self.hole.shape
        changed: Box = (slice(0, height), slice(0, width))
        while self.hole.any():
            self._update_priority(self._grown(changed, self.reach + 2))
            row, column = divmod(int(np.argmax(self.priority)), width)
            changed = self._copy_to(row, column)
        return self.image

    def _update_priority(self, box: Box) -> None:
        """Compute the priority P = C D of the fill front inside a box, eq. 1; 0 off the front.

        A pixel's priority depends on its patch and two pixels around it.
        """
        outer = self._grown(box, self.reach + 2)
        inner = tuple(
            slice(one.start - all_.start, one.stop - all_.start)
            for one, all_ in zip(box, outer, strict=True)
        )
        hole = self.hole[outer].astype(np.uint8)
        front = hole > cv2.erode(hole, np.ones((3, 3), np.uint8))
        within = np.zeros(front.shape, dtype=np.bool_)
        within[inner] = True
        rows, columns = np.nonzero(front & within)
        size = (self.side, self.side)
        self.priority[box], self.patch_confidence[box] = 0, 0
        if not len(rows):
            return
        sums = cv2.boxFilter(
            self.confidence[outer],
            cv2.CV_32F,
            size,
            normalize=False,
            borderType=cv2.BORDER_CONSTANT,
        )
        confidence = np.maximum(sums[rows, columns] / self.side**2, LEAST)
        at = rows + outer[0].start, columns + outer[1].start
        self.patch_confidence[at] = confidence
        self.priority[at] = confidence * self._data(outer, rows, columns)

    def _data(
        self, box: Box, rows: NDArray[np.intp], columns: NDArray[np.intp]
    ) -> NDArray[np.float64]:
        """Return the data term D of pixels of the front in a box, eq. 1: isophote times normal.

        The gradient at a pixel of the front is the largest one among the known pixels of its patch
        (Section III-C); the normal is the gradient of the hole.
        """
        gray = cv2.cvtColor(self.image[box], cv2.COLOR_RGB2GRAY).astype(np.float32)
        hole = self.hole[box].astype(np.float32)
        unknown = cv2.dilate(hole, np.ones((3, 3), np.uint8)) > 0
        reach = self.reach
        slopes = [
            np.pad(np.where(unknown, 0, cv2.Sobel(gray, cv2.CV_32F, *order, scale=1 / 8)), reach)
            for order in ((1, 0), (0, 1))
        ]
        patches = [
            np.lib.stride_tricks.sliding_window_view(one, (self.side, self.side))[rows, columns]
            for one in slopes
        ]
        x, y = (one.reshape(len(rows), -1) for one in patches)
        pick = np.arange(len(rows)), np.argmax(x * x + y * y, axis=1)
        n_x = cv2.Sobel(hole, cv2.CV_32F, 1, 0)[rows, columns]
        n_y = cv2.Sobel(hole, cv2.CV_32F, 0, 1)[rows, columns]
        length = np.maximum(np.hypot(n_x, n_y), 1e-6)
        along = np.abs(-y[pick] * n_x + x[pick] * n_y) / length  # isophote: gradient turned by 90
        return np.asarray(along / ALPHA + 1e-3, dtype=np.float64)  # never 0: C then decides

    def _grown(self, box: Box, by: int) -> Box:
        """Return a box that is larger by some pixels on each side, inside the image."""
        rows, columns = (
            slice(max(0, one.start - by), min(side, one.stop + by))
            for one, side in zip(box, self.hole.shape, strict=True)
        )
        return rows, columns

    def _copy_to(self, row: int, column: int) -> Box:
        """Fill the unknown pixels of a patch from its best exemplar, eq. 2; return its box."""
        height, width = self.hole.shape
        reach = self.reach
        up, left = min(reach, row), min(reach, column)
        down, right = min(reach, height - 1 - row), min(reach, width - 1 - column)
        target: Box = (slice(row - up, row + down + 1), slice(column - left, column + right + 1))
        y, x = self._best_exemplar(target, (reach - up, reach - left))
        source: Box = (slice(y - up, y + down + 1), slice(x - left, x + right + 1))
        empty = self.hole[target]  # a view
        self.image[target][empty] = self.image[source][empty]
        self.confidence[target][empty] = self.patch_confidence[row, column]
        self.hole[target] = False
        return target

    def _best_exemplar(self, target: Box, at: tuple[int, int]) -> tuple[int, int]:
        """Return the center of the source patch with the least distance to the target's known part.

        Args:
            target: the target patch, cut at the image's border.
            at: where it begins in a whole patch: row and column.
        """
        known = np.zeros((self.side, self.side), np.float32)
        patch = np.zeros((self.side, self.side, 3), np.float32)
        height, width = self.hole[target].shape
        part = (slice(at[0], at[0] + height), slice(at[1], at[1] + width))
        known[part] = ~self.hole[target]
        patch[part] = self.image[target]
        distance = _correlate(self.squares, known).astype(np.float64) + self.barred
        for channel, plane in enumerate(self.planes):
            distance -= 2.0 * _correlate(plane, patch[..., channel] * known)
        y, x = np.unravel_index(int(np.argmin(distance)), distance.shape)
        return int(y), int(x)


def _fill(image: Pixels, hole: Mask) -> Pixels:
    """Return the image (H, W, 3) with its hole filled; at least one pixel is known."""
    for side in range(SIDE, 1, -2):
        sources = _whole_patches(~hole, side)
        if sources.any():
            return _Filling(image, hole, sources, side).run()
    return nearest_known(image, hole)


def _widened(indices: NDArray[np.intp]) -> slice:
    """Return the range of sorted indices, widened by `MARGIN` at both ends."""
    return slice(max(0, int(indices[0]) - MARGIN), int(indices[-1]) + 1 + MARGIN)


def _whole_patches(known: Mask, side: int) -> Mask:
    """Return the centers of patches that are known whole and inside the image, (H, W)."""
    kernel = np.ones((side, side), np.uint8)
    whole = cv2.erode(known.astype(np.uint8), kernel, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(whole, dtype=np.bool_)


def _correlate(plane: Plane, kernel: Plane) -> Plane:
    """Return the sum of products of every patch with a kernel, (H, W), zero outside the image."""
    summed = cv2.filter2D(plane, cv2.CV_32F, kernel, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(summed, dtype=np.float32)
