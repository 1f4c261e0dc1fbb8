"""Options of external models, and lookup of their files by data set, bucket and sample."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from pathlib import Path

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import BadOutput, DataError
from benchmark.core.filenames import cut_name, plain_name, same_name
from benchmark.core.types import NamedImage
from benchmark.core.walk import walk

LEVELS = ("inpainter", "dataset", "bucket")  # possible folders of a file, outermost first


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalOptions:
    """A run's options for programs and folders of finished outputs.

    Attributes:
        recomposite: whether the known region is pasted over finished images.
        timeout: seconds that a program may take for a batch.
        logs: folder for programs' logs, or None to keep only the last line.
        env: environment variables that programs get although they look like secrets.
        several: those of `LEVELS` of which the run has more than one, so that paths must contain
            them.
        alike: names returned by `alike_of`; samples of these names need a file of their exact name.
    """

    recomposite: bool = False
    timeout: float = 600.0
    logs: Path | None = None
    env: tuple[str, ...] = ()
    several: frozenset[str] = frozenset()
    alike: frozenset[str] = frozenset()


def alike_of(samples: Iterable[str]) -> frozenset[str]:
    """Return the normalized names that several samples share; see `_loose`."""
    times = Counter(name for sample in set(samples) for name in _loose(sample))
    return frozenset(name for name, count in times.items() if count > 1)


def _loose(sample: str) -> set[str]:
    """Normalize a sample's name: ignore case, Unicode composition and separators."""
    return {same_name(sample), same_name(plain_name(sample))}


class NamedFiles:
    """Files below a folder, named [INPAINTER/][DATASET/][BUCKET/]SAMPLE.

    A level may be omitted if the run has only one of it. Slashes in a sample's name are folders or,
    as `bench run --save-images` writes them, "_". Without an exact match, a name that differs only
    in Unicode composition (NFC) or case matches; but samples whose names differ in no more than
    that need a file of their exact name.

    Args:
        folder: the folder.
        suffixes: accepted extensions, such as ".png".
        names: maps a file's name to further names, for programs that add a prefix or suffix.

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
        """Iterate over all files, each once."""
        return iter(dict.fromkeys(path for found in self._files.values() for path in found))

    def name(self, path: Path) -> str:
        """Return a file's relative path without its extension."""
        return path.relative_to(self.folder).with_suffix("").as_posix()

    def find(self, image: NamedImage, terms: ExternalOptions) -> Path:
        """Find the file of an image by its names.

        Args:
            image: the image; only its names are used.
            terms: which levels a path must contain, and which samples have similar names.

        Raises:
            BadOutput: if there is none, or more than one; with the expected path.
        """
        alike = bool(terms.alike and _loose(image.sample) & terms.alike)
        names = list(_names(image, terms.several, alike=alike))
        exact = (self._files.get(name, []) for name in names)
        folded = (self._folded.get(same_name(name), []) for name in names if not alike)
        for found in (*exact, *folded):
            if len(found) > 1:
                files = " and ".join(str(path) for path in found)
                raise BadOutput(f"{files}: two files of one name; remove one")
            if found:
                return found[0]
        why = (
            "; another sample's name differs in case or punctuation alone, so the name must match "
            "exactly"
        )
        raise BadOutput(f"{self.folder / names[-1]}.*: no such file{why if alike else ''}")


def _names(image: NamedImage, several: frozenset[str], *, alike: bool) -> Iterator[str]:
    """Yield the names that a file may have, most specific first."""
    levels = [level for level in LEVELS if getattr(image, level)]
    for count in range(len(levels), -1, -1):
        for chosen in combinations(levels, count):
            if several & set(levels) <= set(chosen):
                folders = [getattr(image, level) for level in chosen]
                plain = () if alike else (plain_name(image.sample),)
                for sample in dict.fromkeys((cut_name(image.sample), *plain, image.sample)):
                    yield "/".join((*folders, sample))


def files_below(folder: Path) -> list[Path]:
    """List all files below a folder, sorted by path, without hidden files and caches."""
    return walk(folder).files


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of all files below a folder.

    Cached in the process until a file's size or modification time changes.
    """
    if path.is_dir():
        files = files_below(path)
        parts = [f"{file.relative_to(path).as_posix()}\0{digest_of(file)}\0" for file in files]
        return hashlib.sha256("".join(parts).encode()).hexdigest()
    state = path.stat()
    return _digest(path, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=1 << 20)
def _digest(path: Path, size: int, changed: int) -> str:
    return sha256_of(path)
