"""Check a store: every row against its checksum, every file against its row.

Damaged rows, and rows whose file is damaged or missing, are dropped: the run that needs them
computes them again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.core.errors import DamagedStore, DataError
from benchmark.store.database import Database
from benchmark.store.encoding import decode_heatmap, decode_image, digest_of
from benchmark.store.files import is_draft
from benchmark.store.recover import recover_database, unfinished_recoveries
from benchmark.store.row import StoredRow, suffix_of
from benchmark.store.store import PREFIXES, Store, file_name, is_store, open_files, rows_folder

AGAIN = "dropped; rerun to regenerate it"
_LABELS = {
    "database": "damaged database",
    "row": "damaged output",
    "file": "damaged file",
    "missing": "missing file",
    "orphan": "orphan file",
    "other": "different output",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFinding:
    """A problem found in a store or in a run's folder.

    Attributes:
        kind: a damaged "database", "row" or "file", a "missing" file, or an "orphan": a file
            without a row, left by a killed run or by a lost row; "other" for an output that
            differs when it is recomputed.
        where: the file, or the folder of the database.
        said: what was done about it, or has to be; a key of `bench check --json`.
    """

    kind: Literal["database", "row", "file", "missing", "orphan", "other"]
    where: str
    said: str

    @property
    def line(self) -> str:
        """The finding in one line."""
        return f"{_LABELS[self.kind]}: {self.where}: {self.said}"


def check_store(place: str | Path) -> Iterator[StoreFinding]:
    """Find what is damaged or missing in a store, and drop the rows concerned.

    Other runs may use the store meanwhile, unless the database itself is damaged.

    Args:
        place: the store.

    Raises:
        DataError: if there is no store.
        OutputError: if it cannot be read or written.
    """
    if not is_store(place):
        raise DataError(f"{place}: is not a store; name one with --store")
    yield from _check_database(place)
    with Store(place) as store:
        for prefix in PREFIXES:
            yield from _check_prefix(store, prefix)


def origins_of(place: str | Path) -> dict[str, int]:
    """Return the number of outputs that a store imported from each merged run.

    Raises:
        OutputError: if it cannot be read.
    """
    with Database(rows_folder(place), place, read_only=True) as database:
        return database.origins()


def _check_database(place: str | Path) -> Iterator[StoreFinding]:
    folder = rows_folder(place)
    interrupted = "an earlier recovery was interrupted; " if unfinished_recoveries(folder) else ""
    try:
        if interrupted:
            raise DamagedStore(f"{folder}: its recovery was interrupted")
        with Database(folder, place) as database:
            if not database.is_intact():
                raise DamagedStore(f"{folder}: its pages are damaged")
            with database.writing():
                damaged = database.delete_damaged()
        for _ in range(damaged):
            yield StoreFinding(kind="row", where=str(folder), said=AGAIN)
    except DamagedStore:
        recovery = recover_database(folder, open_files(place))
        yield StoreFinding(
            kind="database",
            where=str(folder),
            said=f"{interrupted}moved to {recovery.aside}, {recovery.rows} outputs recovered; "
            "rerun to regenerate the others",
        )


def _check_prefix(store: Store, prefix: str) -> Iterator[StoreFinding]:
    with store.table.writing():  # so that no run is between writing a file and its row
        files = set(store.files.list_files(prefix))
        rows = store.table.with_prefix(prefix)
    own = {file_name(row.key, suffix_of(row)) for row in rows if suffix_of(row)}
    for row in rows:
        if suffix_of(row):
            yield from _check_file(store, row)
    for name in sorted(files - own):
        if not is_draft(name):
            said = "no row refers to it; 'bench clean' removes it"
            yield StoreFinding(kind="orphan", where=store.files.where(name), said=said)


def _check_file(store: Store, row: StoredRow) -> Iterator[StoreFinding]:
    """Check a file against its row; add the digest to a row of an older version."""
    name = file_name(row.key, suffix_of(row))
    found = _state(store, row)
    if found == row.file:
        return
    with store.table.writing():
        if store.table.get([row.key]).get(row.key) != row:
            return  # another run has dropped it meanwhile
        found = _state(store, row)
        if row.file is None and found:
            store.table.put([row._replace(file=found)])
            return
        if found == row.file:
            return
        store.table.drop([row.key])
        if found is not None:
            store.files.remove([name])
    kind: Literal["missing", "file"] = "missing" if found is None else "file"
    yield StoreFinding(kind=kind, where=store.files.where(name), said=AGAIN)


def _state(store: Store, row: StoredRow) -> str | None:
    """Return suffix and digest of a row's file, "" if it does not decode, None if it is missing."""
    suffix = suffix_of(row)
    content = store.files.read(file_name(row.key, suffix))
    if content is None:
        return None
    if row.file is None:
        decode = decode_image if suffix == ".png" else decode_heatmap
        if not content or decode(content) is None:
            return ""
    return f"{suffix}:{digest_of(content)}"
