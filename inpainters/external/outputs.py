"""`outputs:DIR`: images that somebody's program has inpainted already, found by their names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput, DataError, KnownMoved
from benchmark.core.external.files import NamedFiles, Terms, digest_of
from benchmark.core.images import SUFFIXES, is_transparent, read_image
from benchmark.core.paths import at_home
from benchmark.core.types import Mask, Piece, Pixels
from inpainters.external.base import NamedInpainter


class Outputs(NamedInpainter):
    """Images already made: DIR/[DATASET/][BUCKET/]SAMPLE.png, at evaluation size.

    Args:
        folder: the DIR.
        weights: none: there is no network.
        device: not used.

    Raises:
        DataError: if the folder is missing or holds no image.
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
        self._files = NamedFiles(at_home(Path(folder)), SUFFIXES)

    @classmethod
    def decides(cls, argument: str) -> str:
        """Nothing that all images share: each has a file of its own, and `own` is its hash."""
        return ""

    def own(self, piece: Piece, terms: Terms) -> str:
        """The hash of the piece's file, and whether its known region is pasted back."""
        try:
            digest = digest_of(self._files.find(piece, terms))
        except (BadOutput, OSError):  # said when it is read
            digest = "none"
        return f"{digest} recomposite" if terms.recomposite else digest

    def inpaint_named(self, pieces: Sequence[Piece], terms: Terms) -> list[Pixels | BadOutput]:
        """Read the images as they are; whether their known pixels moved is the run's question."""
        return [self._read(piece, terms) for piece in pieces]

    def _read(self, piece: Piece, terms: Terms) -> Pixels | BadOutput:
        try:
            path = self._files.find(piece, terms)
            picture = read_image(path)
            if is_transparent(path):
                return BadOutput(f"{path}: transparent in parts; save it without transparency")
        except (BadOutput, DataError) as error:
            return BadOutput(str(error))
        if picture.shape != piece.image.shape:
            height, width = piece.image.shape[:2]
            return BadOutput(
                f"{path}: {picture.shape[1]}x{picture.shape[0]} pixels, expected {width}x{height}"
            )
        return picture

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        raise BadInput("images already made are found by their names: use them in a run")


def drift_of(picture: Pixels, original: Pixels, mask: Mask) -> tuple[float, float]:
    """How far the known region moved: largest and mean absolute difference, in grey levels.

    Args:
        picture: (H, W, 3) uint8.
        original: (H, W, 3) uint8.
        mask: (H, W) bool, True = hole.

    Returns:
        Both 0 where nothing is known.
    """
    apart = np.abs(picture.astype(np.int16) - original)[~mask]
    return (float(apart.max()), float(apart.mean())) if apart.size else (0.0, 0.0)


def recomposite(picture: Pixels, piece: Piece, terms: Terms) -> tuple[Pixels, tuple[float, float]]:
    """A finished image with the known region of the original, and how far its own had moved.

    Raises:
        KnownMoved: if it had moved and is not to be pasted back.
    """
    if piece.mask is None:
        raise BadInput(f"{piece.sample}: expected a piece with its mask")
    drift = drift_of(picture, piece.image, piece.mask)
    if drift[0] and not terms.recomposite:
        raise KnownMoved(drift)
    return np.where(piece.mask[..., None], picture, piece.image), drift
