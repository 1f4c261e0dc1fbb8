"""PatchMatch-based image completion (Barnes et al. 2009), by PyPatchMatch: an optional package.

From coarse to fine, each patch of the hole votes for the colors of its nearest patch in the known
region (Wexler, Shechtman and Irani 2007); PatchMatch finds the nearest patches by random search.
"""

from __future__ import annotations

import numpy as np

from benchmark.core.card import Card
from benchmark.core.external.optional import importing
from benchmark.core.types import Mask, Pixels
from inpainters.classical import Classical, nearest_known

RADIUS = 3  # of a patch of 7x7 pixels: the size in the paper, and in the package's examples


class PatchMatch(Classical):
    """Coarse-to-fine voting of the nearest patches, 7x7 pixels, found by seeded random search.

    A rule of this project: pixels that the package leaves unfilled, where very little is known, get
    their nearest known pixel.
    """

    card = Card(
        name="patchmatch",
        title="PatchMatch",
        paper="https://doi.org/10.1145/1531326.1531330",
        license="MIT (PyPatchMatch)",
        sizes="any",
        seeded=True,
    )

    def _paint(self, image: Pixels, hole: Mask, *, seed: int) -> Pixels:
        output = _complete(image, hole, seed)
        empty = hole & (output == 0).all(axis=2)
        if empty.any() and (image[~hole] == 0).all(axis=1).any():  # then black may be an output
            empty = hole & (_complete(np.maximum(image, 1), hole, seed) == 0).all(axis=2)
        return np.where(empty[..., None], nearest_known(image, hole), output)


def _complete(image: Pixels, hole: Mask, seed: int) -> Pixels:
    """Return PyPatchMatch's output, (H, W, 3); pixels that it leaves unfilled are black.

    It leaves pixels unfilled that are many times further from the known region than that is large.
    """
    with importing("pypatchmatch", how="pip install --force-reinstall pypatchmatch"):
        import patchmatch
    patchmatch.set_random_seed(seed % 2**32)
    blank = image * ~hole[..., None]  # the content of the hole has no effect
    return np.asarray(patchmatch.inpaint(blank, hole, patch_size=RADIUS), dtype=np.uint8)
