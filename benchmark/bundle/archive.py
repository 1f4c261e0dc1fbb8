"""The zip file of a bundle: members without dates, with the SHA-256 of each."""

from __future__ import annotations

import shutil
import zlib
from hashlib import file_digest, sha256
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import IO
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

DATE = (1980, 1, 1, 0, 0, 0)  # the first that a zip file can have
_MODE = 0o100644 << 16
_PNG = b"\x89PNG"
_BOMB = 64  # times as large when unpacked: then a member is not compressed
_LEVEL = 1  # of compression: of heatmaps as good as others, and fast
_NAMES = 400  # bytes of a member's names in the directory and the manifest, at most


class Archive:
    """A zip file to which members are added.

    Args:
        file: the file.

    Attributes:
        sums: SHA-256 of the members that were added, by name.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._archive = ZipFile(file, "w", ZIP_DEFLATED, compresslevel=_LEVEL)
        self._file = file
        self.sums: dict[str, str] = {}

    def __enter__(self) -> Archive:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._archive.close()

    def size(self) -> int:
        """Return the size of the file so far, with directory and manifest."""
        return self._file.tell() + (len(self.sums) + 1) * _NAMES

    def add(self, name: str, content: bytes) -> None:
        """Add a member and its checksum."""
        self.put(name, content)
        self.sums[name] = sha256(content).hexdigest()

    def put(self, name: str, content: bytes) -> None:
        """Add a member without its checksum: the manifest itself."""
        method = _method(content, len(zlib.compress(content, _LEVEL)))
        self._copy(name, BytesIO(content), len(content), method)

    def add_file(self, name: str, path: Path) -> None:
        """Add a file and its checksum."""
        with path.open("rb") as file:
            self.sums[name] = file_digest(file, "sha256").hexdigest()
            size = file.tell()
            file.seek(0)
            self._copy(name, file, size, ZIP_DEFLATED)

    def _copy(self, name: str, content: IO[bytes], size: int, method: int) -> None:
        info = ZipInfo(name, DATE)
        info.compress_type, info.external_attr, info.create_system = method, _MODE, 3
        info.file_size = size
        with self._archive.open(info, "w") as member:
            shutil.copyfileobj(content, member)


def packed_size(content: bytes) -> int:
    """Return an upper bound of the bytes that a member takes in the file."""
    size = len(zlib.compress(content, _LEVEL))
    return _NAMES + (size if _method(content, size) == ZIP_DEFLATED else len(content))


def _method(content: bytes, compressed: int) -> int:
    """Return how a member is packed: images are already, and nothing may look like a bomb."""
    packed = content.startswith(_PNG) or len(content) > _BOMB * compressed
    return ZIP_STORED if packed else ZIP_DEFLATED
