"""The store: images and heatmaps as files under their key, rows in one SQLite database.

A row is written after its file, and a file is renamed to its name only when it is complete: an
output with a row is complete. The row holds the file's digest, which is checked at every read.
Equal keys mean equal outputs, so several runs may share a store: one process writes at a time, and
an output that another run has stored in the meantime is kept.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import DamagedOutput, DamagedStore, OutputError
from benchmark.core.filenames import printable
from benchmark.core.locks import lock_folder
from benchmark.core.paths import home, make_folder
from benchmark.core.secrets import secret_in_address
from benchmark.core.types import Mask, Pixels
from benchmark.store.database import DATABASE, Database
from benchmark.store.encoding import (
    StoredOutput,
    decode_heatmap,
    decode_image,
    decode_mask,
    digest_of,
)
from benchmark.store.files import FileStore, FolderFileStore, RemoteFileStore
from benchmark.store.row import MAX_ORIGIN, SUFFIXES, StoredRow, is_key, suffix_of

_WAIT = 60.0  # seconds to wait for a process that cleans the store
OBJECTS = "objects"  # below the store: the files
PREFIXES = tuple(f"{number:02x}" for number in range(256))  # of keys, and folders of files
STORES = "stores"  # below $BENCH_HOME: the rows of stores whose files are remote


class Store:
    """Outputs of models by key, shared by runs.

    Args:
        place: a folder, created if missing, or an address such as s3://bucket/prefix for the files;
            then the rows are on this machine, below $BENCH_HOME or the platform's cache folder.
        read_only: open without creating or changing anything. A store without write permission is
            always opened so.

    Attributes:
        place: as above.
        root: the folder of the rows.
        table: the rows.
        files: the files.

    Raises:
        OutputError: if it cannot be created, written or read as a store.
    """

    def __init__(self, place: str | Path, *, read_only: bool = False) -> None:
        if secret := secret_in_address(str(place)):
            raise OutputError(
                f"the store's address holds a secret ({secret}), which record and messages would "
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
        self._read_only = read_only
        self._prefetched: dict[str, StoredRow] = {}

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
        """Keep `bench clean --unneeded` from removing outputs while a run uses the store.

        Raises:
            OutputError: if the store is being cleaned and that does not end in time.
        """
        with lock_folder(self.root, shared=True, wait=_WAIT) as held:
            if held is False:
                raise OutputError(
                    f"{self.place}: 'bench clean --unneeded' is using it; try again later"
                )
            yield

    def prefetch(self, keys: Sequence[str]) -> None:
        """Read the rows of `keys` in one query, so that loading their outputs needs none.

        For stores opened with `read_only=True`, whose rows do not change here. Earlier prefetched
        rows are forgotten.

        Raises:
            OutputError: if the store cannot be read.
        """
        self._prefetched = self.table.get(keys)

    def known(self, keys: Sequence[str]) -> set[str]:
        """Return those of `keys` that have an output.

        Raises:
            OutputError: if the store cannot be read.
        """
        return set(self._rows(keys))

    def put(self, outputs: Iterable[StoredOutput]) -> None:
        """Store outputs: files first, then all rows at once. Existing outputs are kept.

        Raises:
            OutputError: if the disk is full or cannot be written; no partial output remains.
        """
        by_key = {output.key: output for output in outputs}
        with self.table.writing():
            existing = self.table.get(list(by_key))
            new = [output for key, output in by_key.items() if key not in existing]
            self.files.write(
                {
                    file_name(output.key, output.suffix): output.content
                    for output in new
                    if output.suffix
                }
            )
            self.table.put(output.row for output in new)

    def merge_from(self, other: str | Path, *, origin: str) -> None:
        """Import the outputs of another store that this one lacks: files first, then rows.

        Files are hard-linked on the same file system, else copied.

        Args:
            other: the other store.
            origin: name of the other store, recorded in each imported row.

        Raises:
            OutputError: if either cannot be read or written.
        """
        files = open_files(other)
        with Database(rows_folder(other), other, read_only=True) as database:
            for prefix in PREFIXES:
                theirs = database.with_prefix(prefix)
                with self.table.writing():
                    existing = self.table.get([row.key for row in theirs])
                    new = [row for row in theirs if row.key not in existing]
                    self.files.take(
                        files, [file_name(row.key, suffix_of(row)) for row in new if suffix_of(row)]
                    )
                    self.table.put(row._replace(origin=origin[:MAX_ORIGIN]) for row in new)

    def measurements(self, keys: Sequence[str]) -> list[NDArray[np.float64] | None]:
        """Return the values of a metric for each key, (K,) float64, or None if missing."""
        found = self.table.get(keys)
        return [
            np.frombuffer(found[key].numbers, dtype="<f8") if key in found else None for key in keys
        ]

    def scores(self, keys: Sequence[str]) -> list[float | None]:
        """Return the detector's score for each key, or None if missing."""
        found = self._rows(keys)
        return [found[key].score if key in found else None for key in keys]

    def image(self, key: str) -> Pixels:
        """Return the image stored under a key, (H, W, 3) uint8 RGB.

        Raises:
            DamagedOutput: if the file is missing or damaged; its row is dropped, so that a rerun
                computes it again.
        """
        with self._dropping_damaged():
            return load_image(self.files, key, self._recorded_file(key))

    def heatmap(self, key: str) -> NDArray[np.float16]:
        """Return the heatmap stored under a key, (H, W) float16 logits.

        Raises:
            DamagedOutput: as `image`.
        """
        with self._dropping_damaged():
            return load_heatmap(self.files, key, self._recorded_file(key))

    def mask(self, key: str) -> Mask:
        """Return the mask stored under a key, (H, W) bool, True = hole.

        Raises:
            DamagedOutput: as `image`.
        """
        with self._dropping_damaged():
            content = _read_checked(self.files, key, ".png", self._recorded_file(key))
            mask = decode_mask(content) if content else None
            if mask is None:
                raise DamagedOutput(self.files.where(file_name(key, ".png")), key)
            return mask

    def drop(self, key: str) -> None:
        """Drop the row of an output whose file is missing or damaged: a rerun computes it again."""
        if self._read_only:
            return
        with self.table.writing():
            self.table.drop([key])

    def _recorded_file(self, key: str) -> str | None:
        row = self._rows([key]).get(key)
        return row.file if row else ""

    def _rows(self, keys: Sequence[str]) -> dict[str, StoredRow]:
        """Return the rows of `keys` by key, from the prefetched ones if all are among them."""
        found = {key: self._prefetched[key] for key in keys if key in self._prefetched}
        return found if len(found) == len(set(keys)) else self.table.get(keys)

    @contextmanager
    def _dropping_damaged(self) -> Iterator[None]:
        try:
            yield
        except DamagedOutput as error:
            self.drop(error.key)
            raise


def _is_read_only(folder: Path) -> bool:
    database = folder / DATABASE
    return database.is_file() and not (os.access(folder, os.W_OK) and os.access(database, os.W_OK))


def is_address(place: str | Path) -> bool:
    """Return whether a store's place is an address for fsspec rather than a folder."""
    return "://" in str(place)


def rows_folder(place: str | Path) -> Path:
    """Return the folder of a store's rows: the store itself, or a local one for an address."""
    if not is_address(place):
        return Path(place)
    digest = blake2b(str(place).rstrip("/").encode(), digest_size=8).hexdigest()
    return home() / STORES / digest


def open_files(place: str | Path) -> FileStore:
    """Return access to a store's files.

    Raises:
        OutputError: if its address cannot be used.
    """
    if is_address(place):
        return RemoteFileStore(f"{str(place).rstrip('/')}/{OBJECTS}")
    return FolderFileStore(Path(place) / OBJECTS)


def absolute(place: str | Path) -> str:
    """Return a store's place independent of the current folder."""
    return str(place) if is_address(place) else os.path.normpath(Path(place).absolute())


def is_store(place: str | Path) -> bool:
    """Return whether a place holds a store."""
    try:
        return (rows_folder(place) / DATABASE).is_file()
    except OSError:  # not a valid name of a folder
        return False


def file_name(key: str, suffix: str) -> str:
    """Return the name of a key's file, such as "ab/abcd.png".

    Raises:
        DamagedStore: if key or suffix is not valid: both become part of a path.
    """
    if not is_key(key) or suffix not in SUFFIXES:
        raise DamagedStore(f"{printable(key + suffix)}: not the name of a stored file")
    return f"{key[:2]}/{key}{suffix}"


def load_image(files: FileStore, key: str, recorded: str | None) -> Pixels:
    """Return the image stored under a key, (H, W, 3) uint8 RGB, without using the database.

    Args:
        files: the store's files.
        key: the job's key.
        recorded: suffix and digest from the row, as `StoredRow.file`; "" without a row.

    Raises:
        DamagedOutput: if the file is missing, or differs from what was written.
    """
    content = _read_checked(files, key, ".png", recorded)
    pixels = decode_image(content) if content else None
    if pixels is None:
        raise DamagedOutput(files.where(file_name(key, ".png")), key)
    return pixels


def load_heatmap(files: FileStore, key: str, recorded: str | None) -> NDArray[np.float16]:
    """Return the heatmap stored under a key, (H, W) float16 logits; otherwise as `load_image`."""
    content = _read_checked(files, key, ".npy", recorded)
    logits = decode_heatmap(content) if content else None
    if logits is None:
        raise DamagedOutput(files.where(file_name(key, ".npy")), key)
    return logits


def _read_checked(files: FileStore, key: str, suffix: str, recorded: str | None) -> bytes | None:
    """Return the file's bytes if they match the recorded digest, else None."""
    content = files.read(file_name(key, suffix))
    if content is None:
        return None
    return content if recorded in (None, f"{suffix}:{digest_of(content)}") else None
