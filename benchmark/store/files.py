"""Where a store keeps its files: in a folder, or on any file system that fsspec reaches.

A file is named by its key, and lies with the others of its key's first two digits: its shelf.
Names come from databases and folders that may be a stranger's: one that is not a file of a shelf is
refused, and links below a store are never followed.
"""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePath
from typing import Any, Protocol

from benchmark.core.errors import DamagedStore, OutputError
from benchmark.core.external.optional import install_line
from benchmark.core.filenames import printable
from benchmark.core.paths import DRAFT, atomic, make_folder

LARGEST_STORED = 2**30  # bytes of a stored file: a PNG or a heatmap of the largest image has less
_SHELF = re.compile(r"[0-9a-f]{2}")


class FileStore(Protocol):
    """Files under their names, such as "ab/abcd.png"."""

    def where(self, name: str) -> str:
        """The file in words, for a message."""
        ...

    def read(self, name: str) -> bytes | None:
        """What a file holds, or None where there is none."""
        ...

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Write files, each whole or not at all.

        Raises:
            OutputError: if they cannot be written.
        """
        ...

    def take(self, other: FileStore, names: Iterable[str]) -> None:
        """Take over files of another store, those that are there.

        Raises:
            OutputError: if they cannot be read or written.
        """
        ...

    def shelf(self, shelf: str) -> dict[str, int]:
        """The files of a shelf: their names with their sizes in bytes; drafts are among them."""
        ...

    def prefixes(self) -> list[str]:
        """The shelves that there are, such as "ab"."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no mistake."""
        ...


class FolderFileStore:
    """Files in a folder of this machine."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def where(self, name: str) -> str:
        """The file's path."""
        return str(self._root / name)

    def read(self, name: str) -> bytes | None:
        """What a file holds; None where it is missing, cannot be read, is a link or too large."""
        path = self._path(name)
        try:
            return path.read_bytes() if _is_file(path) and _is_small(path) else None
        except OSError:
            return None

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Write each beside its place first, then let it take its place."""
        for name, content in contents.items():
            path = self._path(name)
            make_folder(path.parent)
            with atomic(path) as draft:
                draft.write_bytes(content)

    def take(self, other: FileStore, names: Iterable[str]) -> None:
        """Link files of a folder on the same file system, copy others."""
        for name in names:
            place = self._path(name)
            make_folder(place.parent)
            if isinstance(other, FolderFileStore) and _linked(other._path(name), place):
                continue
            if (content := other.read(name)) is not None:
                self.write({name: content})

    def shelf(self, shelf: str) -> dict[str, int]:
        """The files of a shelf with their sizes in bytes; links with their own."""
        found = {}
        folder = self._folder(shelf)
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            try:
                if not path.is_dir() or path.is_symlink():
                    found[f"{shelf}/{path.name}"] = path.lstat().st_size
            except FileNotFoundError:  # a run that goes on has just put its draft in place
                continue
        return found

    def prefixes(self) -> list[str]:
        """The folders below the root that are shelves."""
        root = self._folder()
        if not root.is_dir():
            return []
        return sorted(path.name for path in root.iterdir() if _is_shelf(path.name))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; of a link itself, not what it leads to."""
        for name in names:
            path = self._path(name)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"{path}: cannot be removed ({error.strerror})") from None

    def _path(self, name: str) -> Path:
        shelf, last = _parts(name)
        return self._folder(shelf) / last

    def _folder(self, shelf: str = "") -> Path:
        """The root or a shelf of it.

        Raises:
            OutputError: if it is a link.
        """
        for path in dict.fromkeys((self._root, self._root / shelf)):
            if path.is_symlink():
                raise OutputError(f"{path}: is a link, and none is followed below a store")
        return self._root / shelf


class RemoteFileStore:
    """Files below an address such as s3://bucket/prefix, through fsspec.

    Args:
        url: the address.

    Raises:
        OutputError: if fsspec or the package for this kind of address is missing, or the address
            cannot be used.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        with _reaching(url):
            from fsspec.core import url_to_fs

            found: tuple[Any, str] = url_to_fs(self._url)
        self._fs, self._root = found

    def where(self, name: str) -> str:
        """The file's address."""
        return f"{self._url}/{name}"

    def read(self, name: str) -> bytes | None:
        """What a file holds, or None where there is none."""
        with _reaching(self.where(name)):
            try:
                return bytes(self._fs.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Write all at once: an object store shows an object when it is whole."""
        with _reaching(self._url):
            files = {self._path(name): one for name, one in contents.items()}
            for parent in {path.rsplit("/", 1)[0] for path in files}:
                self._fs.makedirs(parent, exist_ok=True)
            self._fs.pipe(files)

    def take(self, other: FileStore, names: Iterable[str]) -> None:
        """Copy files one by one, so that memory does not grow with the store."""
        for name in names:
            if (content := other.read(name)) is not None:
                self.write({name: content})

    def shelf(self, shelf: str) -> dict[str, int]:
        """The files of a shelf with their sizes in bytes."""
        return {
            f"{shelf}/{_last(one['name'])}": int(one["size"])
            for one in self._list(shelf)
            if one["type"] == "file"
        }

    def prefixes(self) -> list[str]:
        """The folders below the address."""
        names = [_last(one["name"]) for one in self._list("") if one["type"] == "directory"]
        return sorted(filter(_is_shelf, names))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; one that is not there is no mistake."""
        with _reaching(self._url):
            for name in names:
                path = self._path(name)
                if self._fs.exists(path):
                    self._fs.rm_file(path)

    def _path(self, name: str) -> str:
        return f"{self._root}/{'/'.join(_parts(name))}"

    def _list(self, folder: str) -> list[dict[str, Any]]:
        with _reaching(self._url):
            self._fs.invalidate_cache()
            try:
                return list(self._fs.ls(f"{self._root}/{folder}".rstrip("/"), detail=True))
            except FileNotFoundError:
                return []


def is_draft(name: str) -> bool:
    """Whether a file's name is that of one that never took its place."""
    return _last(name).startswith(DRAFT)


def _parts(name: str) -> tuple[str, str]:
    """Shelf and file of a name.

    Raises:
        DamagedStore: if it is no file of a shelf: it would lead out of the store.
    """
    shelf, _, last = name.partition("/")
    if not _is_shelf(shelf) or last in ("", ".", "..") or PurePath(last).name != last:
        raise DamagedStore(f"{printable(name)}: no name of a stored file")
    return shelf, last


def _is_shelf(name: str) -> bool:
    return _SHELF.fullmatch(name) is not None


def _is_file(path: Path) -> bool:
    """Whether it is a file itself: no link, and no device or pipe, which may never end."""
    return stat.S_ISREG(path.lstat().st_mode)


def _is_small(path: Path) -> bool:
    """Whether it may be what a run wrote; a stranger's store may hold files of any size."""
    return path.lstat().st_size <= LARGEST_STORED


def _linked(file: Path, place: Path) -> bool:
    """Whether a file could be linked; not to another file system, or on one without links."""
    try:
        if not _is_file(file):
            return False
        place.hardlink_to(file)
    except OSError:
        return False
    return True


def _last(name: str) -> str:
    return name.rstrip("/").rsplit("/", 1)[-1]


@contextmanager
def _reaching(url: str) -> Iterator[None]:
    """One line for everything that can be wrong on the way to another file system."""
    try:
        yield
    except OutputError:
        raise
    except ImportError as error:
        raise OutputError(
            f"{url}: needs a package that is not here ({error}); for s3:// it is "
            f"{install_line('s3')}"
        ) from None
    except Exception as error:  # noqa: BLE001 (each file system raises errors of its own)
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise OutputError(f"{url}: cannot be used as a store ({reason})") from None
