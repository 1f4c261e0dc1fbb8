"""The store: images and heatmaps as files under their key, rows in one SQLite database.

A row is written after its file, and a file takes its name only when it is whole: whatever has a row
is complete. The row knows the file's digest, and the file is compared with it whenever it is read.
The same key always means the same answer, so two runs may share a store: who writes is alone with
the database, and an answer that another run has given in the meantime stays.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import decode_array
from benchmark.core.errors import DamagedOutput, DamagedStore, OutputError
from benchmark.core.filenames import printable
from benchmark.core.locks import hold
from benchmark.core.paths import home, make_folder
from benchmark.core.secrets import secret_in_address
from benchmark.core.types import Mask, Pixels
from benchmark.store.database import (
    DATABASE,
    MOST_ORIGIN,
    SUFFIXES,
    Database,
    StoredRow,
    is_key,
    suffix_of,
)
from benchmark.store.files import FileStore, FolderFileStore, RemoteFileStore

_WAIT = 60.0  # seconds to wait for another's cleaning
_DEFLATE = 1032  # times smaller at most is what PNG's compression makes of an image
_WHITE = 255
OBJECTS = "objects"  # below the store: the files
PREFIXES = tuple(f"{number:02x}" for number in range(256))
STORES = "stores"  # below $BENCH_HOME: the rows of stores whose files are elsewhere


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOutput:
    """What a job answered, on its way to the store.

    Attributes:
        key: the job's key.
        suffix: ".png" of an image, ".npy" of a heatmap, "" where there is no file.
        content: the file's bytes.
        score: a detector's score in [0, 1], or None.
        numbers: (K,) float64 that a metric measured.
    """

    key: str
    suffix: str = ""
    content: bytes = b""
    score: float | None = None
    numbers: tuple[float, ...] = ()

    @property
    def row(self) -> StoredRow:
        """The row that goes with its file."""
        file = f"{self.suffix}:{digest_of(self.content)}" if self.suffix else ""
        numbers = np.asarray(self.numbers, dtype="<f8").tobytes()
        return StoredRow(self.key, self.score, numbers, file)


class Store:
    """Answers under their keys, in a place that outlives runs.

    Args:
        place: a folder, made if need be, or an address such as s3://bucket/prefix for the files;
            then the rows are on this machine, below $BENCH_HOME or the platform's cache folder.
        foreign: whether it may be another's and is only looked at: nothing is made or changed. So
            it is with one that cannot be written: what it has can be read, the rest not be kept.

    Attributes:
        place: as above.
        root: the folder that has the rows.
        table: the rows.
        files: the files.

    Raises:
        OutputError: if it cannot be made, written or read as a store.
    """

    def __init__(self, place: str | Path, *, read_only: bool = False) -> None:
        if said := secret_in_address(str(place)):
            raise OutputError(
                f"the store's address holds a secret ({said}), which record and messages would "
                "show; put it where fsspec looks for it, such as the environment"
            )
        self.place = place
        read_only = read_only or _is_read_only(rows_folder(place))
        try:
            self.root = rows_folder(place) if read_only else make_folder(rows_folder(place))
        except OutputError as error:
            raise OutputError(f"{error}; name another with --store, or set BENCH_HOME") from None
        self.files = open_files(place)
        self.table = Database(self.root, place, read_only=read_only)
        self._foreign = read_only

    def __enter__(self) -> Store:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.table.__exit__(kind, error, trace)

    @contextmanager
    def used(self) -> Iterator[None]:
        """While a run uses the store: nothing is cleaned that it may have asked for.

        Raises:
            OutputError: if it is being cleaned and that does not end.
        """
        with hold(self.root, shared=True, wait=_WAIT) as held:
            if held is False:
                raise OutputError(f"{self.place}: 'bench clean --unneeded' is at it; try again")
            yield

    def known(self, keys: Sequence[str]) -> set[str]:
        """Those of `keys` that have an answer.

        Raises:
            OutputError: if the store cannot be read.
        """
        return set(self.table.get(keys))

    def put(self, answers: Iterable[StoredOutput]) -> None:
        """Keep answers: files first, then all rows at once. An answer that is there stays.

        Raises:
            OutputError: if the disk is full or cannot be written; nothing half-written stays.
        """
        given = {answer.key: answer for answer in answers}
        with self.table.writing():
            there = self.table.get(list(given))
            new = [answer for key, answer in given.items() if key not in there]
            self.files.write(
                {
                    file_name(answer.key, answer.suffix): answer.content
                    for answer in new
                    if answer.suffix
                }
            )
            self.table.put(answer.row for answer in new)

    def merge_from(self, other: str | Path, *, origin: str) -> None:
        """Take over the answers of another store that this one lacks: files first, then rows.

        Files are linked where both lie on one file system, else copied.

        Args:
            other: the other store.
            origin: where it comes from, which each of its answers keeps.

        Raises:
            OutputError: if either cannot be read or written.
        """
        files = open_files(other)
        with Database(rows_folder(other), other, read_only=True) as rows:
            for shelf in PREFIXES:
                theirs = rows.below(shelf)
                with self.table.writing():
                    there = self.table.get([row.key for row in theirs])
                    new = [row for row in theirs if row.key not in there]
                    self.files.take(
                        files, [file_name(row.key, suffix_of(row)) for row in new if suffix_of(row)]
                    )
                    self.table.put(row._replace(origin=origin[:MOST_ORIGIN]) for row in new)

    def rows(self, keys: Sequence[str]) -> list[NDArray[np.float64] | None]:
        """What was measured under each key, (K,) float64, or None where there is no answer."""
        found = self.table.get(keys)
        return [
            np.frombuffer(found[key].numbers, dtype="<f8") if key in found else None for key in keys
        ]

    def scores(self, keys: Sequence[str]) -> list[float | None]:
        """The detector's score under each key, or None where there is no answer."""
        found = self.table.get(keys)
        return [found[key].score if key in found else None for key in keys]

    def picture(self, key: str) -> Pixels:
        """(H, W, 3) uint8 RGB that was inpainted under a key.

        Raises:
            DamagedOutput: if the file is gone or damaged; its row is dropped, running again heals.
        """
        with self._dropping():
            return load_image(self.files, key, self._said(key))

    def heatmap(self, key: str) -> NDArray[np.float16]:
        """(H, W) float16 logits kept under a key.

        Raises:
            DamagedOutput: if the file is gone or damaged; its row is dropped, running again heals.
        """
        with self._dropping():
            return load_heatmap(self.files, key, self._said(key))

    def mask(self, key: str) -> Mask:
        """(H, W) bool, True = hole, that is kept under a key; all else as `picture`."""
        with self._dropping():
            content = _content(self.files, key, ".png", self._said(key))
            mask = decode_mask(content) if content else None
            if mask is None:
                raise DamagedOutput(self.files.where(file_name(key, ".png")), key)
            return mask

    def drop(self, key: str) -> None:
        """Forget an answer whose file is gone or damaged: running again makes it anew."""
        if self._foreign:
            return
        with self.table.writing():
            self.table.drop([key])

    def _said(self, key: str) -> str | None:
        row = self.table.get([key]).get(key)
        return row.file if row else ""

    @contextmanager
    def _dropping(self) -> Iterator[None]:
        try:
            yield
        except DamagedOutput as error:
            self.drop(error.key)
            raise


def _is_read_only(folder: Path) -> bool:
    database = folder / DATABASE
    return database.is_file() and not (os.access(folder, os.W_OK) and os.access(database, os.W_OK))


def is_address(place: str | Path) -> bool:
    """Whether a store's place is an address for fsspec and no folder."""
    return "://" in str(place)


def rows_folder(place: str | Path) -> Path:
    """The folder that has a store's rows: its own, or for an address one on this machine."""
    if not is_address(place):
        return Path(place)
    digest = blake2b(str(place).rstrip("/").encode(), digest_size=8).hexdigest()
    return home() / STORES / digest


def open_files(place: str | Path) -> FileStore:
    """A store's files.

    Raises:
        OutputError: if its address cannot be used.
    """
    if is_address(place):
        return RemoteFileStore(f"{str(place).rstrip('/')}/{OBJECTS}")
    return FolderFileStore(Path(place) / OBJECTS)


def absolute(place: str | Path) -> str:
    """A store's place as it is known from any folder."""
    return str(place) if is_address(place) else os.path.normpath(Path(place).absolute())


def is_store(place: str | Path) -> bool:
    """Whether there is a store."""
    try:
        return (rows_folder(place) / DATABASE).is_file()
    except OSError:  # no name that a folder can have
        return False


def file_name(key: str, suffix: str) -> str:
    """Where the file of a key lies among the store's files.

    Raises:
        DamagedStore: if it is no key or no ending: either would become a path.
    """
    if not is_key(key) or suffix not in SUFFIXES:
        raise DamagedStore(f"{printable(key + suffix)}: no name of a stored file")
    return f"{key[:2]}/{key}{suffix}"


def digest_of(content: bytes) -> str:
    """128 bits, as 32 hexadecimal digits, by which a changed file shows."""
    return blake2b(content, digest_size=16).hexdigest()


def load_image(files: FileStore, key: str, said: str | None) -> Pixels:
    """(H, W, 3) uint8 RGB that was inpainted under a key, read without the database.

    Args:
        files: the store's.
        key: the job's key.
        said: what its row says of the file, as `StoredRow.file`; "" where there is no row.

    Raises:
        DamagedOutput: if the file is gone, or not what was written.
    """
    content = _content(files, key, ".png", said)
    pixels = decode_image(content) if content else None
    if pixels is None:
        raise DamagedOutput(files.where(file_name(key, ".png")), key)
    return pixels


def load_heatmap(files: FileStore, key: str, said: str | None) -> NDArray[np.float16]:
    """(H, W) float16 logits kept under a key; all else as `load_image`."""
    content = _content(files, key, ".npy", said)
    logits = decode_heatmap(content) if content else None
    if logits is None:
        raise DamagedOutput(files.where(file_name(key, ".npy")), key)
    return logits


def _content(files: FileStore, key: str, suffix: str, said: str | None) -> bytes | None:
    """The file's bytes if they are those that were written, else None."""
    content = files.read(file_name(key, suffix))
    if content is None:
        return None
    return content if said in (None, f"{suffix}:{digest_of(content)}") else None


def decode_image(content: bytes) -> Pixels | None:
    """(H, W, 3) uint8 RGB of a PNG file's bytes, or None where they are none."""
    bgr = _decoded(content, cv2.IMREAD_COLOR, channels=3)
    return (
        None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    )


def decode_mask(content: bytes) -> Mask | None:
    """(H, W) bool of the bytes of a PNG file in black and white, or None where they are none."""
    grey = _decoded(content, cv2.IMREAD_GRAYSCALE, channels=1)
    return None if grey is None else grey > _WHITE // 2


def _decoded(content: bytes, flag: int, *, channels: int) -> NDArray[Any] | None:
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if channels * width * height > _DEFLATE * len(content):
        return None  # a damaged header must not take the memory that it asks for
    try:
        return cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flag)
    except cv2.error:
        return None


def decode_heatmap(content: bytes) -> NDArray[np.float16] | None:
    """(H, W) float16 of a .npy file's bytes, or None where they are none."""
    logits = decode_array(content)
    return logits if logits is not None and logits.dtype == np.float16 else None


def image_output(key: str, pixels: Pixels) -> StoredOutput:
    """Keep an inpainted image, (H, W, 3) uint8 RGB, without loss."""
    return _png(key, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))


def mask_output(key: str, mask: Mask) -> StoredOutput:
    """Keep a mask, (H, W) bool, as an image in black and white: white = hole."""
    return _png(key, mask * np.uint8(_WHITE))


def _png(key: str, pixels: NDArray[Any]) -> StoredOutput:
    # on images smaller and twice as fast as the default
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    done, content = cv2.imencode(".png", pixels, fast)
    if not done:
        raise OutputError("an image could not be encoded as PNG")
    return StoredOutput(key=key, suffix=".png", content=content.tobytes())


def heatmap_output(key: str, logits: NDArray[np.float16], score: float) -> StoredOutput:
    """Keep a detector's heatmap, (H, W) float16 logits, and its score."""
    file = BytesIO()
    np.save(file, logits, allow_pickle=False)
    return StoredOutput(key=key, suffix=".npy", content=file.getvalue(), score=score)


def metric_output(key: str, row: NDArray[np.float64]) -> StoredOutput:
    """Keep what a metric measured on one sample: (K,) float64."""
    return StoredOutput(key=key, numbers=tuple(map(float, row)))
