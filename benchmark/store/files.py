"""Files of a store: in a local folder, or on any file system that fsspec supports.

A file is named by its key, in a subfolder named by the key's first two digits, its prefix. Names
come from databases and folders that may be a stranger's: a name without a valid prefix is refused,
and links below a store are never followed.
"""

from __future__ import annotations

import os
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

MAX_STORED = 2**30  # bytes of a file: a PNG or a heatmap of the largest image has fewer
_PREFIX = re.compile(r"[0-9a-f]{2}")


class FileStore(Protocol):
    """Read and write files by name, such as "ab/abcd.png"."""

    def where(self, name: str) -> str:
        """Return the file's location, for messages."""
        ...

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None if it is missing."""
        ...

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Write files, each completely or not at all.

        Raises:
            OutputError: if they cannot be written.
        """
        ...

    def take(self, other: FileStore, names: Iterable[str]) -> None:
        """Link or copy files from another store; missing files are skipped.

        Raises:
            OutputError: if they cannot be read or written.
        """
        ...

    def list_files(self, prefix: str) -> dict[str, int]:
        """Return the sizes in bytes of a prefix's files by name, drafts included."""
        ...

    def prefixes(self) -> list[str]:
        """Return the existing prefixes, such as "ab"."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; missing files are ignored."""
        ...


class FolderFileStore:
    """Files in a local folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def where(self, name: str) -> str:
        """Return the file's path."""
        return str(self._root / name)

    def read(self, name: str) -> bytes | None:
        """Return a file's content; None if it is missing, unreadable, a link or too large."""
        path = self._path(name)
        try:
            found = path.lstat()
            return path.read_bytes() if _is_file(found) and _is_small(found) else None
        except OSError:
            return None

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Write each to a draft beside its target, then rename it."""
        for name, content in contents.items():
            path = self._path(name)
            make_folder(path.parent)
            with atomic(path) as draft:
                draft.write_bytes(content)

    def take(self, other: FileStore, names: Iterable[str]) -> None:
        """Hard-link files of a folder on the same file system, copy others."""
        for name in names:
            target = self._path(name)
            make_folder(target.parent)
            if isinstance(other, FolderFileStore) and _try_link(other._path(name), target):
                continue
            if (content := other.read(name)) is not None:
                self.write({name: content})

    def list_files(self, prefix: str) -> dict[str, int]:
        """Return the sizes in bytes of a prefix's files by name; of a link, its own size."""
        found = {}
        folder = self._folder(prefix)
        for path in sorted(folder.iterdir()) if folder.is_dir() else ():
            try:
                if not path.is_dir() or path.is_symlink():
                    found[f"{prefix}/{path.name}"] = path.lstat().st_size
            except FileNotFoundError:  # an active run has just renamed its draft
                continue
        return found

    def prefixes(self) -> list[str]:
        """Return the names of the folders below the root that are prefixes."""
        root = self._folder()
        if not root.is_dir():
            return []
        return sorted(path.name for path in root.iterdir() if _is_prefix(path.name))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; of a link the link itself, not its target."""
        for name in names:
            path = self._path(name)
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                raise OutputError(f"{path}: cannot be removed ({error.strerror})") from None

    def _path(self, name: str) -> Path:
        prefix, last = _parts(name)
        return self._folder(prefix) / last

    def _folder(self, prefix: str = "") -> Path:
        """Return the root, or the folder of a prefix.

        Raises:
            OutputError: if it is a link.
        """
        for path in dict.fromkeys((self._root, self._root / prefix)):
            if path.is_symlink():
                raise OutputError(f"{path}: is a link; links below a store are not followed")
        return self._root / prefix


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
        with _translated_errors(url):
            from fsspec.core import url_to_fs

            found: tuple[Any, str] = url_to_fs(self._url)
        self._fs, self._root = found

    def where(self, name: str) -> str:
        """Return the file's address."""
        return f"{self._url}/{name}"

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None if it is missing."""
        with _translated_errors(self.where(name)):
            try:
                return bytes(self._fs.cat_file(self._path(name)))
            except FileNotFoundError:
                return None

    def write(self, contents: Mapping[str, bytes]) -> None:
        """Write all files at once: an object store shows an object only when it is complete."""
        with _translated_errors(self._url):
            files = {self._path(name): one for name, one in contents.items()}
            for parent in {path.rsplit("/", 1)[0] for path in files}:
                self._fs.makedirs(parent, exist_ok=True)
            self._fs.pipe(files)

    def take(self, other: FileStore, names: Iterable[str]) -> None:
        """Copy files one by one, so that memory use does not grow with the store."""
        for name in names:
            if (content := other.read(name)) is not None:
                self.write({name: content})

    def list_files(self, prefix: str) -> dict[str, int]:
        """Return the sizes in bytes of a prefix's files by name."""
        return {
            f"{prefix}/{_last(one['name'])}": int(one["size"])
            for one in self._list(prefix)
            if one["type"] == "file"
        }

    def prefixes(self) -> list[str]:
        """Return the names of the folders below the address that are prefixes."""
        names = [_last(one["name"]) for one in self._list("") if one["type"] == "directory"]
        return sorted(filter(_is_prefix, names))

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; missing files are ignored."""
        with _translated_errors(self._url):
            for name in names:
                path = self._path(name)
                if self._fs.exists(path):
                    self._fs.rm_file(path)

    def _path(self, name: str) -> str:
        return f"{self._root}/{'/'.join(_parts(name))}"

    def _list(self, folder: str) -> list[dict[str, Any]]:
        with _translated_errors(self._url):
            self._fs.invalidate_cache()
            try:
                return list(self._fs.ls(f"{self._root}/{folder}".rstrip("/"), detail=True))
            except FileNotFoundError:
                return []


def is_draft(name: str) -> bool:
    """Return whether a file's name is that of a draft, which was never renamed to its target."""
    return _last(name).startswith(DRAFT)


def _parts(name: str) -> tuple[str, str]:
    """Return prefix and file name of a name such as "ab/abcd.png".

    Raises:
        DamagedStore: if the name is not of that form: it could lead out of the store.
    """
    prefix, _, last = name.partition("/")
    if not _is_prefix(prefix) or last in ("", ".", "..") or PurePath(last).name != last:
        raise DamagedStore(f"{printable(name)}: not the name of a stored file")
    return prefix, last


def _is_prefix(name: str) -> bool:
    return _PREFIX.fullmatch(name) is not None


def _is_file(found: os.stat_result) -> bool:
    """Return whether it is a regular file: not a link, and not a device or pipe without end."""
    return stat.S_ISREG(found.st_mode)


def _is_small(found: os.stat_result) -> bool:
    """Return whether a run may have written it; a stranger's store may hold files of any size."""
    return found.st_size <= MAX_STORED


def _try_link(file: Path, target: Path) -> bool:
    """Hard-link a file; return False across file systems, and on those without links."""
    try:
        if not _is_file(file.lstat()):
            return False
        target.hardlink_to(file)
    except OSError:
        return False
    return True


def _last(name: str) -> str:
    return name.rstrip("/").rsplit("/", 1)[-1]


@contextmanager
def _translated_errors(url: str) -> Iterator[None]:
    """Turn any error of a remote file system into an OutputError of one line."""
    try:
        yield
    except OutputError:
        raise
    except ImportError as error:
        raise OutputError(
            f"{url}: needs a package that is not installed ({error}); for s3:// it is "
            f"{install_line('s3')}"
        ) from None
    except Exception as error:  # noqa: BLE001 (each file system raises errors of its own)
        reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise OutputError(f"{url}: cannot be used as a store ({reason})") from None
