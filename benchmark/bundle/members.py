"""Members of a bundle from a stranger: names, kinds and sizes are checked before any is read."""

from __future__ import annotations

import stat
from io import FileIO
from itertools import pairwise
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from benchmark.bundle.layout import CARDS, MANIFEST, RUN, RUN_FILES, member_limit
from benchmark.core.errors import DataError
from benchmark.core.filenames import printable

MOST_MEMBERS = 200_000
MOST_DIRECTORY = 20 << 20  # bytes of the list of members
MOST_UNPACKED = 64 << 30  # bytes of all members
MOST_RATIO = 200  # times as large when unpacked; an honest member has 64 at most
_SLACK = 1 << 20  # bytes that a small member may have beyond the ratio
_ENCRYPTED = 1


class BoundedFile(FileIO):
    """A file of which no single part is read that is larger than a list of members may be."""

    def __init__(self, path: Path) -> None:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("not a regular file")
        super().__init__(path)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read the next bytes.

        Raises:
            ValueError: if they are more than `MOST_DIRECTORY`.
        """
        if size is None or size < 0:
            size = self._left()
        if size > MOST_DIRECTORY:
            raise ValueError(f"its list of members is larger than {MOST_DIRECTORY:,} bytes")
        return super().read(size) or b""

    def _left(self) -> int:
        here = self.tell()
        end = self.seek(0, 2)
        self.seek(here)
        return end - here


def bundle_members(path: Path, archive: ZipFile) -> list[ZipInfo]:
    """Return the members, all of which a bundle can have.

    Raises:
        DataError: naming the first that it cannot have.
    """
    found = archive.infolist()
    names = {one.filename for one in found}
    if len(found) > MOST_MEMBERS:
        raise DataError(f"{path}: more than {MOST_MEMBERS:,} members; not read")
    if MANIFEST not in names:
        raise DataError(f"{path}: not a bundle of 'bench submit' ({MANIFEST} is missing)")
    if len(names) < len(found):
        twice = sorted(one.filename for one in found)
        name = next(one for one, other in pairwise(twice) if one == other)
        raise DataError(f"{path}: two members named {printable(name)[:80]}; not read")
    for one in found:
        if reason := _refused(one):
            raise DataError(f"{path}: member {printable(one.filename)[:80]}: {reason}; not read")
    if sum(one.file_size for one in found) > MOST_UNPACKED:
        raise DataError(f"{path}: more than {MOST_UNPACKED:,} bytes when unpacked; not read")
    if sum(one.compress_size for one in found) > path.stat().st_size:
        raise DataError(f"{path}: members overlap; not read")
    missing = [f"{RUN}/{name}" for name in RUN_FILES if f"{RUN}/{name}" not in names]
    if missing or CARDS not in names:
        raise DataError(f"{path}: {(*missing, CARDS)[0]} is missing; not read")
    return found


def _refused(member: ZipInfo) -> str:
    """Return why a member cannot be of a bundle, or ""."""
    most = member_limit(member.filename)
    kind = stat.S_IFMT(member.external_attr >> 16)
    if most is None:
        return "not a member of a bundle"
    if kind not in (0, stat.S_IFREG):
        return "a link, or not a regular file"
    if member.flag_bits & _ENCRYPTED or member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        return "encrypted, or packed in another way than by 'bench submit'"
    if member.file_size > most:
        return f"more than {most:,} bytes when unpacked"
    if member.file_size > MOST_RATIO * member.compress_size + _SLACK:
        return f"more than {MOST_RATIO} times as large when unpacked"
    return ""
