"""The store's rows, in one SQLite database. Every row carries a mark by which damage shows.

SQLite lets many read and one write; who writes takes the lock first, and the others wait.

A store may come from a stranger, and a mark is no signature: keys and endings become paths, so
nothing counts as a row whose key is not 32 hexadecimal digits or whose file is of no known kind. A
database with anything in it but our one table is not read at all: views, triggers and computed
columns run.
"""

from __future__ import annotations

import os
import re
import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import blake2b
from os import SEEK_END
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from benchmark.core.errors import DamagedStore, OutputError
from benchmark.core.paths import make_file

DATABASE = "answers.sqlite"
_TABLE = """CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, score REAL, numbers BLOB NOT NULL, file TEXT, mark BLOB, origin TEXT
) WITHOUT ROWID"""
_MARKED_TABLE = """CREATE TABLE answers (
    key TEXT PRIMARY KEY, score REAL, numbers BLOB NOT NULL, file TEXT, mark BLOB
) WITHOUT ROWID"""
_OLD_TABLE = """CREATE TABLE answers (
    key TEXT PRIMARY KEY, score REAL, numbers BLOB NOT NULL
) WITHOUT ROWID"""
_OLD = ("key", "score", "numbers")
_MARKED = (*_OLD, "file", "mark")
_NEW = (*_MARKED, "origin")
MOST_ORIGIN = 200  # characters
LONGEST_VALUE = 16 * 2**20  # bytes of a row; a metric keeps a few numbers in one
SUFFIXES = ("", ".png", ".npy")  # endings that a file of the store may have
PARTS = ("", "-wal", "-shm", "-journal")  # a database and what SQLite keeps beside it
_KEY = re.compile(r"[0-9a-f]{32}")
_FILE = re.compile(r"(?:\.(?:png|npy):[0-9a-f]{32})?")
_FLOAT = 8  # bytes
_NAMES_A_FILE = bytes.fromhex("d9d505f920a163d7")  # ends a journal that does
_MANY = 500  # keys in one question; SQLite's own limit is 999 on old builds
_WAIT = 60.0  # seconds to wait for another run's writing
_AGAIN = 0.02  # seconds between two tries to open a database that another run makes


class StoredRow(NamedTuple):
    """An answer without its file.

    Attributes:
        key: the job's key.
        score: a detector's score in [0, 1], or None.
        numbers: what a metric measured, float64 little endian.
        file: ending and digest of its file, such as ".png:3f9a..."; "" where it has none, None in a
            row that an older version wrote, whose file has no digest yet.
        origin: which merged run it came with; None where it was computed for this store.
    """

    key: str
    score: float | None
    numbers: bytes
    file: str | None
    origin: str | None = None

    @property
    def mark(self) -> bytes:
        """64 bits over all of it: a flipped bit in the row shows."""
        score = b"" if self.score is None else struct.pack("<d", self.score)
        file = "?" if self.file is None else self.file
        parts = [self.key.encode(), score, self.numbers, file.encode()]
        if self.origin is not None:
            parts.append(self.origin.encode())
        return blake2b(b"\x1f".join(parts), digest_size=8).digest()


class Database:
    """The rows in a folder's database, which is made if need be and brought up to date.

    Args:
        folder: the folder; it is there.
        place: what the user calls the store, for messages; by default the folder.
        foreign: whether it is another's and only read: nothing in it is made or changed then.

    Raises:
        OutputError: if the database cannot be opened, is damaged or is a link.
    """

    def __init__(
        self, folder: Path, place: str | Path | None = None, *, read_only: bool = False
    ) -> None:
        self._place = place or folder
        _refuse_leading_out(folder)
        with self._said("opened"):
            self._link = _foreign(folder) if read_only else _own(folder / DATABASE)
            self._columns: tuple[str, ...] = _NEW
            try:
                self._open(read_only=read_only)
            except sqlite3.Error:
                self._link.close()
                raise

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._link.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Alone with the database: other runs wait; all that is written counts, or nothing.

        Raises:
            OutputError: if the disk is full, or another run does not come to an end with writing.
        """
        with self._said("written"):
            self._link.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._link.execute("COMMIT")
            finally:
                if self._link.in_transaction:
                    self._link.execute("ROLLBACK")

    def get(self, keys: Sequence[str]) -> dict[str, StoredRow]:
        """The rows of those keys that have one, by key; a damaged row counts as none.

        Raises:
            OutputError: if the database cannot be read.
        """
        found: dict[str, StoredRow] = {}
        for start in range(0, len(keys), _MANY):
            part = keys[start : start + _MANY]
            marks = ",".join("?" * len(part))
            rows = self._ask(f"WHERE key IN ({marks})", part)
            found.update((row.key, row) for row in rows)
        return found

    def below(self, prefix: str) -> list[StoredRow]:
        """The whole rows whose key begins with `prefix`.

        Raises:
            OutputError: if the database cannot be read.
        """
        return self._ask("WHERE key >= ? AND key < ?", (prefix, prefix + "g"))

    def sweep(self) -> int:
        """Remove damaged rows, inside `writing`; how many there were.

        Raises:
            DamagedStore: if one cannot be removed, as its place in the database is damaged too.
        """
        found = self._link.execute("SELECT CAST(key AS BLOB), * FROM answers")
        keys = [one[0] for one in found if self._row(*one[1:]) is None]
        gone = self._link.executemany(
            "DELETE FROM answers WHERE key = CAST(? AS TEXT)", ((key,) for key in keys)
        ).rowcount
        if keys and gone < len(keys):
            raise DamagedStore(f"{self._place}: damaged rows cannot be removed")
        return len(keys)

    def put(self, rows: Iterable[StoredRow]) -> None:
        """Write rows, inside `writing`; one that is there is replaced."""
        self._link.executemany(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            ((*row[:-1], row.mark, row.origin) for row in rows),
        )

    def drop(self, keys: Iterable[str]) -> None:
        """Remove rows, inside `writing`."""
        self._link.executemany("DELETE FROM answers WHERE key = ?", ((key,) for key in keys))

    def count(self) -> int:
        """How many rows there are, damaged ones included."""
        with self._said("read"):
            return int(self._link.execute("SELECT count(*) FROM answers").fetchone()[0])

    def origins(self) -> dict[str, int]:
        """How many answers came with each merged run; those computed for this store are left out.

        Raises:
            OutputError: if the database cannot be read.
        """
        if self._columns != _NEW:
            return {}
        with self._said("read"):
            found = self._link.execute(
                "SELECT origin, count(*) FROM answers WHERE origin IS NOT NULL GROUP BY origin"
            ).fetchall()
        return {_text(origin)[:MOST_ORIGIN]: count for origin, count in found}

    def whole(self) -> bool:
        """Whether SQLite finds the database in order, page by page."""
        try:
            return bool(self._link.execute("PRAGMA integrity_check(1)").fetchone() == (b"ok",))
        except sqlite3.Error:
            return False

    def sync(self) -> None:
        """Wait until all that is written is on the disk.

        Raises:
            OutputError: if the disk refuses.
        """
        with self._said("written"):
            self._link.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _ask(self, where: str, values: Sequence[str]) -> list[StoredRow]:
        question = f"SELECT * FROM answers {where}"  # noqa: S608 (our own words)
        with self._said("read"):
            found = self._link.execute(question, values).fetchall()
        return [row for one in found if (row := self._row(*one)) is not None]

    def _row(self, *values: Any) -> StoredRow | None:  # noqa: ANN401 (damaged columns are of any type)
        return old_row_of(*values) if self._columns == _OLD else row_of(*values)

    def _open(self, *, read_only: bool) -> None:
        """SQLite lets nobody wait while a new database is given its log: try until it has one."""
        end = time.monotonic() + _WAIT
        while True:
            try:
                if read_only:
                    self._look()
                else:
                    self._prepare()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(_AGAIN)
            else:
                return

    def _look(self) -> None:
        """Find out which version's table there is; nothing is made or changed."""
        columns = schema_of(self._link)
        if not columns:
            raise sqlite3.DatabaseError("it has no table of answers")
        self._columns = columns

    def _prepare(self) -> None:
        """Make the table if there is none, and bring an older version's up to date."""
        schema_of(self._link)  # before anything is asked of a table that may be none
        self._link.execute("PRAGMA journal_mode=WAL")
        self._link.execute("PRAGMA synchronous=NORMAL")
        self._link.execute(_TABLE)
        if schema_of(self._link) != _NEW:
            with self.writing():
                self._bring_up_to_date(schema_of(self._link))  # another run may have been faster

    def _bring_up_to_date(self, columns: tuple[str, ...]) -> None:
        """Add the columns of later versions; rows without marks get them, and no file a digest."""
        for name in _NEW[len(columns) :]:
            kind = "BLOB" if name == "mark" else "TEXT"
            self._link.execute(f"ALTER TABLE answers ADD COLUMN {name} {kind}")
        if columns == _OLD:
            old = self._link.execute("SELECT key, score, numbers FROM answers").fetchall()
            self.put(row for one in old if (row := old_row_of(*one)) is not None)

    @contextmanager
    def _said(self, done: str) -> Iterator[None]:
        """A database's error as one line that says what to do."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            what = f"{self._place}: cannot be {done} as a store ({error})"
            if isinstance(error, sqlite3.OperationalError):
                raise OutputError(f"{what}; mend that, or name another with --store") from None
            raise DamagedStore(
                f"{what}; 'bench check --store {self._place}' saves what can be saved, "
                "or name another with --store"
            ) from None


def schema_of(link: sqlite3.Connection) -> tuple[str, ...]:
    """The columns of a database's one table; none where nothing is in it yet.

    Raises:
        sqlite3.DatabaseError: if there is anything else in it, such as a view or a trigger, or the
            table is none of ours.
    """
    found = link.execute("SELECT type, name, sql FROM sqlite_schema").fetchmany(2)
    if not found:
        return ()
    kind, name, text = found[0]
    texts = {_TABLE: _NEW, _MARKED_TABLE: _MARKED, _OLD_TABLE: _OLD}
    known = {_squeezed(text): names for text, names in texts.items()}
    columns = known.get(_squeezed(_text(text)), ())
    if len(found) > 1 or (kind, name) != (b"table", b"answers") or not columns:
        raise sqlite3.DatabaseError("its table is damaged or of another version")
    return columns


def row_of(key: Any, score: Any, numbers: Any, *rest: Any) -> StoredRow | None:  # noqa: ANN401 (damaged columns are of any type)
    """The row, or None where its mark does not fit or it can be none of ours.

    Args:
        key: as in the database, like all others.
        score: of `StoredRow`.
        numbers: of `StoredRow`.
        rest: file and mark, and the origin unless it is of an older version.
    """
    try:
        file, mark, origin = (*rest, None)[:3]
        row = StoredRow(
            key.decode(),
            score,
            numbers,
            None if file is None else file.decode(),
            None if origin is None else origin.decode(),
        )
        return row if row.mark == mark and _is_ours(row) else None
    except (AttributeError, TypeError, UnicodeError, struct.error):
        return None


def old_row_of(key: Any, score: Any, numbers: Any) -> StoredRow | None:  # noqa: ANN401 (as above)
    """A row of an older version, which has no mark; None where it can be none of ours."""
    try:
        row = StoredRow(key.decode(), score, numbers, None)
        return row if row.mark and _is_ours(row) else None
    except (AttributeError, TypeError, UnicodeError, struct.error):
        return None


def is_key(text: str) -> bool:
    """Whether a text is a key: 32 hexadecimal digits."""
    return _KEY.fullmatch(text) is not None


def suffix_of(row: StoredRow) -> str:
    """The ending of a row's file, one of `SUFFIXES`; "" where it has none."""
    if row.file is not None:
        return row.file.partition(":")[0]
    if row.numbers:  # an older version's row: a metric's has numbers, a detector's a score
        return ""
    return ".png" if row.score is None else ".npy"


def _is_ours(row: StoredRow) -> bool:
    """Whether key and file may become a path, and numbers be read as such."""
    file = _FILE.fullmatch(row.file or "")
    told = len(row.origin or "") <= MOST_ORIGIN
    return is_key(row.key) and file is not None and told and len(row.numbers) % _FLOAT == 0


def _own(path: Path) -> sqlite3.Connection:
    with suppress(OSError):  # SQLite alone would let nobody else write, whatever the umask
        make_file(path)
    return _careful(sqlite3.connect(path, timeout=_WAIT, isolation_level=None))


def _foreign(folder: Path) -> sqlite3.Connection:
    """Another's database, which may lie where nothing can be written."""
    path = folder / DATABASE
    log = path.with_name(f"{DATABASE}-wal")
    still = not os.access(folder, os.W_OK) and not (log.exists() and log.stat().st_size)
    how = "mode=ro&immutable=1" if still else "mode=ro"
    address = f"{path.resolve().as_uri()}?{how}"
    return _careful(sqlite3.connect(address, timeout=_WAIT, isolation_level=None, uri=True))


def _careful(link: sqlite3.Connection) -> sqlite3.Connection:
    link.execute("PRAGMA trusted_schema=OFF")
    return bounded(link)


def bounded(link: sqlite3.Connection) -> sqlite3.Connection:
    """A connection that reads no value longer than a row of ours can have."""
    link.text_factory = bytes  # damaged text need not be text
    link.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, LONGEST_VALUE)
    return link


def _refuse_leading_out(folder: Path) -> None:
    """A store may be a link, but nothing below it; nor may SQLite be led to files of others.

    A journal that ends with these bytes names a file that SQLite deletes. Ours never does.
    """
    for part in PARTS:
        path = folder / f"{DATABASE}{part}"
        if path.is_symlink():
            raise OutputError(f"{path}: is a link, and none is followed below a store")
        if path.exists() and not path.is_file():  # opening a pipe would wait for ever
            raise OutputError(f"{path}: is no file, as a store's database has; remove it")
    with suppress(OSError), (folder / f"{DATABASE}-journal").open("rb") as journal:
        journal.seek(-len(_NAMES_A_FILE), SEEK_END)
        if journal.read() == _NAMES_A_FILE:
            raise OutputError(f"{journal.name}: names another file, which no store does; remove it")


def _squeezed(text: str) -> str:
    """What creates a table, without spaces and the words that SQLite leaves out."""
    return re.sub(r"\s+", "", text.replace("IF NOT EXISTS ", ""))


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else ""
