"""Bounds of reading an image: bytes, a JPEG's scans, and seconds, each refused in one line."""

from __future__ import annotations

import stat
import struct
import time
from collections.abc import Iterator
from io import BufferedReader, BytesIO, FileIO
from pathlib import Path

from benchmark.core.errors import DataError

LARGEST_FILE = 2**30  # bytes of an image's file, where 8 a pixel of --max-pixels are not more
MOST_SCANS = 100  # passes over a JPEG, each of which costs as much as decoding; usual are 10
LONGEST = 120.0  # seconds from the first to the last byte that decoding an image asks for
LONGEST_HEADER = 20.0  # the same for its header
MOST_TILES = 65_535  # of a JPEG 2000
_SIZES = b"\xff\x4f\xff\x51"  # begins its codestream
_START_OF_SCAN, _END_OF_IMAGE = 0xDA, 0xD9
_ALONE = (0x00, 0x01, 0xFF, *range(0xD0, 0xD9))  # what may follow 0xFF and has no length


class TimedBytes(BytesIO):
    """An image's bytes, refused when decoding them goes on for too long.

    Args:
        content: the bytes.
        path: the file, for the message.
    """

    def __init__(self, content: bytes, path: Path) -> None:
        super().__init__(content)
        self._path = path
        self._end = time.monotonic() + LONGEST

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes.

        Raises:
            DataError: if the time is over.
        """
        _refuse_late(self._path, self._end, LONGEST)
        return super().read(size)


class TimedHeader(BufferedReader):
    """An image's file, refused when reading its header goes on for too long.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(FileIO(path))
        self._path = path
        self._end = time.monotonic() + LONGEST_HEADER

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes.

        Raises:
            DataError: if the time is over.
        """
        _refuse_late(self._path, self._end, LONGEST_HEADER)
        return super().read(size)


def _refuse_late(path: Path, end: float, limit: float) -> None:
    if time.monotonic() > end:
        raise DataError(f"{path}: takes more than {limit:g} s to read; refused")


def refuse_large(path: Path, most: int) -> None:
    """Refuse an image's file by its size, before any of it is read.

    Args:
        path: the file.
        most: pixels that an image may have.

    Raises:
        DataError: saying both sizes, or if it is no plain file.
        OSError: if there is no such file.
    """
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise DataError(f"{path}: no file that can be read whole, such as a pipe or a device")
    size, allowed = found.st_size, max(LARGEST_FILE, 8 * most)
    if size > allowed:
        raise DataError(f"{path}: {size:,} bytes are more than {allowed:,}; refused unread")


def refuse_scans(content: bytes, path: Path) -> None:
    """Refuse a JPEG with more scans than any encoder writes.

    Raises:
        DataError: if it has more than `MOST_SCANS`.
    """
    for count, _ in enumerate(_scans(content), start=1):
        if count > MOST_SCANS:
            raise DataError(f"{path}: a JPEG of more than {MOST_SCANS} scans; refused undecoded")


def _scans(content: bytes) -> Iterator[int]:
    """Where the scans of a JPEG begin, up to its end; other images behind that do not count."""
    place = 2
    while 0 <= (place := content.find(b"\xff", place)) < len(content) - 3:
        kind = content[place + 1]
        if kind == _END_OF_IMAGE:
            return
        if kind == 0xFF:  # filling
            place += 1
            continue
        if kind == _START_OF_SCAN:
            yield place
        length = 0 if kind in _ALONE else int.from_bytes(content[place + 2 : place + 4], "big")
        place += 2 + length


def refuse_tiles(content: bytes, path: Path) -> None:
    """Refuse a JPEG 2000 in more tiles than its standard has numbers for.

    Raises:
        DataError: if it has more than 65,535.
    """
    place = content.find(_SIZES)
    numbers = content[place + 8 : place + 40]
    if place < 0 or len(numbers) < 32:
        return  # which its decoder refuses
    width, height, _, _, across, down, left, top = struct.unpack(">8I", numbers)
    tiles = -(-(width - left) // max(1, across)) * -(-(height - top) // max(1, down))
    if tiles > MOST_TILES:
        raise DataError(f"{path}: a JPEG 2000 of {tiles:,} tiles; refused undecoded")


def refuse_strips(content: bytes, strips: int, path: Path) -> None:
    """Refuse a TIFF whose strips or tiles are JPEGs with more scans than any encoder writes.

    Raises:
        DataError: if it has more than three a strip and `MOST_SCANS`.
    """
    if content.count(bytes((0xFF, _START_OF_SCAN))) > 3 * strips + MOST_SCANS:
        raise DataError(
            f"{path}: a TIFF of JPEGs of more than {MOST_SCANS} scans; refused undecoded"
        )
