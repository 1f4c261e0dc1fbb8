"""Save what can be saved of a damaged database: a new one is made of the rows that are whole.

The damaged one is put aside, never thrown away here. Rows of inpainted images hold nothing but
their file's name and digest, so they are made anew from images that still decode.

Whatever stops this loses nothing: first the damaged database is copied, to a folder whose name says
that it is unfinished; the new one is built there, and takes its place at the end; then the folder
gets its name. Until then the next check begins again, with the rows of both.
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

from benchmark.core.errors import OutputError
from benchmark.core.locks import hold
from benchmark.core.paths import DRAFT, sync
from benchmark.store.database import (
    DATABASE,
    PARTS,
    Database,
    StoredRow,
    bounded,
    is_key,
    row_of,
    schema_of,
)
from benchmark.store.files import FileStore
from benchmark.store.store import decode_image, digest_of

ASIDE = "damaged"  # below the store: databases that were put aside
_UNFINISHED = ".unfinished"  # ends the name of one whose rows are not all in the new database yet
_COPIED = PARTS[:2]  # what holds rows
_DEEPEST = 3  # digits: 4,096 ranges, of which a damaged page takes few
_DIGITS = "0123456789abcdef"
_PAGE_SIZE, _PAGES, _FREE = slice(16, 18), slice(28, 32), slice(32, 40)  # in the file's header
_BATCH = 10_000


def unfinished_recoveries(folder: Path) -> list[Path]:
    """Folders with damaged databases whose saving was stopped, the first first.

    Args:
        folder: the store's folder with the database.
    """
    aside = folder / ASIDE
    found = () if aside.is_symlink() else aside.glob(f"*{_UNFINISHED}")
    return sorted(path for path in found if path.is_dir() and not path.is_symlink())


def recover_database(folder: Path, files: FileStore) -> tuple[int, Path]:
    """Put a damaged database aside and make a new one of what can be read of it.

    Args:
        folder: the store's folder with the database.
        files: the store's files.

    Returns:
        How many rows were saved, and the folder that has the damaged database now.

    Raises:
        OutputError: if the folder cannot be written, or another process is at it; then the database
            is as it was.
    """
    aside = folder / ASIDE
    if aside.is_symlink():
        raise OutputError(f"{aside}: is a link, and none is followed below a store")
    try:
        aside.mkdir(exist_ok=True)
        with hold(aside) as held:
            if held is False:
                raise OutputError(f"{folder}: another 'bench check' is saving this database")
            return _salvage(folder, files)
    except OSError as error:
        raise OutputError(f"{aside}: cannot be written ({error.strerror})") from None


def _salvage(folder: Path, files: FileStore) -> tuple[int, Path]:
    copy = _copied(folder)
    built = copy / "new"
    shutil.rmtree(built, ignore_errors=True)
    built.mkdir()
    with Database(built) as rows:
        # a saving that was stopped may have left a part of its rows in place
        for aside in reversed(unfinished_recoveries(folder)):
            _take(rows, _rows_in(aside / DATABASE))
        _take(rows, _pictures(files))
        rows.sync()
        count = rows.count()
    sync(built / DATABASE)
    for part in reversed(PARTS[1:]):  # the old log must not be read into the new database
        (folder / f"{DATABASE}{part}").unlink(missing_ok=True)
    (built / DATABASE).replace(folder / DATABASE)
    sync(folder)
    for aside in unfinished_recoveries(folder):
        for left in (aside / "new", *aside.glob(f"{DRAFT}*")):
            shutil.rmtree(left, ignore_errors=True)
        aside.rename(aside.with_name(aside.name.removesuffix(_UNFINISHED)))
    return count, copy.with_name(copy.name.removesuffix(_UNFINISHED))


def _take(rows: Database, found: Iterator[StoredRow]) -> None:
    for batch in _batches(found):
        with rows.writing():
            known = rows.get([row.key for row in batch])
            rows.put(row for row in batch if row.key not in known)


def _copied(folder: Path) -> Path:
    """A whole copy of the damaged database, in a folder of its own that is named unfinished."""
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
    """Whether two files hold the same, or neither is there."""
    if not one.exists() or not other.exists():
        return one.exists() == other.exists()
    return filecmp.cmp(one, other, shallow=False)


def _rows_in(damaged: Path) -> Iterator[StoredRow]:
    """Rows of a damaged database, of a copy of it, as it is and then with a first page of ours."""
    with TemporaryDirectory(dir=damaged.parent, prefix=DRAFT) as folder:
        copy = Path(folder, DATABASE)
        here = [path for path in damaged.parent.iterdir() if stat.S_ISREG(path.lstat().st_mode)]
        for own_page in (False, True):
            for part in _COPIED:
                if damaged.with_name(f"{DATABASE}{part}") in here:
                    shutil.copyfile(damaged.with_name(f"{DATABASE}{part}"), f"{copy}{part}")
            if not copy.exists():
                continue  # a link, or a pipe
            if own_page:
                _replace_first_page(copy)
            with closing(sqlite3.connect(copy)) as link:
                bounded(link).execute("PRAGMA trusted_schema=OFF")
                with suppress(sqlite3.DatabaseError):
                    schema_of(link)  # a view in the table's place may never end
                    yield from _below("", link)
            for part in PARTS:
                Path(f"{copy}{part}").unlink(missing_ok=True)


def _below(prefix: str, link: sqlite3.Connection) -> Iterator[StoredRow]:
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
    """Whether another range may be readable: a page is damaged, and not the first; or a row is."""
    said = str(error)
    return "too big" in said or ("malformed" in said and "schema" not in said)


def _replace_first_page(database: Path) -> None:
    """Give a database the first page of a new one: our stores differ in it by counts alone."""
    with TemporaryDirectory(dir=database.parent, prefix=DRAFT) as folder:
        with Database(Path(folder)):
            pass
        page = bytearray(Path(folder, DATABASE).read_bytes())
    size = int.from_bytes(page[_PAGE_SIZE], "big")
    page = page[:size]
    with database.open("r+b") as file:
        page[_PAGES] = (file.seek(0, 2) // size).to_bytes(4, "big")
        page[_FREE] = bytes(8)  # free pages are not looked for
        file.seek(0)
        file.write(page)


def _pictures(files: FileStore) -> Iterator[StoredRow]:
    """Rows of the inpainted images that still decode: their name is their key."""
    for shelf in files.prefixes():
        for name in files.shelf(shelf):
            key = name.removeprefix(f"{shelf}/").removesuffix(".png")
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
