"""Incomplete downloads: where they lie, and what is known about them to continue them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.core.errors import BenchError, Unreachable, WeightsError
from benchmark.core.locks import lock_folder
from benchmark.core.paths import home, make_folder, write_text

FOLDER = ".downloads"  # below the folder of installed weights


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What identifies the version of a file at an address.

    Attributes:
        address: the address.
        etag: the server's strong ETag, or "".
        modified: its Last-Modified, or "".
        total: size in bytes, or -1 if the server does not state it.
    """

    address: str
    etag: str = ""
    modified: str = ""
    total: int = -1

    @classmethod
    def of(cls, address: str, headers: Mapping[str, str], total: int) -> Version:
        """Return the version that a response describes."""
        etag = headers.get("etag", "")
        return cls(
            address=address,
            etag="" if etag.startswith("W/") else etag,
            modified=headers.get("last-modified", ""),
            total=total,
        )

    @property
    def validator(self) -> str:
        """The value of If-Range, or "" if a download of this version cannot be continued."""
        return self.etag or self.modified


class Part:
    """The part file of one download, and the note beside it.

    Args:
        folder: the folder of both.
        name: name of the complete file.
        address: the address; a part of another one is not continued.

    Attributes:
        address: the address.
        complete: the complete file.
        path: the part file.
    """

    def __init__(self, folder: Path, name: str, address: str) -> None:
        self.complete = folder / name
        self.path = folder / f"{name}.part"
        self._note = folder / f"{name}.part.json"
        self.address = address

    def find(self) -> tuple[Version, int] | None:
        """Return the version and size of what is here, or None if it cannot be continued."""
        for path in (self.complete, self.path):
            if path.is_symlink():  # what it leads to is not ours to write
                path.unlink()
        if self.complete.is_file():  # complete in an earlier call, in which another file failed
            self.complete.replace(self.path)
        try:
            version = Version(**json.loads(self._note.read_text(encoding="utf-8")))
            size = self.path.stat().st_size
        except (OSError, ValueError, TypeError):
            return None
        fits = version.address == self.address and bool(version.validator) and size > 0
        return (version, size) if fits else None

    def note(self, version: Version) -> None:
        """Write down the version of the file that a download starts with."""
        write_text(self._note, json.dumps(asdict(version)) + "\n")

    def finish(self) -> Path:
        """Give the part file its name; the note stays, so that a later call can check it."""
        self.path.replace(self.complete)
        return self.complete

    def remove(self) -> None:
        """Remove the part file and its note."""
        for path in (self.path, self._note):
            path.unlink(missing_ok=True)


@contextmanager
def download_folder(name: str) -> Iterator[Path]:
    """Yield the folder for the downloads of a model, which no other process may use meanwhile.

    What lies in it is kept only if the block is interrupted or an address cannot be reached, so
    that the same command can continue; it is removed otherwise.

    Args:
        name: the model, or another name of a folder.

    Raises:
        WeightsError: if another process downloads the same.
        OutputError: if the folder cannot be created.
    """
    folder = make_folder(home() / "weights" / FOLDER / name)
    with lock_folder(folder) as held:
        if held is False:
            raise WeightsError(
                f"{name}: another process is downloading it; run again when that has ended"
            )
        try:
            yield folder
        except Unreachable:
            raise
        except BenchError:
            _empty(folder)
            raise
        _empty(folder)


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        with suppress(OSError):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
