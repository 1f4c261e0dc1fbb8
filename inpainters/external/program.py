"""`cmd:PROGRAM ... {images} {masks} {out}`: an external program, run once per batch of images.

Options before the program: `size=N` (images are exchanged at NxN), `holes=black` (color of holes in
mask files, white by default), `masks={name}_mask.png` (names of mask files, which are written next
to the images if the command has no {masks}), and `revision=N` (increment it after a change that the
command does not show).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput
from benchmark.core.external.batch import output_file, run_batch, save_png
from benchmark.core.external.files import ExternalOptions
from benchmark.core.external.program import CHUNK, Program, parse_program
from benchmark.core.images import SUFFIXES, read_image
from benchmark.core.types import Mask, NamedImage, Pixels
from inpainters.external.base import NamedInpainter

OPTIONS = {"size": "", "holes": "white", "masks": "{name}.png", "revision": "1"}


class Command(NamedInpainter):
    """An external program that inpaints a folder of images.

    Args:
        command: the command, with options before it.
        weights: must be None: the program has its own.
        device: not used: the program chooses it.

    Raises:
        BadInput: if the command is invalid.
    """

    card = Card(
        name="cmd",
        title="a program of the user's",
        sizes="its own",
        chunk=CHUNK,
        eight_bits=True,
        by_name=True,
    )

    no_tuning = "a program of cmd: chooses its own precision, by an option in its command"

    def __init__(
        self, command: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        self._program = _parse(command)

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """A digest of the command, its options, and the contents of the files that it names."""
        return _parse(argument).digest()

    def inpaint_named(
        self, pieces: Sequence[NamedImage], terms: ExternalOptions
    ) -> list[Pixels | BadOutput]:
        """Run the program on the images; what becomes of known pixels is up to the caller.

        Args:
            pieces: images, (H, W, 3) uint8 RGB, with their masks and names.
            terms: options of the run.

        Returns:
            For each piece, (H, W, 3) uint8 RGB of the same size, or the error.
        """
        layout = _Layout(self._program)
        return run_batch(self._program, layout, pieces, terms=terms, model=self.card.name)


class _Layout:
    """Files exchanged with an inpainting program: images and masks in, images out."""

    def __init__(self, program: Program) -> None:
        options = program.options
        self._size = int(options["size"]) if options["size"] else None
        self._black = options["holes"] == "black"
        self._pattern = options["masks"]
        self._masks = "masks" if program.takes("masks") else "images"

    def write(self, folder: Path, name: str, piece: NamedImage) -> None:
        if piece.mask is None:
            raise BadInput(f"{piece.sample}: expected a piece with its mask")
        hole = piece.mask
        image = piece.image
        if self._size:
            image, hole = _resize_image(image, self._size), _resize_mask(hole, self._size)
        save_png(folder / "images" / f"{name}.png", image)
        save_png(folder / self._masks / self._mask_name(name), ~hole if self._black else hole)

    def read(self, out: Path, name: str, piece: NamedImage) -> Pixels:
        stems = (name, Path(self._mask_name(name)).stem)
        path = output_file(out, stems, SUFFIXES)
        output = read_image(path)
        height, width = piece.image.shape[:2]
        wanted = (self._size, self._size) if self._size else (height, width)
        if output.shape[:2] != wanted:
            raise BadOutput(
                f"{path}: {output.shape[1]}x{output.shape[0]} pixels, "
                f"expected {wanted[1]}x{wanted[0]}"
            )
        if self._size:
            resized = Image.fromarray(output).resize((width, height), Image.Resampling.BICUBIC)
            output = np.asarray(resized)
        return output

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
            "next to the images"
        )
    return program


def _resize_image(image: Pixels, size: int) -> Pixels:
    return np.asarray(Image.fromarray(image).resize((size, size), Image.Resampling.BICUBIC))


def _resize_mask(mask: Mask, size: int) -> Mask:
    gray = Image.fromarray(mask.astype(np.uint8))
    return np.asarray(gray.resize((size, size), Image.Resampling.NEAREST)) > 0
