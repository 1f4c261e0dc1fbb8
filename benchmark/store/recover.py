"""Recover a damaged database: build a new one from the rows that are still valid.

The damaged database is moved aside, never deleted here. Rows of inpainted images hold only the name
and digest of their file, so they are rebuilt from the images that still decode.

An interruption at any point loses nothing: first the damaged database is copied to a folder whose
name marks it as unfinished; the new one is built there and replaces the damaged one at the end;
then the folder is renamed. Until then the next check starts again, with the rows of both.
"""

from __future__ import annotations

import filecmp
import shutil
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from benchmark.core.errors import OutputError
from benchmark.core.locks import lock_folder
from benchmark.core.paths import DRAFT, sync
from benchmark.store.database import DATABASE, PARTS, Database, limit_values
from benchmark.store.encoding import decode_image, digest_of
from benchmark.store.files import FileStore
from benchmark.store.row import StoredRow, is_key, parse_row
from benchmark.store.schema import schema_of

ASIDE = "damaged"  # below the store: databases that were moved aside
_UNFINISHED = ".unfinished"  # suffix of a folder whose rows are not all in the new database yet
_COPIED = PARTS[:2]  # the files that hold rows
_MAX_PREFIX = 3  # digits: 4,096 ranges of keys, of which a damaged page affects few
_DIGITS = "0123456789abcdef"
_PAGE_SIZE, _PAGES, _FREE = slice(16, 18), slice(28, 32), slice(32, 40)  # in the file's header
_BATCH = 10_000


class Recovery(NamedTuple):
    """The result of recovering a database.

    Attributes:
        rows: number of rows in the new database.
        aside: the folder that holds the damaged database.
    """

    rows: int
    aside: Path


def unfinished_recoveries(folder: Path) -> list[Path]:
    """Return the folders of damaged databases whose recovery was interrupted, oldest first.

    Args:
        folder: the store's folder with the database.
    """
    aside = folder / ASIDE
    found = () if aside.is_symlink() else aside.glob(f"*{_UNFINISHED}")
    return sorted(path for path in found if path.is_dir() and not path.is_symlink())


def recover_database(folder: Path, files: FileStore) -> Recovery:
    """Move a damaged database aside and build a new one from what can be read of it.

    Args:
        folder: the store's folder with the database.
        files: the store's files.

    Raises:
        OutputError: if the folder cannot be written, or another process is recovering it; then the
            database is unchanged.
    """
    aside = folder / ASIDE
    if aside.is_symlink():
        raise OutputError(f"{aside}: is a link; links below a store are not followed")
    try:
        aside.mkdir(exist_ok=True)
        with lock_folder(aside) as held:
            if held is False:
                raise OutputError(f"{folder}: another 'bench check' is recovering this database")
            return _recover(folder, files)
    except OSError as error:
        raise OutputError(f"{aside}: cannot be written ({error.strerror})") from None


def _recover(folder: Path, files: FileStore) -> Recovery:
    copy = _copy_aside(folder)
    built = copy / "new"
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir()
    with Database(built) as database:
        # an interrupted recovery may have left a part of its rows in place
        for aside in reversed(unfinished_recoveries(folder)):
            _add_missing(database, _readable_rows(aside / DATABASE))
        _add_missing(database, _rows_of_images(files))
        database.sync()
        count = database.count()
    sync(built / DATABASE)
    for part in reversed(PARTS[1:]):  # the old log must not be read into the new database
        (folder / f"{DATABASE}{part}").unlink(missing_ok=True)
    (built / DATABASE).replace(folder / DATABASE)
    sync(folder)
    for aside in unfinished_recoveries(folder):
        for left in (aside / "new", *aside.glob(f"{DRAFT}*")):
            shutil.rmtree(left, ignore_errors=True)
        aside.rename(aside.with_name(aside.name.removesuffix(_UNFINISHED)))
    return Recovery(count, copy.with_name(copy.name.removesuffix(_UNFINISHED)))


def _add_missing(database: Database, rows: Iterator[StoredRow]) -> None:
    for batch in _batches(rows):
        with database.writing():
            known = database.get([row.key for row in batch])
            database.put(row for row in batch if row.key not in known)


def _copy_aside(folder: Path) -> Path:
    """Return the folder of a complete copy of the damaged database, marked as unfinished."""
    aside, number = folder / ASIDE, 1
    for left in aside.glob(f"{DRAFT}*"):
        shutil.rmtree(left, ignore_errors=True)
    for copy in unfinished_recoveries(folder):
        if all(_same(folder / f"{DATABASE}{part}", copy / f"{DATABASE}{part}") for part in _COPIED):
            return copy
    while (aside / f"{number}").exists() or (aside / f"{number}{_UNFINISHED}").exists():
        number += 1
    draft = aside / f"{DRAFT}{number}"
    draft.mkdir()
    for part in _COPIED:
        if (folder / f"{DATABASE}{part}").exists():
            shutil.copyfile(folder / f"{DATABASE}{part}", draft / f"{DATABASE}{part}")
            sync(draft / f"{DATABASE}{part}")
    sync(draft)
    copy = draft.rename(aside / f"{number}{_UNFINISHED}")
    sync(aside)
    return copy


def _same(one: Path, other: Path) -> bool:
    """Return whether two files have the same content, or both are missing."""
    if not one.exists() or not other.exists():
        return one.exists() == other.exists()
    return filecmp.cmp(one, other, shallow=False)


def _readable_rows(damaged: Path) -> Iterator[StoredRow]:
    """Yield the valid rows of a damaged database, read from a copy.

    First as it is, then with the first page of a new database: the first page holds the schema, and
    without it nothing can be read.
    """
    with TemporaryDirectory(dir=damaged.parent, prefix=DRAFT) as folder:
        copy = Path(folder, DATABASE)
        regular = [path for path in damaged.parent.iterdir() if stat.S_ISREG(path.lstat().st_mode)]
        for own_page in (False, True):
            for part in _COPIED:
                if damaged.with_name(f"{DATABASE}{part}") in regular:
                    shutil.copyfile(damaged.with_name(f"{DATABASE}{part}"), f"{copy}{part}")
            if not copy.exists():
                continue  # a link, or a pipe
            if own_page:
                _replace_first_page(copy)
            with closing(sqlite3.connect(copy)) as connection:
                limit_values(connection).execute("PRAGMA trusted_schema=OFF")
                with suppress(sqlite3.DatabaseError):
                    schema_of(connection)  # reading a view in the table's place may never end
                    yield from _rows_with_prefix("", connection)
            for part in PARTS:
                Path(f"{copy}{part}").unlink(missing_ok=True)


def _rows_with_prefix(prefix: str, connection: sqlite3.Connection) -> Iterator[StoredRow]:
    """Yield the valid rows of a range of keys; split the range if it cannot be read as a whole."""
    try:
        found = connection.execute(
            "SELECT key, score, numbers, file, mark FROM answers WHERE key >= ? AND key < ?",
            (prefix, prefix + "g"),
        ).fetchall()
    except sqlite3.DatabaseError as error:
        if len(prefix) < _MAX_PREFIX and _is_local(error):
            for digit in _DIGITS:
                yield from _rows_with_prefix(prefix + digit, connection)
        return
    yield from (row for one in found if (row := parse_row(*one)) is not None)


def _is_local(error: sqlite3.DatabaseError) -> bool:
    """Return whether other ranges may be readable: the damage is a row, or not the first page."""
    text = str(error)
    return "too big" in text or ("malformed" in text and "schema" not in text)


def _replace_first_page(database: Path) -> None:
    """Replace a database's first page by that of a new one: in stores, only its counts differ."""
    with TemporaryDirectory(dir=database.parent, prefix=DRAFT) as folder:
        with Database(Path(folder)):
            pass
        page = bytearray(Path(folder, DATABASE).read_bytes())
    size = int.from_bytes(page[_PAGE_SIZE], "big")
    page = page[:size]
    with database.open("r+b") as file:
        page[_PAGES] = (file.seek(0, 2) // size).to_bytes(4, "big")
        page[_FREE] = bytes(8)  # no list of free pages
        file.seek(0)
        file.write(page)


def _rows_of_images(files: FileStore) -> Iterator[StoredRow]:
    """Yield rows for the images that still decode: a file's name is its key."""
    for prefix in files.prefixes():
        for name in files.list_files(prefix):
            key = name.removeprefix(f"{prefix}/").removesuffix(".png")
            if name.endswith(".png") and is_key(key):
                content = files.read(name)
                with suppress(ValueError):
                    if content and decode_image(content) is not None:
                        yield StoredRow(key, None, b"", f".png:{digest_of(content)}")


def _batches(rows: Iterator[StoredRow]) -> Iterator[list[StoredRow]]:
    batch: list[StoredRow] = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            yield batch
            batch = []
    yield batch
