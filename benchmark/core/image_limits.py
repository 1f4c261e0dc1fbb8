"""Limits for decoding untrusted images: file size, scans, tiles, and time."""

from __future__ import annotations

import stat
import struct
import time
from collections.abc import Iterator
from io import BufferedReader, BytesIO, FileIO
from pathlib import Path

from benchmark.core.errors import DataError

LARGEST_FILE = 2**30  # bytes of an image file, or 8 per pixel of --max-pixels if that is more
MOST_SCANS = 100  # passes over a JPEG, each as expensive as decoding; 10 are usual
LONGEST = 120.0  # seconds between the first and the last read while decoding an image
LONGEST_HEADER = 20.0  # the same for its header
MOST_TILES = 65_535  # of a JPEG 2000
_SIZES = b"\xff\x4f\xff\x51"  # start of a JPEG 2000 codestream
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_ALONE = (0x00, 0x01, 0xFF, *range(0xD0, 0xD9))  # markers without a length field


class TimedBytes(BytesIO):
    """In-memory image file whose `read` fails after a time limit.

    Args:
        content: the file's bytes.
        path: the file, for the message.
    """

    def __init__(self, content: bytes, path: Path) -> None:
        super().__init__(content)
        self._path = path
        self._end = time.monotonic() + LONGEST

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next bytes.

        Raises:
            DataError: after `LONGEST` seconds.
        """
        _refuse_late(self._path, self._end, LONGEST)
        return super().read(size)


class TimedHeader(BufferedReader):
    """Image file whose `read` fails after the time limit for headers.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(FileIO(path))
        self._path = path
        self._end = time.monotonic() + LONGEST_HEADER

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next bytes.

        Raises:
            DataError: after `LONGEST` seconds.
        """
        _refuse_late(self._path, self._end, LONGEST_HEADER)
        return super().read(size)


def _refuse_late(path: Path, end: float, limit: float) -> None:
    if time.monotonic() > end:
        raise DataError(f"{path}: takes more than {limit:g} s to read; refused")


def refuse_large(path: Path, most: int) -> None:
    """Refuse an image file by its size before it is read.

    Args:
        path: the file.
        most: maximum number of pixels.

    Raises:
        DataError: if it is too large, or not a regular file.
        OSError: if it does not exist.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path}: not a regular file, but a pipe, device or the like")
    size, allowed = found.st_size, max(LARGEST_FILE, 8 * most)
    if size > allowed:
        raise DataError(f"{path}: {size:,} bytes are more than {allowed:,}; not read")


def refuse_scans(content: bytes, path: Path) -> None:
    """Refuse a JPEG with more than `MOST_SCANS` scans; no encoder writes as many.

    Raises:
        DataError: if it has more.
    """
    for count, _ in enumerate(_scans(content), start=1):
        if count > MOST_SCANS:
            raise DataError(f"{path}: a JPEG of more than {MOST_SCANS} scans; not decoded")


def _scans(content: bytes) -> Iterator[int]:
    """Yield the offsets of the scans of a JPEG up to its end marker; later images are ignored."""
    place = 2
    while 0 <= (place := content.find(b"\xff", place)) < len(content) - 3:
        kind = content[place + 1]
        if kind == _END_OF_IMAGE:
            return
        if kind == 0xFF:  # fill byte
            place += 1
            continue
        if kind == _START_OF_SCAN:
            yield place
        length = 0 if kind in _ALONE else int.from_bytes(content[place + 2 : place + 4], "big")
        place += 2 + length


def refuse_tiles(content: bytes, path: Path) -> None:
    """Refuse a JPEG 2000 with more tiles than its standard can index.

    Raises:
        DataError: if it has more than 65,535.
    """
    place = content.find(_SIZES)
    numbers = content[place + 8 : place + 40]
    if place < 0 or len(numbers) < 32:
        return  # the decoder refuses it
    width, height, _, _, across, down, left, top = struct.unpack(">8I", numbers)
    tiles = -(-(width - left) // max(1, across)) * -(-(height - top) // max(1, down))
    if tiles > MOST_TILES:
        raise DataError(f"{path}: a JPEG 2000 of {tiles:,} tiles; not decoded")


def refuse_strips(content: bytes, strips: int, path: Path) -> None:
    """Refuse a TIFF of JPEG strips or tiles with more scans than any encoder writes.

    Raises:
        DataError: if it has more than 3 per strip plus `MOST_SCANS`.
    """
    if content.count(bytes((0xFF, _START_OF_SCAN))) > 3 * strips + MOST_SCANS:
        raise DataError(f"{path}: a TIFF of JPEGs of more than {MOST_SCANS} scans; not decoded")
