"""`outputs:DIR`: inpainted images of any program, read from files by sample name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput, DataError
from benchmark.core.external.files import ExternalOptions, NamedFiles, digest_of
from benchmark.core.images import SUFFIXES, is_transparent, read_image
from benchmark.core.paths import expand_home
from benchmark.core.types import Mask, NamedImage, Pixels
from inpainters.external.base import NamedInpainter


class Outputs(NamedInpainter):
    """Inpainted images from files: DIR/[DATASET/][BUCKET/]SAMPLE.png, at evaluation size.

    Args:
        folder: the DIR.
        weights: must be None: there is no network.
        device: not used.

    Raises:
        DataError: if the folder does not exist or has no image.
    """

    card = Card(
        name="outputs",
        title="images already made",
        sizes="those of its files",
        finished=True,
        eight_bits=True,
    )

    def __init__(
        self, folder: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        self._files = NamedFiles(expand_home(Path(folder)), SUFFIXES)

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """Empty: the key of each image contains the hash of its own file, see `own`."""
        return ""

    def own(self, piece: NamedImage, terms: ExternalOptions) -> str:
        """The hash of the piece's file, and whether the known region is put back."""
        try:
            digest = digest_of(self._files.find(piece, terms))
        except (BadOutput, OSError):  # reported when the file is read
            digest = "none"
        return f"{digest} recomposite" if terms.recomposite else digest

    def inpaint_named(
        self, pieces: Sequence[NamedImage], terms: ExternalOptions
    ) -> list[Pixels | BadOutput]:
        """Read the images as they are; what becomes of changed known pixels is up to the run.

        Args:
            pieces: the images before inpainting, (H, W, 3) uint8 RGB.
            terms: options of the run.

        Returns:
            For each piece, (H, W, 3) uint8 RGB of the same size, or the error.
        """
        return [self._read(piece, terms) for piece in pieces]

    def _read(self, piece: NamedImage, terms: ExternalOptions) -> Pixels | BadOutput:
        try:
            path = self._files.find(piece, terms)
            image = read_image(path)
            if is_transparent(path):
                return BadOutput(f"{path}: transparent in parts; save it without transparency")
        except (BadOutput, DataError) as error:
            return BadOutput(str(error))
        if image.shape != piece.image.shape:
            height, width = piece.image.shape[:2]
            return BadOutput(
                f"{path}: {image.shape[1]}x{image.shape[0]} pixels, expected {width}x{height}"
            )
        return image

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        raise BadInput("outputs: files are found by sample name; use them in a run")


class Drift(NamedTuple):
    """Change of the known region, in 8-bit levels; 0 if nothing is known.

    Attributes:
        largest: largest absolute difference.
        mean: mean absolute difference.
    """

    largest: float
    mean: float


def drift_of(image: Pixels, original: Pixels, mask: Mask) -> Drift:
    """Measure the change of the known region.

    Args:
        image: (H, W, 3) uint8, after inpainting.
        original: (H, W, 3) uint8, before inpainting.
        mask: (H, W) bool, True = hole.
    """
    difference = np.abs(image.astype(np.int16) - original)[~mask]
    if not difference.size:
        return Drift(largest=0.0, mean=0.0)
    return Drift(largest=float(difference.max()), mean=float(difference.mean()))
