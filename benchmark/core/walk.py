"""The one walk over a folder: which files lie below it, what was left out, and why.

Folders that are linked are followed once; hidden files and folders, links to nothing, folders that
may not be opened and, for images, what an earlier run wrote are left out and counted.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.core.errors import DataError

HIDDEN, HIDDEN_FILES = "hidden folders", "hidden files"  # reasons
_MACHINE = frozenset({"__pycache__", "__MACOSX", "@eaDir", "$RECYCLE.BIN"})  # made by no user
# What a run's folder and a store hold: images in them are answers, and no images.
_RESULTS = (frozenset({"plan.toml", "record.json"}), frozenset({"answers.sqlite"}))
_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """Something below a folder that is not used.

    Attributes:
        path: where it is.
        reason: why, for several of the kind, such as "hidden folders".
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """What lies below a folder.

    Attributes:
        files: those that can be used, in the order of their paths.
        left_out: folders and links that are not.
    """

    files: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def walk(folder: Path, *, without: Collection[Path] = (), results: bool = True) -> Walk:
    """Find the files below a folder, or the one file that `folder` itself is.

    Args:
        folder: the folder; it is read whatever it is called.
        without: files and folders that are left out where they lie below it.
        results: whether folders that `bench run` wrote below it, and stores, are read as well.

    Raises:
        DataError: if there is no such folder, or it cannot be read.
    """
    if folder.is_file():
        return Walk(files=[folder])
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    try:
        return _Walker(folder, without, results=results).found()
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror})") from None


class _Walker:
    """One walk: folders that lie there first, so that they keep their names; then linked ones."""

    def __init__(self, folder: Path, without: Collection[Path], *, results: bool) -> None:
        self._root, self._results = folder, results
        self._apart = {_identity(path) for path in without if path.exists()}
        self._seen = {_identity(folder)}
        self._links: list[Path] = []
        self._walk = Walk()

    def found(self) -> Walk:
        self._enter(self._root)
        while self._links:
            self._links.sort()
            link = self._links.pop(0)
            try:
                self._follow(link)
            except OSError as error:
                self._leave(link, f"cannot be opened, {error.strerror}")
        self._walk.files.sort()
        return self._walk

    def _enter(self, folder: Path) -> None:
        pending = [folder]
        while pending:
            place = pending.pop()
            try:
                entries = list(os.scandir(place))
            except OSError as error:
                if place == self._root:
                    raise
                self._leave(place, f"folders that cannot be opened, {error.strerror}")
                continue
            names = {entry.name for entry in entries}
            if place != self._root and not self._results and any(one <= names for one in _RESULTS):
                self._leave(place, "folders of results")
                continue
            pending += (path for entry in entries for path in self._tried(entry))

    def _tried(self, entry: os.DirEntry[str]) -> Iterator[Path]:
        """The same as `_take`, of what may be gone, closed or a link to itself by now."""
        try:
            yield from self._take(entry)
        except OSError as error:
            self._leave(Path(entry.path), f"cannot be opened, {error.strerror}")

    def _take(self, entry: os.DirEntry[str]) -> Iterator[Path]:
        """Keep a file, note what is left out, and give back a folder to be entered."""
        path = Path(entry.path)
        folder = entry.is_dir(follow_symlinks=False)
        if entry.name.startswith(".") or entry.name in _MACHINE:
            self._leave(path, HIDDEN if entry.is_dir() else HIDDEN_FILES)
        elif folder:
            identity = _identity(path)
            if identity in self._apart:
                self._leave(path, "given elsewhere")
            elif identity not in self._seen:  # a mount may show one twice
                self._seen.add(identity)
                yield path
        elif entry.is_dir():
            self._links.append(path)
        elif not entry.is_file():
            gone = entry.is_symlink() and not path.exists()
            self._leave(path, "links to nothing" if gone else "neither files nor folders")
        elif self._apart and _identity(path) in self._apart:
            self._leave(path, "given elsewhere")
        else:
            self._walk.files.append(path)

    def _follow(self, link: Path) -> None:
        identity = _identity(link)
        if identity in self._apart:
            self._leave(link, "given elsewhere")
        elif identity in self._seen or self._root.resolve().is_relative_to(link.resolve()):
            self._leave(link, "links to folders that are read already")
        else:
            self._seen.add(identity)
            self._enter(link)

    def _leave(self, path: Path, reason: str) -> None:
        self._walk.left_out.append(LeftOut(path=path, reason=reason))


def _identity(path: Path) -> _Identity:
    state = path.stat()
    return state.st_dev, state.st_ino
