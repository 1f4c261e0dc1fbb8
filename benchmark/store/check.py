"""Look a store over: every row against its mark, every file against its row.

Rows that are damaged, or whose file is, are dropped: the run that needs them makes them anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.core.errors import DamagedStore, DataError
from benchmark.store.database import Database, StoredRow, suffix_of
from benchmark.store.files import is_draft
from benchmark.store.recover import recover_database, unfinished_recoveries
from benchmark.store.store import (
    PREFIXES,
    Store,
    decode_heatmap,
    decode_image,
    digest_of,
    file_name,
    is_store,
    open_files,
    rows_folder,
)

AGAIN = "dropped; run again to make it anew"
_WORDS = {
    "database": "damaged database",
    "row": "damaged answer",
    "file": "damaged file",
    "missing": "missing file",
    "orphan": "orphan file",
    "other": "another answer",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFinding:
    """Something that is not as it should be.

    Attributes:
        kind: a damaged "database", "row" or "file", a "missing" file, or an "orphan": a file that
            no row knows, left by a run that was killed or by a row that was lost; "other" for an
            answer that is another when it is computed anew.
        where: the file, or the folder of the database.
        said: what was done or is to be done about it.
    """

    kind: Literal["database", "row", "file", "missing", "orphan", "other"]
    where: str
    said: str

    @property
    def line(self) -> str:
        """It in one line."""
        return f"{_WORDS[self.kind]}: {self.where}: {self.said}"


def check_store(place: str | Path) -> Iterator[StoreFinding]:
    """Find what is damaged or missing in a store, and drop the answers that it concerns.

    Other runs may go on meanwhile, unless the database itself is damaged.

    Args:
        place: the store.

    Raises:
        DataError: if there is no store.
        OutputError: if it cannot be read or written.
    """
    if not is_store(place):
        raise DataError(f"{place}: is no store of answers; name one with --store")
    yield from _check_database(place)
    with Store(place) as store:
        for shelf in PREFIXES:
            yield from _check_shelf(store, shelf)


def origins_of(place: str | Path) -> dict[str, int]:
    """How many answers of a store came with each merged run; the others were computed for it.

    Raises:
        OutputError: if it cannot be read.
    """
    with Database(rows_folder(place), place, read_only=True) as rows:
        return rows.origins()


def _check_database(place: str | Path) -> Iterator[StoreFinding]:
    folder = rows_folder(place)
    stopped = "an earlier saving was stopped; " if unfinished_recoveries(folder) else ""
    try:
        if stopped:
            raise DamagedStore(f"{folder}: its saving was stopped")
        with Database(folder, place) as rows:
            if not rows.whole():
                raise DamagedStore(f"{folder}: its pages are not in order")
            with rows.writing():
                damaged = rows.sweep()
        for _ in range(damaged):
            yield StoreFinding(kind="row", where=str(folder), said=AGAIN)
    except DamagedStore:
        count, aside = recover_database(folder, open_files(place))
        yield StoreFinding(
            kind="database",
            where=str(folder),
            said=f"{stopped}put aside as {aside}, {count} answers saved; run again to make the "
            "others anew",
        )


def _check_shelf(store: Store, shelf: str) -> Iterator[StoreFinding]:
    with store.table.writing():  # so no run is half-way between a file and its row
        files = set(store.files.shelf(shelf))
        rows = store.table.below(shelf)
    own = {file_name(row.key, suffix_of(row)) for row in rows if suffix_of(row)}
    for row in rows:
        if suffix_of(row):
            yield from _check_file(store, row)
    for name in sorted(files - own):
        if not is_draft(name):
            said = "no answer needs it; 'bench clean' removes it"
            yield StoreFinding(kind="orphan", where=store.files.where(name), said=said)


def _check_file(store: Store, row: StoredRow) -> Iterator[StoreFinding]:
    """A file's bytes against its row; a file of an older version gets its digest here."""
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
    """Ending and digest of a row's file as it is, "" where it is no such file, None where none."""
    suffix = suffix_of(row)
    content = store.files.read(file_name(row.key, suffix))
    if content is None:
        return None
    if row.file is None:
        decode = decode_image if suffix == ".png" else decode_heatmap
        if not content or decode(content) is None:
            return ""
    return f"{suffix}:{digest_of(content)}"
