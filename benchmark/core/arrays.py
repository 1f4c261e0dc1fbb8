"""Read .npy and .npz files from untrusted sources: headers are checked first, no code is run."""

from __future__ import annotations

import math
import os
import struct
import zlib
from collections.abc import Container
from functools import lru_cache
from io import BytesIO
from pathlib import Path
from tokenize import TokenError
from typing import IO, Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.lib import format as layout
from numpy.typing import NDArray

from benchmark.core.errors import DataError

MOST_NUMBERS = 89_478_485  # elements of an array; the same limit as for pixels of an image
_LARGEST_NUMBER = 8  # bytes per element
_LONGEST_HEADER = 10_000  # characters
_LENGTHS = {(1, 0): 2, (2, 0): 4}  # bytes of a header's length
_HEADERS = {(1, 0): layout.read_array_header_1_0, (2, 0): layout.read_array_header_2_0}
_DAMAGED = (
    OSError, ValueError, EOFError, SyntaxError, TypeError, MemoryError, TokenError, BadZipFile,
    zlib.error, NotImplementedError, RuntimeError, LookupError, struct.error, OverflowError,
)  # fmt: skip


class TooManyNumbersError(DataError):
    """An array with more elements than `MOST_NUMBERS`; the message has its shape."""


def decode_array(content: bytes) -> NDArray[Any] | None:
    """Decode the bytes of a .npy file, of any shape and dtype; None if invalid or too large."""
    try:
        return _array(BytesIO(content), len(content))
    except (*_DAMAGED, TooManyNumbersError):
        return None


def read_array(path: Path) -> NDArray[Any] | None:
    """Read a .npy file, of any shape and plain dtype; None if it is not one.

    Raises:
        TooManyNumbersError: if its header states more than `MOST_NUMBERS` elements; its data is
            not read then.
    """
    try:
        with path.open("rb") as file:
            return _array(file, os.fstat(file.fileno()).st_size)
    except TooManyNumbersError as error:
        raise TooManyNumbersError(f"{path}: {error}") from None
    except _DAMAGED:
        return None


def read_arrays(path: Path, names: Container[str] | None = None) -> dict[str, NDArray[Any]] | None:
    """Read the arrays of a .npz file by name; None if it is not one.

    Args:
        path: the file.
        names: arrays to read, or None for all.

    Raises:
        TooManyNumbersError: if their headers together state more than `MOST_NUMBERS` elements.
    """
    found: dict[str, NDArray[Any]] = {}
    left = MOST_NUMBERS
    try:
        with ZipFile(path) as archive:
            for entry in archive.infolist():
                name = entry.filename.removesuffix(".npy")
                if names is not None and name not in names:
                    continue
                with archive.open(entry) as file:
                    array = _array(file, entry.file_size, left)
                if array is None:
                    return None
                found[name] = array
                left -= array.size
    except TooManyNumbersError as error:
        raise TooManyNumbersError(f"{path}: {error}") from None
    except _DAMAGED:
        return None
    return found


def _array(file: IO[bytes], length: int, most: int = MOST_NUMBERS) -> NDArray[Any] | None:
    """Read an array from a stream of `length` bytes after checking its header."""
    version = layout.read_magic(file)
    length_of_header = file.read(_LENGTHS[version])
    header = file.read(min(int.from_bytes(length_of_header, "little"), _LONGEST_HEADER + 1))
    shape, columns_first, kind = _parsed(version, length_of_header + header)
    count = math.prod(shape)
    if kind.hasobject or not kind.itemsize or min(shape, default=1) < 0:
        return None
    if count > most or count * kind.itemsize > _LARGEST_NUMBER * MOST_NUMBERS:
        raise TooManyNumbersError(
            f"{'x'.join(map(str, shape))[:60]} numbers are more than {most:,}; not read"
        )
    if count * kind.itemsize > length:
        return None
    content = file.read(count * kind.itemsize)
    array = np.frombuffer(bytearray(content), dtype=kind, count=count)
    return array.reshape(shape, order="F" if columns_first else "C")


@lru_cache(maxsize=64)  # maps of one shape have one header
def _parsed(version: tuple[int, int], header: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Parse a header with its length: shape, whether columns come first, and dtype."""
    return _HEADERS[version](BytesIO(header), max_header_size=_LONGEST_HEADER)
