"""Streaming reader and writer of CSV files, with precise errors for damaged files."""

from __future__ import annotations

import csv
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from math import isnan
from os import SEEK_END
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.paths import atomic
from benchmark.results.rounding import stored

_FORMULA = re.compile(r"'*(?:[=+@\t\r]|-.)", re.DOTALL)  # a "-" alone is a gap
_FIRST = frozenset("'=+-@\t\r")  # of a text that `_FORMULA` matches
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]inf")
MOST_BYTES = 16 << 30  # of a CSV file, which is read row by row
_LONGEST_HEAD = 4096  # characters of a first line that are looked at
MOST_COLUMNS = 10_000
RERUN = "rerun the plan to fix this"


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as CSV: floats with six decimals, None and NaN empty.

    Text that a spreadsheet would evaluate, such as an image name "=1+1", is prefixed with "'",
    which `read_rows` removes.

    Raises:
        OutputError: if the file cannot be written; no partial file is left.
    """
    with (
        atomic(path, durable=True) as draft,
        draft.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        heads = list(columns)
        known = set(heads)
        writer = csv.writer(file, lineterminator="\n")
        whole = csv.writer(file, lineterminator="\n", quoting=csv.QUOTE_ALL)
        writer.writerow(heads)
        for row in rows:
            if not row.keys() <= known:
                raise ValueError(f"{path}: no column {sorted(row.keys() - known)[0]!r}")
            texts = [csv_value(row.get(name)) for name in heads]
            returns = any(isinstance(one, str) and "\r" in one for one in texts)
            (whole if returns else writer).writerow(texts)  # the csv module does not quote a "\r"


def read_rows(
    path: Path, columns: Iterable[str], *, later: frozenset[str] = frozenset()
) -> Iterator[dict[str, str]]:
    """Yield the rows of a CSV file as dictionaries by column.

    Args:
        path: path of the file.
        columns: required columns.
        later: required columns that files of older versions lack.

    Raises:
        DataError: if the file is missing, damaged or of another version.
    """
    try:
        _refuse_other(path)
        with path.open(encoding="utf-8-sig", newline="") as lines:
            _refuse_cut(path)
            reader = csv.reader(lines)
            heads = next(reader, [])
            if len(heads) > MOST_COLUMNS:
                raise damaged(path, f"more than {MOST_COLUMNS:,} columns")
            if len(set(heads)) < len(heads):
                twice = next(name for name in heads if heads.count(name) > 1)
                raise damaged(path, f"duplicate column {twice!r}")
            missing = [name for name in columns if name not in heads and name not in later]
            if missing:
                raise DataError(f"{path}: no column {missing[0]!r} (another version, or damaged)")
            for row in reader:
                if len(row) != len(heads):
                    said = f"line {reader.line_num}: number of fields differs from the header"
                    raise damaged(path, said)
                yield dict(zip(heads, map(unescape_formula, row), strict=True))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; {RERUN}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise damaged(path, str(error)) from None


def is_of_forgeries(path: Path) -> bool:
    """Return whether a run's file is of forgeries: it has methods in the place of inpainters.

    A file that cannot be read is none; `read_rows` raises why.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            heads = file.readline(_LONGEST_HEAD).rstrip("\n").split(",")
    except (OSError, UnicodeDecodeError):
        return False
    return "method" in heads and "inpainter" not in heads


def _refuse_other(path: Path) -> None:
    """Raise DataError for pipes, which may never end, and files too large to be a run's."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise damaged(path, "not a regular file")
    if found.st_size > MOST_BYTES:
        raise damaged(path, f"larger than {MOST_BYTES:,} bytes")


def _refuse_cut(path: Path) -> None:
    """Raise DataError for a truncated file: it ends within a line, which may look complete."""
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)
        file.seek(max(0, size - 1))
        if size and file.read(1) != b"\n":
            raise damaged(path, "truncated: the last line is incomplete")


def damaged(path: Path, reason: str) -> DataError:
    """Return the error of a file that differs from what a run writes."""
    return DataError(f"{path}: damaged ({reason}); {RERUN}")


def csv_value(value: object) -> object:
    """Format a value for a CSV file."""
    if isinstance(value, float):
        return "" if isnan(value) else stored(value)
    if isinstance(value, str):
        return escape_formula(value)
    return "" if value is None else value


def escape_formula(text: str) -> str:
    """Escape a text so that no spreadsheet evaluates it.

    A text that begins with "=", "+", "-", "@", a tab or a carriage return, and is no number, is
    prefixed with "'", and so is one that begins so after leading "'".
    """
    if text[:1] not in _FIRST:
        return text
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unescape_formula(cell: str) -> str:
    """Return the text of a CSV cell: the inverse of `escape_formula`."""
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell
