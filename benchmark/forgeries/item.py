"""What a set of forgeries is made of: items, and where the bytes of an image or a truth are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from benchmark.core.errors import DataError
from benchmark.core.image_limits import LARGEST_FILE
from benchmark.core.untrusted import read_limited

# How the file of a truth marks the forged pixels. "white" and "black": levels of 128 and more are
# white, as in every mask file; "nonzero": all levels above 0; "above-10", "above-25": all above
# that level; "green": green above red; "all": there is no file, every pixel is forged.
TruthRule = Literal["white", "black", "nonzero", "above-10", "above-25", "green", "all"]


class ByteSource(Protocol):
    """Where the bytes of an image or a truth are; instances are hashable and can be pickled."""

    @property
    def label(self) -> str:
        """What messages call it."""

    def read(self, most: int = LARGEST_FILE) -> bytes:
        """Return the bytes.

        Args:
            most: bytes that there may be.

        Raises:
            DataError: if they cannot be read, or are more.
        """

    def sha256(self, most: int = LARGEST_FILE) -> str:
        """Return the SHA-256 of the bytes, in hexadecimal.

        Raises:
            DataError: as `read`.
        """

    def as_file(self) -> AbstractContextManager[Path]:
        """Return a context manager of a file with the bytes; it may end with the block.

        Raises:
            DataError: as `read`.
        """


@dataclass(frozen=True, slots=True)
class FileBytes:
    """A file."""

    path: Path

    @property
    def label(self) -> str:
        """What messages call it."""
        return str(self.path)

    def read(self, most: int = LARGEST_FILE) -> bytes:
        """Return the bytes of the file.

        Raises:
            DataError: if it cannot be read, is no regular file, or is larger.
        """
        try:
            return read_limited(self.path, most)
        except OSError as error:
            raise DataError(f"{self.path}: cannot be read ({error.strerror})") from None
        except ValueError as error:
            raise DataError(f"{self.path}: {error}") from None

    def sha256(self, most: int = LARGEST_FILE) -> str:
        """Return the SHA-256 of the file.

        Raises:
            DataError: as `read`.
        """
        return hashlib.sha256(self.read(most)).hexdigest()

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """Yield the file itself."""
        yield self.path


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgeryItem:
    """A forged or authentic image, with its truth.

    Attributes:
        name: unique within its set, in the form of a POSIX path.
        image: where the image's bytes are.
        mask: where the truth's bytes are, or None: for an authentic image nothing is forged, for a
            forged one nothing is known, unless `truth` is "all".
        authentic: whether the image is no forgery.
        original: name of the authentic image that the forgery was made from, as the set has it
            (mostly the name of another item, or a path), or "".
        group: what identifies the original photograph: items of one group are not independent. The
            item's own name where the set does not tell.
        subset: a part of the set by which results are listed, or "".
        method: what the forgery was made with, or "".
        truth: how the truth marks the forged pixels.
    """

    name: str
    image: ByteSource
    mask: ByteSource | None = None
    authentic: bool = False
    original: str = ""
    group: str
    subset: str = ""
    method: str = ""
    truth: TruthRule = "white"

    @property
    def has_truth(self) -> bool:
        """Whether it is known which pixels are forged."""
        return self.authentic or self.mask is not None or self.truth == "all"

    def fingerprint(self) -> str:
        """Return a hash of everything about the item that decides a result: image and truth.

        Raises:
            DataError: if their bytes cannot be read.
        """
        truth = "" if self.mask is None else self.mask.sha256()
        parts = (self.image.sha256(), truth, self.truth, "authentic" if self.authentic else "")
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipped:
    """Something that belongs to a set and is not an item.

    Attributes:
        name: what it is called, as an item would be.
        reason: why it is left out; the same text for all that are left out for this reason.
    """

    name: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgerySet:
    """The items of a folder, manifest or list.

    Attributes:
        items: in the order of their names.
        layout: name of the layout that they were found by.
        notes: one line each on what was guessed, left out or is missing.
        skipped: what belongs to the set and is not used.
    """

    items: tuple[ForgeryItem, ...]
    layout: str
    notes: tuple[str, ...] = ()
    skipped: tuple[Skipped, ...] = ()

    @property
    def forged(self) -> int:
        """The number of forged images."""
        return sum(not item.authentic for item in self.items)

    @property
    def authentic(self) -> int:
        """The number of authentic images."""
        return sum(item.authentic for item in self.items)

    @property
    def groups(self) -> int:
        """The number of original photographs: the n of statistics clustered by original."""
        return len({item.group for item in self.items})
