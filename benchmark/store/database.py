"""The store's rows in one SQLite database: many readers, one writer at a time.

Opening and reading treat the database as data from a stranger: limits on lengths, no trusted
schema, no links, and rows are checked against their checksums.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from os import SEEK_END
from pathlib import Path
from types import TracebackType
from typing import Any

from benchmark.core.errors import DamagedStore, OutputError
from benchmark.core.paths import make_file
from benchmark.store.row import MAX_ORIGIN, StoredRow, parse_old_row, parse_row
from benchmark.store.schema import COLUMNS, FIRST_COLUMNS, TABLE, decode_text, schema_of

DATABASE = "answers.sqlite"
PARTS = ("", "-wal", "-shm", "-journal")  # suffixes of the database and of SQLite's files beside it
MAX_VALUE = 16 * 2**20  # bytes of a row; a metric stores a few numbers in one
_NAMES_A_FILE = bytes.fromhex("d9d505f920a163d7")  # ends a journal that names another file
_KEYS_PER_QUERY = 500  # SQLite's own limit is 999 on old builds
_WAIT = 60.0  # seconds to wait for another process that writes
_RETRY = 0.02  # seconds between two attempts to open a database that another process creates


class Database:
    """The rows of a folder's database, which is created if missing and upgraded if old.

    Args:
        folder: an existing folder.
        place: the store as the user named it, for messages; by default the folder.
        read_only: open without creating or changing anything.

    Raises:
        OutputError: if the database cannot be opened, is damaged or is a link.
    """

    def __init__(
        self, folder: Path, place: str | Path | None = None, *, read_only: bool = False
    ) -> None:
        self._place = place or folder
        _refuse_links(folder)
        with self._translated_errors("opened"):
            path = folder / DATABASE
            self._connection = _connect_read_only(folder) if read_only else _connect(path)
            self._columns: tuple[str, ...] = COLUMNS
            try:
                self._open(read_only=read_only)
            except sqlite3.Error:
                self._connection.close()
                raise

    def __enter__(self) -> Database:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._connection.close()

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Hold the write lock for one transaction: commit all of it, or nothing.

        Raises:
            OutputError: if the disk is full, or another process does not release the lock.
        """
        with self._translated_errors("written"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")

    def get(self, keys: Sequence[str]) -> dict[str, StoredRow]:
        """Return the rows of `keys` by key; missing and damaged rows are left out.

        Raises:
            OutputError: if the database cannot be read.
        """
        found: dict[str, StoredRow] = {}
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            part = keys[start : start + _KEYS_PER_QUERY]
            marks = ",".join("?" * len(part))
            rows = self._query(f"WHERE key IN ({marks})", part)
            found.update((row.key, row) for row in rows)
        return found

    def with_prefix(self, prefix: str) -> list[StoredRow]:
        """Return the valid rows whose key begins with `prefix`.

        Raises:
            OutputError: if the database cannot be read.
        """
        return self._query("WHERE key >= ? AND key < ?", (prefix, prefix + "g"))

    def delete_damaged(self) -> int:
        """Delete damaged rows, inside `writing`, and return their number.

        Raises:
            DamagedStore: if one cannot be deleted, as its place in the database is damaged too.
        """
        found = self._connection.execute("SELECT CAST(key AS BLOB), * FROM answers")
        keys = [one[0] for one in found if self._parse(*one[1:]) is None]
        deleted = self._connection.executemany(
            "DELETE FROM answers WHERE key = CAST(? AS TEXT)", ((key,) for key in keys)
        ).rowcount
        if keys and deleted < len(keys):
            raise DamagedStore(f"{self._place}: damaged rows cannot be removed")
        return len(keys)

    def put(self, rows: Iterable[StoredRow]) -> None:
        """Write rows, inside `writing`; existing rows are replaced."""
        self._connection.executemany(
            "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
            ((*row[:-1], row.checksum, row.origin) for row in rows),
        )

    def drop(self, keys: Iterable[str]) -> None:
        """Delete rows, inside `writing`."""
        self._connection.executemany("DELETE FROM answers WHERE key = ?", ((key,) for key in keys))

    def count(self) -> int:
        """Return the number of rows, damaged ones included."""
        with self._translated_errors("read"):
            return int(self._connection.execute("SELECT count(*) FROM answers").fetchone()[0])

    def origins(self) -> dict[str, int]:
        """Return the number of rows imported from each merged run.

        Raises:
            OutputError: if the database cannot be read.
        """
        if self._columns != COLUMNS:
            return {}
        with self._translated_errors("read"):
            found = self._connection.execute(
                "SELECT origin, count(*) FROM answers WHERE origin IS NOT NULL GROUP BY origin"
            ).fetchall()
        return {decode_text(origin)[:MAX_ORIGIN]: count for origin, count in found}

    def is_intact(self) -> bool:
        """Return whether SQLite's own check finds every page in order."""
        try:
            check = self._connection.execute("PRAGMA integrity_check(1)")
            return bool(check.fetchone() == (b"ok",))
        except sqlite3.Error:
            return False

    def sync(self) -> None:
        """Flush all written rows to disk.

        Raises:
            OutputError: if the disk refuses.
        """
        with self._translated_errors("written"):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _query(self, where: str, values: Sequence[str]) -> list[StoredRow]:
        query = f"SELECT * FROM answers {where}"  # noqa: S608 (no text from outside)
        with self._translated_errors("read"):
            found = self._connection.execute(query, values).fetchall()
        return [row for one in found if (row := self._parse(*one)) is not None]

    def _parse(self, *values: Any) -> StoredRow | None:  # noqa: ANN401 (damaged columns are of any type)
        return parse_old_row(*values) if self._columns == FIRST_COLUMNS else parse_row(*values)

    def _open(self, *, read_only: bool) -> None:
        """Open the table; retry while another process switches a new database to its log.

        SQLite reports "locked" at once in that moment, without its usual wait.
        """
        end = time.monotonic() + _WAIT
        while True:
            try:
                if read_only:
                    self._read_schema()
                else:
                    self._create_or_upgrade()
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > end:
                    raise
                time.sleep(_RETRY)
            else:
                return

    def _read_schema(self) -> None:
        """Find out which version's table the database has, without changing anything."""
        columns = schema_of(self._connection)
        if not columns:
            raise sqlite3.DatabaseError("it has no table of outputs")
        self._columns = columns

    def _create_or_upgrade(self) -> None:
        """Create the table if it is missing, and upgrade one of an older version."""
        schema_of(self._connection)  # check the schema before querying a table that may be a view
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=NORMAL")
        self._connection.execute(TABLE)
        if schema_of(self._connection) != COLUMNS:
            with self.writing():
                # read the schema again: another process may have upgraded it meanwhile
                self._upgrade(schema_of(self._connection))

    def _upgrade(self, columns: tuple[str, ...]) -> None:
        """Add the columns of later versions, and checksums to rows that have none.

        Files get their digests later, in `bench check`.
        """
        for name in COLUMNS[len(columns) :]:
            kind = "BLOB" if name == "mark" else "TEXT"
            self._connection.execute(f"ALTER TABLE answers ADD COLUMN {name} {kind}")
        if columns == FIRST_COLUMNS:
            old = self._connection.execute("SELECT key, score, numbers FROM answers").fetchall()
            self.put(row for one in old if (row := parse_old_row(*one)) is not None)

    @contextmanager
    def _translated_errors(self, done: str) -> Iterator[None]:
        """Turn SQLite's errors into one line that says what to do."""
        try:
            yield
        except sqlite3.DatabaseError as error:
            what = f"{self._place}: cannot be {done} as a store ({error})"
            if isinstance(error, sqlite3.OperationalError):
                raise OutputError(f"{what}; fix that, or name another with --store") from None
            raise DamagedStore(
                f"{what}; 'bench check --store {self._place}' recovers what can be recovered, "
                "or name another with --store"
            ) from None


def limit_values(connection: sqlite3.Connection) -> sqlite3.Connection:
    """Return the connection, set to read no value longer than a valid row can have."""
    connection.text_factory = bytes  # damaged text need not be text
    connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE)
    return connection


def _connect(path: Path) -> sqlite3.Connection:
    with suppress(OSError):  # SQLite alone would create it unwritable for others, despite the umask
        make_file(path)
    return _restrict(sqlite3.connect(path, timeout=_WAIT, isolation_level=None))


def _connect_read_only(folder: Path) -> sqlite3.Connection:
    """Connect to a database in a folder that may be read-only."""
    path = folder / DATABASE
    log = path.with_name(f"{DATABASE}-wal")
    immutable = not os.access(folder, os.W_OK) and not (log.exists() and log.stat().st_size)
    mode = "mode=ro&immutable=1" if immutable else "mode=ro"
    uri = f"{path.resolve().as_uri()}?{mode}"
    return _restrict(sqlite3.connect(uri, timeout=_WAIT, isolation_level=None, uri=True))


def _restrict(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA trusted_schema=OFF")
    return limit_values(connection)


def _refuse_links(folder: Path) -> None:
    """Refuse links and special files in place of the database, and a journal that names a file.

    The store's folder itself may be a link. SQLite deletes the file that a journal with this ending
    names; SQLite never writes such a journal for our one database.
    """
    for part in PARTS:
        path = folder / f"{DATABASE}{part}"
        if path.is_symlink():
            raise OutputError(f"{path}: is a link; links below a store are not followed")
        if path.exists() and not path.is_file():  # opening a pipe would block forever
            raise OutputError(f"{path}: is not a regular file, as a store's database is; remove it")
    with suppress(OSError), (folder / f"{DATABASE}-journal").open("rb") as journal:
        journal.seek(-len(_NAMES_A_FILE), SEEK_END)
        if journal.read() == _NAMES_A_FILE:
            raise OutputError(
                f"{journal.name}: names another file, which no journal of a store does; remove it"
            )
