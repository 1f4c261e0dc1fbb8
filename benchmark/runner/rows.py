"""The store's rows, in one SQLite database. Every row carries a mark by which damage shows.

SQLite lets many read and one write; who writes takes the lock first, and the others wait.
"""

from __future__ import annotations

import sqlite3
import struct
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from benchmark.core.errors import DamagedStore, OutputError

DATABASE = "answers.sqlite"
_TABLE = """CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, score REAL, numbers BLOB NOT NULL, file TEXT, mark BLOB
) WITHOUT ROWID"""
_OLD = (b"key", b"score", b"numbers")
_NEW = (*_OLD, b"file", b"mark")
_MANY = 500  # keys in one question; SQLite's own limit is 999 on old builds
_WAIT = 60.0  # seconds to wait for another run's writing
_AGAIN = 0.02  # seconds between two tries to open a database that another run makes


class Row(NamedTuple):
    """An answer without its file.

    Attributes:
        key: the job's key.
        score: a detector's score in [0, 1], or None.
        numbers: what a metric measured, float64 little endian.
        file: ending and digest of its file, such as ".png:3f9a..."; "" where it has none, None in a
            row that an older version wrote, whose file has no digest yet.
    """

    key: str
    score: float | None
    numbers: bytes
    file: str | None

    @property
    def mark(self) -> bytes:
        """64 bits over all of it: a flipped bit in the row shows."""
        score = b"" if self.score is None else struct.pack("<d", self.score)
        file = "?" if self.file is None else self.file
        parts = (self.key.encode(), score, self.numbers, file.encode())
        return blake2b(b"\x1f".join(parts), digest_size=8).digest()


class Rows:
    """The rows in a folder's database, which is made if need be and brought up to date.

    Args:
        folder: the folder; it is there.
        place: what the user calls the store, for messages; by default the folder.

    Raises:
        OutputError: if the database cannot be opened or is damaged.
    """

    def __init__(self, folder: Path, place: str | Path | None = None) -> None:
        self._place = place or folder
        with self._said("opened"):
            self._link = sqlite3.connect(folder / DATABASE, timeout=_WAIT, isolation_level=None)
            try:
                self._open()
            except sqlite3.Error:
                self._link.close()
                raise

    def __enter__(self) -> Rows:
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

    def get(self, keys: Sequence[str]) -> dict[str, Row]:
        """The rows of those keys that have one, by key; a damaged row counts as none.

        Raises:
            OutputError: if the database cannot be read.
        """
        found: dict[str, Row] = {}
        for start in range(0, len(keys), _MANY):
            part = keys[start : start + _MANY]
            marks = ",".join("?" * len(part))
            rows = self._ask(f"WHERE key IN ({marks})", part)
            found.update((row.key, row) for row in rows)
        return found

    def below(self, prefix: str) -> list[Row]:
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
        keys = [one[0] for one in found if row_of(*one[1:]) is None]
        gone = self._link.executemany(
            "DELETE FROM answers WHERE key = CAST(? AS TEXT)", ((key,) for key in keys)
        ).rowcount
        if keys and gone < len(keys):
            raise DamagedStore(f"{self._place}: damaged rows cannot be removed")
        return len(keys)

    def put(self, rows: Iterable[Row]) -> None:
        """Write rows, inside `writing`; one that is there is replaced."""
        self._link.executemany(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?)",
            ((*row, row.mark) for row in rows),
        )

    def drop(self, keys: Iterable[str]) -> None:
        """Remove rows, inside `writing`."""
        self._link.executemany("DELETE FROM answers WHERE key = ?", ((key,) for key in keys))

    def count(self) -> int:
        """How many rows there are, damaged ones included."""
        with self._said("read"):
            return int(self._link.execute("SELECT count(*) FROM answers").fetchone()[0])

    def whole(self) -> bool:
        """Whether SQLite finds the database in order, page by page."""
        try:
            return bool(self._link.execute("PRAGMA integrity_check(1)").fetchone() == (b"ok",))
        except sqlite3.Error:
            return False

    def _ask(self, where: str, values: Sequence[str]) -> list[Row]:
        question = f"SELECT * FROM answers {where}"  # noqa: S608 (our own words)
        with self._said("read"):
            found = self._link.execute(question, values).fetchall()
        return [row for one in found if (row := row_of(*one)) is not None]

    def _open(self) -> None:
        """SQLite lets nobody wait while a new database is given its log: try until it has one."""
        end = time.monotonic() + _WAIT
        while True:
            try:
                self._prepare()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(_AGAIN)
            else:
                return

    def _prepare(self) -> None:
        self._link.text_factory = bytes  # damaged text need not be text
        self._link.execute("PRAGMA journal_mode=WAL")
        self._link.execute("PRAGMA synchronous=NORMAL")
        self._link.execute(_TABLE)
        if self._columns() == _OLD:
            with self.writing():
                if self._columns() == _OLD:  # another run may have been faster
                    self._mark_all()
        if self._columns() != _NEW:
            raise sqlite3.DatabaseError("its table is damaged or of another version")

    def _columns(self) -> tuple[bytes, ...]:
        """The columns' names; of several tables, which no store has, none."""
        (tables,) = self._link.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        columns = self._link.execute("PRAGMA table_info(answers)").fetchall()
        return tuple(column[1] for column in columns) if tables == 1 else ()

    def _mark_all(self) -> None:
        """Bring an older version's table up to date: its rows get marks, and no file a digest."""
        self._link.execute("ALTER TABLE answers ADD COLUMN file TEXT")
        self._link.execute("ALTER TABLE answers ADD COLUMN mark BLOB")
        old = self._link.execute("SELECT key, score, numbers FROM answers").fetchall()
        self.put(Row(key.decode(), score, numbers, None) for key, score, numbers in old)

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


def row_of(key: Any, score: Any, numbers: Any, file: Any, mark: Any) -> Row | None:  # noqa: ANN401 (damaged columns are of any type)
    """The row, or None where its mark does not fit."""
    try:
        row = Row(key.decode(), score, numbers, None if file is None else file.decode())
        return row if row.mark == mark else None
    except (AttributeError, TypeError, UnicodeError, struct.error):
        return None


def suffix_of(row: Row) -> str:
    """The ending of a row's file, or "" where it has none."""
    if row.file is not None:
        return row.file.partition(":")[0]
    if row.numbers:  # an older version's row: a metric's has numbers, a detector's a score
        return ""
    return ".png" if row.score is None else ".npy"
