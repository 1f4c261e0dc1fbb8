"""Converted networks in files below the cache folder, one for each size of input."""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from pathlib import Path
from zipfile import ZipFile

from benchmark.core.engines.backend import Parts
from benchmark.core.engines.choice import ENGINES
from benchmark.core.engines.installed import engine_version
from benchmark.core.paths import atomic, home, make_folder

FOLDER = "engines"  # below the cache folder
REVISION = 1  # raised whenever networks are converted in another way

Shapes = Sequence[Sequence[int]]


def engines_folder() -> Path:
    """Return the folder of converted networks; it may not exist."""
    return home() / FOLDER


def converted_file(engine: str, *, model: str, weights: str, shapes: Shapes) -> Path:
    """Return the file of a converted network.

    Args:
        engine: a name of `ENGINES`.
        model: the model's name and revision.
        weights: SHA-256 of its weights.
        shapes: shapes of the network's inputs, without the batch.
    """
    sizes = "_".join("x".join(map(str, shape)) for shape in shapes)
    version = engine_version(engine)
    name = f"{model}-{weights[:16]}-{engine}-{version}-c{REVISION}-{sizes}.zip"
    return engines_folder() / name


def is_current(path: Path) -> bool:
    """Return whether a converted network is of an installed version, so that runs use it."""
    current = (f"-{name}-{engine_version(name)}-c{REVISION}-" for name in ENGINES)
    return any(one in path.name for one in current)


def read_parts(path: Path) -> Parts:
    """Return the content of a converted network's file, whose checksums are checked.

    Raises:
        OSError: if it cannot be read.
        BadZipFile: if it is damaged.
    """
    with ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_parts(path: Path, parts: Parts) -> None:
    """Write the file of a converted network; it is complete when it takes its name.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    make_folder(path.parent)
    with atomic(path) as draft, ZipFile(draft, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
