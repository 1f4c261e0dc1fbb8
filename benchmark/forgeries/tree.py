"""The files below a folder, walked once, by their paths in it; case does not matter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path

from benchmark.core.filenames import printable
from benchmark.core.images import is_image
from benchmark.core.walk import LeftOut, walk


class Tree:
    """Files by their paths below a folder, in the order of the paths.

    Linked folders are followed once, hidden files and folders are left out (`core.walk`). Look-ups
    ignore case, as archives are unpacked on file systems that do.

    Args:
        folder: what the paths begin at.
        files: by path in POSIX form, with the case that the file system has.
        left_out: what lies there and cannot be used.
    """

    def __init__(
        self, folder: Path, files: Mapping[str, Path], left_out: Iterable[LeftOut] = ()
    ) -> None:
        self.folder = folder
        self.files = dict(files)
        self.left_out = tuple(left_out)

    @classmethod
    def of(cls, folder: Path) -> Tree:
        """Walk a folder.

        Raises:
            DataError: if there is no such folder, or it cannot be read.
        """
        found = walk(folder, results=False)
        files = {path.relative_to(folder).as_posix(): path for path in found.files}
        return cls(folder, files, found.left_out)

    def __iter__(self) -> Iterator[str]:
        return iter(self.files)

    @cached_property
    def _folded(self) -> dict[str, str]:
        return {name.casefold(): name for name in self.files}

    @cached_property
    def folders(self) -> Mapping[str, str]:
        """The paths of all folders that hold a file, by their folded form; "" for the top."""
        found = {parent(name) for name in self.files}
        for name in list(found):
            while name := parent(name):
                found.add(name)
        return {name.casefold(): name for name in sorted(found | ({""} if found else set()))}

    def find(self, *names: str) -> Path | None:
        """Return the first of some files that is there, or None."""
        for name in names:
            if (found := self._folded.get(name.casefold())) is not None:
                return self.files[found]
        return None

    def has(self, name: str) -> bool:
        """Whether there is a file or folder of that path."""
        return name.casefold() in self._folded or name.casefold() in self.folders

    def below(self, folder: str) -> Tree:
        """Return the files below one of its folders, by their paths in that folder."""
        start = f"{folder.casefold()}/" if folder else ""
        return Tree(
            self.folder / folder if folder else self.folder,
            {
                name[len(start) :]: path
                for name, path in self.files.items()
                if name.casefold().startswith(start)
            },
        )

    def images(self, folder: str = "", *, deep: bool = False) -> dict[str, Path]:
        """Return the images in one of its folders by path, those in folders below it if `deep`."""
        start = f"{folder.casefold()}/" if folder else ""
        return {
            name: path
            for name, path in self.files.items()
            if name.casefold().startswith(start)
            and (deep or "/" not in name[len(start) :])
            and is_image(path)
        }

    @cached_property
    def top(self) -> tuple[str, ...]:
        """Names of the folders and files at its top, for messages."""
        return tuple(sorted({printable(name.partition("/")[0]) for name in self.files}))


def without_ending(name: str) -> str:
    """Return a path in POSIX form without the ending of its last part."""
    start, dot, ending = name.rpartition(".")  # pathlib would take most of the time of a large set
    return start if dot and "/" not in ending and start and not start.endswith("/") else name


def stem(name: str) -> str:
    """Return the last part of a path in POSIX form without its ending."""
    return without_ending(name.rpartition("/")[2])


def parent(name: str) -> str:
    """Return the folder of a path in POSIX form; "" at the top."""
    return name.rpartition("/")[0]


def item_names(paths: Iterable[str]) -> dict[str, str]:
    """Give each image's path the name of an item: without the ending, where that tells them apart.

    Characters that cannot be printed are written as escapes.
    """
    known = list(paths)
    short = {path: without_ending(path) for path in known}
    times = Counter(short.values())
    kept = {path: one if times[one] == 1 else path for path, one in short.items()}
    return {path: one if one.isprintable() else printable(one) for path, one in kept.items()}
