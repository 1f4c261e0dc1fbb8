"""Save what can be saved of a damaged database: a new one is made of the rows that are whole.

The damaged one is put aside, never thrown away here. Rows of painted pictures hold nothing but
their file's name and digest, so they are made anew from pictures that still decode.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmark.core.errors import OutputError
from benchmark.runner.objects import Objects, is_draft
from benchmark.runner.rows import DATABASE, Row, Rows, row_of
from benchmark.runner.store import decode_picture, digest_of

ASIDE = "damaged"  # below the store: databases that were put aside
_PARTS = ("", "-wal", "-shm")  # a database and what SQLite keeps beside it
_DEEPEST = 3  # digits: 4,096 ranges, of which a damaged page takes few
_DIGITS = "0123456789abcdef"
_PAGE_SIZE, _PAGES, _FREE = slice(16, 18), slice(28, 32), slice(32, 40)  # in the file's header
_BATCH = 10_000


def salvage(folder: Path, files: Objects) -> tuple[int, Path]:
    """Put a damaged database aside and make a new one of what can be read of it.

    Args:
        folder: the store's folder with the database.
        files: the store's files.

    Returns:
        How many rows were saved, and the folder that has the damaged database now.

    Raises:
        OutputError: if the folder cannot be written; then nothing was changed.
    """
    aside = _put_aside(folder)
    with Rows(folder) as rows:
        for found in (_rows_in(aside / DATABASE), _pictures(files)):
            for batch in _batches(found):
                with rows.writing():
                    known = rows.get([row.key for row in batch])
                    rows.put(row for row in batch if row.key not in known)
        return rows.count(), aside


def _put_aside(folder: Path) -> Path:
    number = 1
    while (folder / ASIDE / str(number)).exists():
        number += 1
    aside = folder / ASIDE / str(number)
    try:
        aside.mkdir(parents=True)
        for part in reversed(_PARTS):  # the database last: a stop in between can be repeated
            if (folder / f"{DATABASE}{part}").exists():
                (folder / f"{DATABASE}{part}").replace(aside / f"{DATABASE}{part}")
    except OSError as error:
        raise OutputError(f"{aside}: cannot be written ({error.strerror})") from None
    return aside


def _rows_in(damaged: Path) -> Iterator[Row]:
    """Rows of a damaged database, of a copy of it, as it is and then with a first page of ours."""
    with TemporaryDirectory() as folder:
        copy = Path(folder, DATABASE)
        for own_page in (False, True):
            for part in _PARTS[:2]:
                if damaged.with_name(f"{DATABASE}{part}").exists():
                    shutil.copyfile(damaged.with_name(f"{DATABASE}{part}"), f"{copy}{part}")
            if own_page:
                _replace_first_page(copy)
            with closing(sqlite3.connect(copy)) as link:
                link.text_factory = bytes
                yield from _below("", link)
            for part in _PARTS:
                Path(f"{copy}{part}").unlink(missing_ok=True)


def _below(prefix: str, link: sqlite3.Connection) -> Iterator[Row]:
    """The whole rows of a range of keys; where it cannot be read, of the ranges within it."""
    try:
        found = link.execute(
            "SELECT key, score, numbers, file, mark FROM answers WHERE key >= ? AND key < ?",
            (prefix, prefix + "g"),
        ).fetchall()
    except sqlite3.DatabaseError as error:
        if len(prefix) < _DEEPEST and _is_local(error):
            for digit in _DIGITS:
                yield from _below(prefix + digit, link)
        return
    yield from (row for one in found if (row := row_of(*one)) is not None)


def _is_local(error: sqlite3.DatabaseError) -> bool:
    """Whether another range of the table may be readable: a page is damaged, and not the first."""
    return "malformed" in str(error) and "schema" not in str(error)


def _replace_first_page(database: Path) -> None:
    """Give a database the first page of a new one: our stores differ in it by counts alone."""
    with TemporaryDirectory() as folder:
        with Rows(Path(folder)):
            pass
        page = bytearray(Path(folder, DATABASE).read_bytes())
    size = int.from_bytes(page[_PAGE_SIZE], "big")
    page = page[:size]
    with database.open("r+b") as file:
        page[_PAGES] = (file.seek(0, 2) // size).to_bytes(4, "big")
        page[_FREE] = bytes(8)  # free pages are not looked for
        file.seek(0)
        file.write(page)


def _pictures(files: Objects) -> Iterator[Row]:
    """Rows of the painted pictures that still decode: their name is their key."""
    for shelf in files.shelves():
        for name in files.shelf(shelf):
            if name.endswith(".png") and not is_draft(name):
                content = files.read(name)
                with suppress(ValueError):
                    if content and decode_picture(content) is not None:
                        key = name.removeprefix(f"{shelf}/").removesuffix(".png")
                        yield Row(key, None, b"", f".png:{digest_of(content)}")


def _batches(rows: Iterator[Row]) -> Iterator[list[Row]]:
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch
