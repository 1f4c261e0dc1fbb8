"""OpenSDID in Parquet, where pyarrow is; and what is said where it is not."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.forgeries.reading import read_forgeries
from benchmark.forgeries.truth import pixels_shape, read_pixels, read_truth
from tests.unit.forgeries.trees import SHAPE, forged


def encoded(pixels: np.ndarray) -> bytes:
    content = io.BytesIO()
    Image.fromarray(pixels).save(content, "PNG")
    return content.getvalue()


def write(path: Path, *, rows: int = 2, drop: str = "") -> Path:
    """A file of OpenSDID: a real, a partly and a wholly synthesized image, in row groups of two."""
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    pixels = encoded(np.full((*SHAPE, 3), 90, np.uint8))
    truth = encoded(forged().astype(np.uint8) * 255)
    columns = {
        "key": ["real/1.jpg", "partial/fake/2.jpg", "entire/fake/3.jpg"],
        "image": [{"bytes": pixels, "path": f"{i}.png"} for i in range(3)],
        "mask": [None, {"bytes": truth, "path": "2.png"}, None],
        "label": [0, 1, 1],
    }
    columns.pop(drop, None)
    picture = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    types = {"key": pa.string(), "image": picture, "mask": picture, "label": pa.int64()}
    schema = pa.schema([(name, types[name]) for name in columns])
    path.parent.mkdir(parents=True, exist_ok=True)
    parquet.write_table(pa.table(columns, schema=schema), path, row_group_size=rows)
    return path


@pytest.mark.parametrize("file", [True, False])
def test_rows_are_items(tmp_path: Path, *, file: bool) -> None:
    path = write(tmp_path / "data/sd15-00000-of-00001.parquet")
    found = read_forgeries(path if file else tmp_path)
    assert found.layout == "opensdid"
    whole, part, real = found.items
    assert [item.name for item in found.items] == [
        "sd15/entire/fake/3.jpg", "sd15/partial/fake/2.jpg", "sd15/real/1.jpg"
    ]  # fmt: skip
    assert (whole.subset, part.subset, real.subset) == ("entire", "partial", "")
    assert (whole.method, real.method, real.authentic) == ("sd15", "", True)
    assert read_truth(whole).all()
    np.testing.assert_array_equal(read_truth(part), forged())
    assert not read_truth(real).any()
    assert read_pixels(whole).shape == (*SHAPE, 3)
    assert pixels_shape(real) == SHAPE
    assert part.fingerprint() != whole.fingerprint()
    assert "1 images are synthesized whole: every pixel is forged" in found.notes


def test_the_same_key_twice_gives_two_names(tmp_path: Path) -> None:
    write(tmp_path / "flux-00000-of-00002.parquet")
    write(tmp_path / "flux-00001-of-00002.parquet")
    names = [item.name for item in read_forgeries(tmp_path).items]
    assert len(set(names)) == 6
    assert "flux/real/1.jpg#2" in names


@pytest.mark.parametrize("column", ["key", "image", "mask", "label"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    write(tmp_path / "sd15.parquet", drop=column)
    with pytest.raises(DataError, match=rf"sd15\.parquet: missing column '{column}"):
        read_forgeries(tmp_path)


def test_what_is_no_parquet_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    (tmp_path / "sd15.parquet").write_bytes(b"PAR1 none")
    with pytest.raises(DataError, match=r"sd15\.parquet: cannot be read as Parquet"):
        read_forgeries(tmp_path)


def test_a_value_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "sd15.parquet")
    source = read_forgeries(path).items[0].image
    with pytest.raises(DataError, match=r"sd15\.parquet\[1\.0\]\.image\.bytes: larger than 4 by"):
        source.read(4)
    monkeypatch.setattr("benchmark.forgeries.parquet.LARGEST_GROUP", 10)
    path.touch()  # another state: what is remembered of the group does not count
    with pytest.raises(DataError, match="in one row group are more than 10; not read"):
        source.read()


class StandIn:
    """What is used of `pyarrow.parquet.ParquetFile`, for machines without it: rows from a list."""

    def __init__(self, rows: list[dict[str, Any]]) -> None:
        self._rows = rows
        leaves = ("key", "image.bytes", "image.path", "mask.bytes", "mask.path", "label")
        self.schema = self
        self.metadata = self
        self.num_row_groups = 2
        self.num_columns = len(leaves)
        self._leaves = [
            SimpleNamespace(path=one, path_in_schema=one, total_uncompressed_size=99)
            for one in leaves
        ]

    def __call__(self, path: Path) -> StandIn:
        return self

    def __enter__(self) -> StandIn:
        return self

    def __exit__(self, *error: object) -> None:
        pass

    def __len__(self) -> int:
        return len(self._leaves)

    def column(self, number: int) -> SimpleNamespace:
        return self._leaves[number]

    def row_group(self, number: int) -> StandIn:
        return self

    def read_row_group(self, number: int, *, columns: list[str]) -> SimpleNamespace:
        part = self._rows[2 * number : 2 * number + 2]
        tops = [name.partition(".")[0] for name in columns]

        def column(name: str | int) -> Column:
            return Column(row[tops[name] if isinstance(name, int) else name] for row in part)

        return SimpleNamespace(column_names=tops, column=column)


class Column(list[Any]):
    """A column of it."""

    def to_pylist(self) -> list[Any]:
        return list(self)

    def __getitem__(self, row: Any) -> Any:
        return SimpleNamespace(as_py=lambda: list(self)[row])


def test_rows_are_items_of_a_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = encoded(np.full((*SHAPE, 3), 90, np.uint8))
    truth = encoded(forged().astype(np.uint8) * 255)
    rows = [
        {"key": "real/1.jpg", "label": 0, "mask": None},
        {"key": "partial/fake/2.jpg", "label": 1, "mask": {"bytes": truth, "path": "2.png"}},
        {"key": "entire/fake/3.jpg", "label": 1, "mask": None},
        {"key": "real/1.jpg", "label": -1, "mask": None},
    ]
    rows = [{**row, "image": {"bytes": pixels, "path": None}} for row in rows]
    module = SimpleNamespace(ParquetFile=StandIn(rows))
    monkeypatch.setitem(sys.modules, "pyarrow", SimpleNamespace(parquet=module))
    (tmp_path / "sd3-00000-of-00001.parquet").write_bytes(b"")
    found = read_forgeries(tmp_path)
    whole, part, real = found.items
    assert [item.name for item in found.items] == [
        "sd3/entire/fake/3.jpg", "sd3/partial/fake/2.jpg", "sd3/real/1.jpg"
    ]  # fmt: skip
    assert [one.name for one in found.skipped] == ["sd3/real/1.jpg"]
    np.testing.assert_array_equal(read_truth(part), forged())
    assert read_truth(whole).all()
    assert not read_truth(real).any()
    assert read_pixels(part).shape == (*SHAPE, 3)


def test_without_pyarrow_the_extra_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "sd15.parquet").write_bytes(b"")
    with pytest.raises(DataError, match=r"Parquet needs a package that is not here: pip install"):
        read_forgeries(tmp_path)
