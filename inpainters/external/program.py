"""`cmd:PROGRAM ... {images} {masks} {out}`: somebody's program, run once for a chunk of images.

Before the program may stand: `size=N` (images go there and come back at NxN), `holes=black`
(which colour is the hole in mask files, white by default), `masks={name}_mask.png` (what mask files
are called; they lie beside the images where the command has no {masks}) and `revision=N` (to be
raised when something changed that the command does not name).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput
from benchmark.core.external.batch import answer_chunk, answer_file, save_png
from benchmark.core.external.files import Terms
from benchmark.core.external.program import CHUNK, Program, parse_program
from benchmark.core.images import SUFFIXES, read_image
from benchmark.core.types import Mask, Piece, Pixels
from inpainters.external.base import NamedInpainter

OPTIONS = {"size": "", "holes": "white", "masks": "{name}.png", "revision": "1"}


class Command(NamedInpainter):
    """A program that inpaints the holes of a folder's images.

    Args:
        command: the command, with options before it.
        weights: none: the program finds its own.
        device: not used: the command says it.

    Raises:
        BadInput: if the command cannot be read.
    """

    card = Card(
        name="cmd",
        title="a program of the user's",
        sizes="its own",
        chunk=CHUNK,
        eight_bits=True,
        by_name=True,
    )

    def __init__(
        self, command: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        self._program = _parse(command)

    @classmethod
    def decides(cls, argument: str) -> str:
        """The command, its options, and the contents of the files that it names."""
        return _parse(argument).digest()

    def inpaint_named(self, pieces: Sequence[Piece], terms: Terms) -> list[Pixels | BadOutput]:
        """Let the program paint; known pixels stay as they came."""
        layout = _Layout(self._program)
        return answer_chunk(self._program, layout, pieces, terms=terms, model=self.card.name)


class _Layout:
    """How the images and masks of an inpainting program are written, and its images read."""

    def __init__(self, program: Program) -> None:
        options = program.options
        self._size = int(options["size"]) if options["size"] else None
        self._black = options["holes"] == "black"
        self._pattern = options["masks"]
        self._masks = "masks" if program.takes("masks") else "images"

    def write(self, folder: Path, name: str, piece: Piece) -> None:
        if piece.mask is None:
            raise BadInput(f"{piece.sample}: expected a piece with its mask")
        hole = piece.mask
        image = piece.image
        if self._size:
            image, hole = _sized(image, self._size), _sized_mask(hole, self._size)
        save_png(folder / "images" / f"{name}.png", image)
        save_png(folder / self._masks / self._mask_name(name), ~hole if self._black else hole)

    def read(self, out: Path, name: str, piece: Piece) -> Pixels:
        stems = (name, Path(self._mask_name(name)).stem)
        path = answer_file(out, stems, SUFFIXES)
        painted = read_image(path)
        height, width = piece.image.shape[:2]
        wanted = (self._size, self._size) if self._size else (height, width)
        if painted.shape[:2] != wanted:
            raise BadOutput(
                f"{path}: {painted.shape[1]}x{painted.shape[0]} pixels, "
                f"expected {wanted[1]}x{wanted[0]}"
            )
        if self._size:
            resized = Image.fromarray(painted).resize((width, height), Image.Resampling.BICUBIC)
            painted = np.asarray(resized)
        mask = np.asarray(piece.mask)[..., None]
        return np.where(mask, painted, piece.image)

    def _mask_name(self, name: str) -> str:
        return self._pattern.replace("{name}", name)


def _parse(command: str) -> Program:
    program = parse_program(command, places=("images", "out"), options=OPTIONS)
    given = program.options
    if given["size"] and not (given["size"].isdigit() and 32 <= int(given["size"]) <= 4096):
        raise BadInput(f"cmd: size={given['size']}: expected a side from 32 to 4096 pixels")
    if given["holes"] not in ("white", "black"):
        raise BadInput(f"cmd: holes={given['holes']}: expected white or black")
    if "{name}" not in given["masks"] or "/" in given["masks"]:
        raise BadInput(f"cmd: masks={given['masks']}: expected a file name with {{name}}")
    if not program.takes("masks") and given["masks"] == OPTIONS["masks"]:
        raise BadInput(
            "cmd: expected {masks} in the command, or masks={name}_mask.png before it for masks "
            "beside the images"
        )
    return program


def _sized(image: Pixels, size: int) -> Pixels:
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC))


def _sized_mask(mask: Mask, size: int) -> Mask:
    grey = Image.fromarray(mask.astype(np.uint8))
    return np.asarray(grey.resize((size, size), Image.Resampling.NEAREST)) > 0
