"""Recursive listing of a folder: files, and what was skipped and why.

Links to folders are followed once. Hidden files and folders, broken links, unreadable folders and,
for images, results of earlier runs are skipped and counted.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.core.errors import DataError

HIDDEN, HIDDEN_FILES = "hidden folders", "hidden files"  # reasons
_MACHINE = frozenset({"__pycache__", "__MACOSX", "@eaDir", "$RECYCLE.BIN"})  # system folders
# Files that mark a run's folder and a store: images in these are outputs, not inputs.
_RESULTS = (frozenset({"plan.toml", "record.json"}), frozenset({"answers.sqlite"}))
_Identity = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """A skipped file or folder.

    Attributes:
        path: the file or folder.
        reason: why, as a plural such as "hidden folders".
    """

    path: Path
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """The content of a folder.

    Attributes:
        files: usable files, sorted by path.
        left_out: skipped folders, links and hidden files.
    """

    files: list[Path] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def walk(folder: Path, *, without: Collection[Path] = (), results: bool = True) -> Walk:
    """List the files below a folder, or the single file that `folder` itself is.

    Args:
        folder: the folder; it is read even if its name is hidden.
        without: files and folders to skip if they are below it.
        results: whether folders of runs and stores below it are listed too.

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
    """State of one walk: real folders first, so that they keep their names, then linked ones."""

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
        """Call `_take` for an entry that may be gone, unreadable or a link to itself by now."""
        try:
            yield from self._take(entry)
        except OSError as error:
            self._leave(Path(entry.path), f"cannot be opened, {error.strerror}")

    def _take(self, entry: os.DirEntry[str]) -> Iterator[Path]:
        """Record a file or what is skipped, and yield a folder that is to be entered."""
        path = Path(entry.path)
        folder = entry.is_dir(follow_symlinks=False)
        if entry.name.startswith(".") or entry.name in _MACHINE:
            self._leave(path, HIDDEN if entry.is_dir() else HIDDEN_FILES)
        elif folder:
            identity = _identity(path)
            if identity in self._apart:
                self._leave(path, "given elsewhere")
            elif identity not in self._seen:  # a bind mount may show a folder twice
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
