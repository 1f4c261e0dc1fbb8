"""Schema of the store's database: the current table, and those of older versions.

A database that holds anything except our one table is not read: views, triggers and computed
columns run code.
"""

from __future__ import annotations

import re
import sqlite3

TABLE = """CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, score REAL, numbers BLOB NOT NULL, file TEXT, mark BLOB, origin TEXT
) WITHOUT ROWID"""
_TABLE_WITHOUT_ORIGIN = """CREATE TABLE answers (
    key TEXT PRIMARY KEY, score REAL, numbers BLOB NOT NULL, file TEXT, mark BLOB
) WITHOUT ROWID"""
_FIRST_TABLE = """CREATE TABLE answers (
    key TEXT PRIMARY KEY, score REAL, numbers BLOB NOT NULL
) WITHOUT ROWID"""
FIRST_COLUMNS = ("key", "score", "numbers")
_COLUMNS_WITHOUT_ORIGIN = (*FIRST_COLUMNS, "file", "mark")
COLUMNS = (*_COLUMNS_WITHOUT_ORIGIN, "origin")


def schema_of(connection: sqlite3.Connection) -> tuple[str, ...]:
    """Return the columns of a database's one table; () for a new database.

    Raises:
        sqlite3.DatabaseError: if the database holds anything else, such as a view or a trigger, or
            the table is not one of ours.
    """
    found = connection.execute("SELECT type, name, sql FROM sqlite_schema").fetchmany(2)
    if not found:
        return ()
    kind, name, sql = found[0]
    tables = {
        TABLE: COLUMNS,
        _TABLE_WITHOUT_ORIGIN: _COLUMNS_WITHOUT_ORIGIN,
        _FIRST_TABLE: FIRST_COLUMNS,
    }
    known = {_normalized(table): names for table, names in tables.items()}
    columns = known.get(_normalized(decode_text(sql)), ())
    if len(found) > 1 or (kind, name) != (b"table", b"answers") or not columns:
        raise sqlite3.DatabaseError("its table is damaged or of another version")
    return columns


def decode_text(value: object) -> str:
    """Return a text column, which may be damaged; "" if it is not text."""
    return value.decode(errors="replace") if isinstance(value, bytes) else ""


def _normalized(sql: str) -> str:
    """Return a CREATE TABLE statement without spaces and the words that SQLite drops."""
    return re.sub(r"\s+", "", sql.replace("IF NOT EXISTS ", ""))
