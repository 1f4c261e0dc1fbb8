"""Rows of Parquet files, which the extra `parquet` (pyarrow) reads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmark.core.errors import DataError
from benchmark.core.external.optional import install_line
from benchmark.core.image_limits import LARGEST_FILE

LARGEST_GROUP = 2**31  # bytes of one column in one row group, which are decoded together


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetBytes:
    """A value of a Parquet file, in a column of bytes.

    Attributes:
        path: the file.
        group: number of the row group.
        row: number of the row within the group.
        column: the column, nested ones with dots, such as "image.bytes".
    """

    path: Path
    group: int
    row: int
    column: str

    @property
    def label(self) -> str:
        """What messages call it."""
        return f"{self.path}[{self.group}.{self.row}].{self.column}"

    def read(self, most: int = LARGEST_FILE) -> bytes:
        """Return the bytes.

        Raises:
            DataError: if the file cannot be read, the value is no bytes, or it is larger.
        """
        state = _state(self.path)
        value = _column(self.path, state, self.group, self.column)[self.row].as_py()
        for part in self.column.split(".")[1:]:
            value = value.get(part) if isinstance(value, dict) else None
        if not isinstance(value, bytes):
            raise DataError(f"{self.label}: expected bytes, got {type(value).__name__}")
        if len(value) > most:
            raise DataError(f"{self.label}: larger than {most:,} bytes")
        return value

    def sha256(self, most: int = LARGEST_FILE) -> str:
        """Return the SHA-256 of the bytes.

        Raises:
            DataError: as `read`.
        """
        return hashlib.sha256(self.read(most)).hexdigest()

    @contextmanager
    def as_file(self) -> Iterator[Path]:
        """Yield a temporary file with the bytes.

        Raises:
            DataError: as `read`.
        """
        content = self.read()
        with TemporaryDirectory(prefix="bench-") as folder:
            path = Path(folder) / "value"
            path.write_bytes(content)
            yield path


@dataclass(frozen=True, slots=True, kw_only=True)
class RowGroup:
    """Some columns of a row group.

    Attributes:
        number: which.
        columns: values by column.
    """

    number: int
    columns: dict[str, list[Any]]


def row_groups(
    path: Path, columns: tuple[str, ...], *, needs: tuple[str, ...] = ()
) -> Iterator[RowGroup]:
    """Read columns of a Parquet file, a row group at a time.

    Args:
        path: the file.
        columns: names, nested ones with dots; of a nested one the values are those of its top.
        needs: names of columns that have to be there and are not read.

    Raises:
        DataError: if pyarrow is missing, or the file is no Parquet file or lacks a column.
    """
    parquet = _pyarrow(path)
    try:
        with parquet.ParquetFile(path) as file:
            known = {file.schema.column(i).path for i in range(len(file.schema))}
            lacking = [one for one in (*columns, *needs) if one not in known]
            if lacking:
                raise DataError(
                    f"{path}: missing column {lacking[0]!r}; it has {', '.join(sorted(known))}"
                )
            for number in range(file.num_row_groups):
                table = file.read_row_group(number, columns=list(columns))
                yield RowGroup(
                    number=number,
                    columns={name: table.column(name).to_pylist() for name in table.column_names},
                )
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 (pyarrow's own errors have many bases)
        raise _unreadable(path, error) from None


@lru_cache(maxsize=4)  # rows are read in order: a group is decoded once, not once a row
def _column(path: Path, state: tuple[int, int], group: int, column: str) -> Any:  # noqa: ANN401
    """Return a column of a row group, as pyarrow has it; `state` is the file's, for the cache."""
    parquet = _pyarrow(path)
    try:
        with parquet.ParquetFile(path) as file:
            held = file.metadata.row_group(group)
            sizes = {
                held.column(i).path_in_schema: held.column(i).total_uncompressed_size
                for i in range(held.num_columns)
            }
            if sizes[column] > LARGEST_GROUP:
                raise DataError(
                    f"{path}: {sizes[column]:,} bytes of {column} in one row group are more than "
                    f"{LARGEST_GROUP:,}; not read"
                )
            return file.read_row_group(group, columns=[column]).column(0)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 (as above)
        raise _unreadable(path, error) from None


def _state(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror})") from None
    return found.st_size, found.st_mtime_ns


def _pyarrow(path: Path) -> Any:  # noqa: ANN401 (a module)
    try:
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"{path}: Parquet needs a package that is not here: {install_line('parquet')}"
        ) from None
    return parquet


def _unreadable(path: Path, error: Exception) -> DataError:
    reason = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    return DataError(f"{path}: cannot be read as Parquet ({reason})")
