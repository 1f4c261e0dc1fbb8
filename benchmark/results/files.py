"""Tables in files: rows written one after the other, and read back with what is wrong said."""

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

_RUN = re.compile(r"'*(?:[=+@\t\r]|-.)", re.DOTALL)  # a "-" alone is a gap
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]inf")
MOST_BYTES = 16 << 30  # of a file of rows, which is read one at a time
MOST_COLUMNS = 10_000
RERUN = "run the plan again to mend it"


def write_rows(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    """Write rows as CSV, floats with six decimals, None and undefined numbers empty.

    Text that a spreadsheet would compute, such as an image's name "=1+1", gets a "'" before it,
    which `read_rows` takes off again.

    Raises:
        OutputError: if the file cannot be written; nothing half-written is left.
    """
    with (
        atomic(path, durable=True) as draft,
        draft.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        writer = csv.DictWriter(file, list(columns), lineterminator="\n", restval="")
        whole = csv.DictWriter(
            file, list(columns), lineterminator="\n", restval="", quoting=csv.QUOTE_ALL
        )
        writer.writeheader()
        for row in rows:
            texts = {name: csv_value(value) for name, value in row.items()}
            returns = any(isinstance(one, str) and "\r" in one for one in texts.values())
            (whole if returns else writer).writerow(texts)  # the csv module overlooks a "\r"


def read_rows(
    path: Path, columns: Iterable[str], *, later: frozenset[str] = frozenset()
) -> Iterator[dict[str, str]]:
    """Read the rows of a CSV file, each by its headings.

    Args:
        path: the file.
        columns: headings that it has.
        later: those that files of older versions lack.

    Raises:
        DataError: if the file is gone, damaged or of another version.
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
                raise damaged(path, f"two columns are called {twice!r}")
            missing = [name for name in columns if name not in heads and name not in later]
            if missing:
                raise DataError(f"{path}: no column {missing[0]!r} (another version, or damaged)")
            for row in reader:
                if len(row) != len(heads):
                    said = f"line {reader.line_num}: not as many fields as headings"
                    raise damaged(path, said)
                yield dict(zip(heads, map(unescape_formula, row), strict=True))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; {RERUN}") from None
    except (csv.Error, UnicodeDecodeError) as error:
        raise damaged(path, str(error)) from None


def _refuse_other(path: Path) -> None:
    """A pipe may never end, and a file of this size is no run's."""
    found = path.stat()
    if not stat.S_ISREG(found.st_mode):
        raise damaged(path, "it is no file")
    if found.st_size > MOST_BYTES:
        raise damaged(path, f"larger than {MOST_BYTES:,} bytes")


def _refuse_cut(path: Path) -> None:
    """A file that was cut ends within a line, which may look like a whole one."""
    with path.open("rb") as file:
        size = file.seek(0, SEEK_END)
        file.seek(max(0, size - 1))
        if size and file.read(1) != b"\n":
            raise damaged(path, "it ends in the middle of a line")


def damaged(path: Path, reason: str) -> DataError:
    """The error of a file that is not what a run wrote."""
    return DataError(f"{path}: damaged ({reason}); {RERUN}")


def csv_value(value: object) -> object:
    """A value as it stands in a file."""
    if isinstance(value, float):
        return "" if isnan(value) else stored(value)
    if isinstance(value, str):
        return escape_formula(value)
    return "" if value is None else value


def escape_formula(text: str) -> str:
    """A text as a cell of CSV that no spreadsheet runs.

    One that begins with "=", "+", "-", "@", a tab or a carriage return, and is no number, gets a
    "'" before it, and so does one that begins so behind a "'".
    """
    return f"'{text}" if _RUN.match(text) and not _NUMBER.fullmatch(text) else text


def unescape_formula(cell: str) -> str:
    """The text of a cell: the inverse of `escape_formula`."""
    return cell[1:] if cell.startswith("'") and _RUN.match(cell) else cell
