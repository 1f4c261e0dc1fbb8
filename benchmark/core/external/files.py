"""What models outside this process share: on what terms they are used, and files by name."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path

from benchmark.core.checkpoints.resolve import sha256_of
from benchmark.core.errors import BadOutput, DataError
from benchmark.core.filenames import cut_name, plain_name, same_name
from benchmark.core.types import NamedImage
from benchmark.core.walk import walk

LEVELS = ("inpainter", "dataset", "bucket")  # the folders a file may lie in, outermost first


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOptions:
    """On what terms a program or a folder outside is used.

    Attributes:
        recomposite: whether the known region is pasted back over finished images.
        timeout: seconds that a program may take for a chunk.
        logs: folder for what programs print, or None to keep only the last line.
        env: variables of the environment that programs get though they look like secrets.
        several: those of `LEVELS` of which the run has more than one: files have to tell them
            apart.
        alike: names, as `alike_of` has them, that two samples of the run share: only a file of the
            very name is theirs.
    """

    recomposite: bool = False
    timeout: float = 600.0
    logs: Path | None = None
    env: tuple[str, ...] = ()
    several: frozenset[str] = frozenset()
    alike: frozenset[str] = frozenset()


def alike_of(samples: Iterable[str]) -> frozenset[str]:
    """The names that several samples share once case, composition and separators are the same."""
    times = Counter(name for sample in set(samples) for name in _loose(sample))
    return frozenset(name for name, count in times.items() if count > 1)


def _loose(sample: str) -> set[str]:
    return {same_name(sample), same_name(plain_name(sample))}


class NamedFiles:
    """The files below a folder by what they are of: [INPAINTER/][DATASET/][BUCKET/]SAMPLE.

    A level may be left out where the run has only one of it. Slashes in a sample's name may be
    folders or, as in what `bench run --save-images` writes, "_". Where no name is the same, one
    that differs in Unicode composition (NFC) or case alone is taken; but of samples that differ in
    no more than that, each has to have a file of the very name.

    Args:
        folder: the folder.
        suffixes: of the files that count, such as ".png".
        names: further names of a file by its own, for programs that add to the image's.

    Raises:
        DataError: if there is no such folder, or no such file in it.
    """

    def __init__(
        self,
        folder: Path,
        suffixes: Iterable[str],
        names: Callable[[str], Iterable[str]] = lambda _: (),
    ) -> None:
        self.folder = folder
        self._files: dict[str, list[Path]] = defaultdict(list)
        self._folded: dict[str, list[Path]] = defaultdict(list)
        if not folder.is_dir():
            what = "a file, expected a folder" if folder.exists() else "no such folder"
            raise DataError(f"{folder}: {what}")
        for path in files_below(folder):
            if path.suffix.lower() in suffixes:
                for name in dict.fromkeys((self.name(path), *names(self.name(path)))):
                    self._files[name].append(path)
                    self._folded[same_name(name)].append(path)
        if not self._files:
            raise DataError(f"{folder}: no files ({', '.join(sorted(suffixes))}) in this folder")

    def __iter__(self) -> Iterator[Path]:
        """All of the files, each once."""
        return iter(dict.fromkeys(path for found in self._files.values() for path in found))

    def name(self, path: Path) -> str:
        """A file's path in the folder without its ending."""
        return path.relative_to(self.folder).with_suffix("").as_posix()

    def find(self, piece: NamedImage, terms: ExternalOptions) -> Path:
        """The file of a piece.

        Args:
            piece: an image; its image is not looked at.
            terms: which levels a path must name, and which samples are alike.

        Raises:
            BadOutput: if there is none, or more than one; the message names the path expected.
        """
        alike = bool(terms.alike and _loose(piece.sample) & terms.alike)
        names = list(_names(piece, terms.several, alike=alike))
        exact = (self._files.get(name, []) for name in names)
        folded = (self._folded.get(same_name(name), []) for name in names if not alike)
        for found in (*exact, *folded):
            if len(found) > 1:
                files = " and ".join(str(path) for path in found)
                raise BadOutput(f"{files}: two files of one name; one must go")
            if found:
                return found[0]
        why = "; another sample's name differs in case or signs alone, so none like it is taken"
        raise BadOutput(f"{self.folder / names[-1]}.*: no such file{why if alike else ''}")


def _names(piece: NamedImage, several: frozenset[str], *, alike: bool) -> Iterator[str]:
    """The names that a file may have, those that say most first."""
    levels = [level for level in LEVELS if getattr(piece, level)]
    for count in range(len(levels), -1, -1):
        for chosen in combinations(levels, count):
            if several & set(levels) <= set(chosen):
                folders = [getattr(piece, level) for level in chosen]
                plain = () if alike else (plain_name(piece.sample),)
                for sample in dict.fromkeys((cut_name(piece.sample), *plain, piece.sample)):
                    yield "/".join((*folders, sample))


def files_below(folder: Path) -> list[Path]:
    """All files below a folder in the order of their paths, hidden ones and caches left out."""
    return walk(folder).files


def digest_of(path: Path) -> str:
    """SHA-256 of a file, or of the names and contents of all files below a folder.

    A file whose size and time have not changed is read once in a process.
    """
    if path.is_dir():
        files = files_below(path)
        told = [f"{file.relative_to(path).as_posix()}\0{digest_of(file)}\0" for file in files]
        return hashlib.sha256("".join(told).encode()).hexdigest()
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1 << 20)
def _digest(path: Path, size: int, changed: int) -> str:
    return sha256_of(path)
