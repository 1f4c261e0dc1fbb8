"""Run a program on a batch: write the images to folders, run it, collect its outputs by name."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol, TypeVar

from PIL import Image

from benchmark.core.errors import BadOutput, DataError, OutputError
from benchmark.core.external.files import ExternalOptions, files_below
from benchmark.core.external.program import Program, ProgramFailed, run_program
from benchmark.core.filenames import plain_name
from benchmark.core.paths import DRAFT, make_below, make_folder, refuse_link
from benchmark.core.types import Mask, NamedImage, Pixels

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)
ATTEMPTS = 2  # a program may fail for a transient reason, such as a GPU's memory
_LONG = 80  # characters of a sample's name in a file name


class ProgramFormat(Protocol[R_co]):
    """File format of a program: how its inputs are written and its outputs are read."""

    def write(self, folder: Path, name: str, image: NamedImage) -> None:
        """Write an input under a name into the folders images/ and masks/ of `folder`."""
        ...

    def read(self, out: Path, name: str, image: NamedImage) -> R_co:
        """Read the program's output for the input of that name.

        Raises:
            BadOutput: if it is missing or invalid; likewise DataError.
        """
        ...


def run_batch(
    program: Program,
    layout: ProgramFormat[R],
    images: Sequence[NamedImage],
    *,
    terms: ExternalOptions,
    model: str,
) -> list[R | BadOutput]:
    """Run a program on a batch; inputs without an output are retried once.

    Args:
        program: the program.
        layout: the format of its files.
        images: the batch.
        terms: its time limit and log folder.
        model: the model's name, for the log.

    Returns:
        For each input its output, or why there is none.

    Raises:
        OutputError: if the program's folders cannot be written.
    """
    outputs: dict[int, R | BadOutput] = {}
    left = list(range(len(images)))
    for _ in range(ATTEMPTS):
        batch = [images[number] for number in left]
        try:
            found = _attempt(program, layout, batch, terms, model)
        except OSError as error:
            raise OutputError(f"cmd: a file cannot be written or read ({error})") from error
        outputs.update(zip(left, found, strict=True))
        left = [number for number in left if isinstance(outputs[number], BadOutput)]
        if not left:
            break
    return [outputs[number] for number in range(len(images))]


def _attempt(
    program: Program,
    layout: ProgramFormat[R],
    images: Sequence[NamedImage],
    terms: ExternalOptions,
    model: str,
) -> list[R | BadOutput]:
    near = None
    if terms.logs is not None:
        near = make_below(terms.logs.parent, terms.logs.name)  # where `bench clean` finds it
    with TemporaryDirectory(prefix=f"{DRAFT}bench-", dir=near) as root:
        places = {name: make_folder(Path(root) / name) for name in ("images", "masks", "out")}
        names = list(_names(images))
        for name, image in zip(names, images, strict=True):
            layout.write(Path(root), name, image)
        log = Path(root) / "log"
        if near is not None:
            log = refuse_link(near / f"{model}.{os.getpid()}.log")
        try:
            words = program.placed(**places)
            run_program(words, limit=terms.timeout, log=log, env=terms.env)
        except ProgramFailed as failed:
            where = f"; log: {log}" if near is not None else ""
            return [BadOutput(f"{program.words[0]}: {failed}{where}")] * len(images)
        return [
            _read(layout, places["out"], name, image)
            for name, image in zip(names, images, strict=True)
        ]


def _names(images: Iterable[NamedImage]) -> Iterator[str]:
    """Yield a unique name for each input: its index in the batch, bucket and sample, for logs."""
    for number, image in enumerate(images):
        parts = [f"{number:04d}", image.bucket, plain_name(image.sample)[:_LONG]]
        yield "_".join(part.replace(" ", "_") for part in parts if part)


def _read(layout: ProgramFormat[R], out: Path, name: str, image: NamedImage) -> R | BadOutput:
    try:
        return layout.read(out, name, image)
    except (BadOutput, DataError) as error:
        return BadOutput(str(error).replace(f"{out}/", "{out}/"))


def output_file(out: Path, stems: Sequence[str], suffixes: Container[str]) -> Path:
    """Find a program's output file by the first of several names that exists.

    Args:
        out: the program's output folder.
        stems: possible file names without extension, in order of preference.
        suffixes: accepted extensions.

    Raises:
        BadOutput: if there is none, or more than one of that name.
    """
    files = [path for path in files_below(out) if path.suffix.lower() in suffixes]
    for stem in dict.fromkeys(stems):
        found = [path for path in files if path.stem == stem]
        if len(found) == 1:
            return found[0]
        if found:
            raise BadOutput(f"the program wrote {len(found)} files {{out}}/{stem}.*")
    raise BadOutput(f"the program wrote no file {{out}}/{' or '.join(dict.fromkeys(stems))}.*")


def save_png(path: Path, pixels: Pixels | Mask) -> None:
    """Save an image, (H, W, 3) uint8, or a mask, (H, W) bool as 0 and 255, as PNG."""
    levels = pixels * 255 if pixels.dtype == bool else pixels
    Image.fromarray(levels.astype("uint8")).save(path)
