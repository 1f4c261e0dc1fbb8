"""Untrusted .npy and .npz files: headers are checked first, large arrays are refused."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.arrays import (
    MOST_NUMBERS,
    TooManyNumbersError,
    decode_array,
    read_array,
    read_arrays,
)
from tests.peak import LINUX, peak_of

SETUP = "from pathlib import Path; from benchmark.core.arrays import read_array, read_arrays"


def header(shape: tuple[int, ...], kind: str = "<f4") -> bytes:
    stream = io.BytesIO()
    described = {"descr": kind, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, described)
    return stream.getvalue()


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize(
    "kind", ["uint8", "uint16", "float16", "float32", "float64", ">f4", "bool"]
)
def test_what_numpy_writes_is_read(order: str, kind: str, tmp_path: Path) -> None:
    array = np.arange(12).reshape(3, 4).astype(kind)
    array = np.asfortranarray(array) if order == "F" else array
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", map=array, score=np.float32(0.5))
    found = read_array(tmp_path / "a.npy")
    packed = read_arrays(tmp_path / "a.npz", ("map",))
    decoded = decode_array((tmp_path / "a.npy").read_bytes())
    assert packed is not None
    assert list(packed) == ["map"]
    for one in (found, packed["map"], decoded):
        assert one is not None
        assert one.dtype == array.dtype
        assert np.array_equal(one, array)
    every = read_arrays(tmp_path / "a.npz")
    assert every is not None
    assert every["score"].item() == 0.5


def test_a_sparse_file_of_gigabytes_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    path.write_bytes(header((50_000, 60_000)))
    os.truncate(path, 12 * 10**9 + 128)
    with pytest.raises(TooManyNumbersError, match="50000x60000 numbers are more than 89,478,485"):
        read_array(path)
    assert decode_array(header((50_000, 60_000))) is None


@pytest.mark.skipif(not LINUX, reason="peak memory is read from /proc")
def test_a_packed_member_is_refused_with_little_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        with file.open("map.npy", "w") as member:
            member.write(header((MOST_NUMBERS + 1,), "|u1"))
            for _ in range(90):
                member.write(bytes(1_000_000))
        file.writestr("other.npy", header((9,)) + bytes(36))
    peak = peak_of(SETUP, "read_arrays(Path(word), ('map',))", path)
    assert "89478486 numbers are more than 89,478,485; not read" in peak.said
    assert peak.mebibytes < 30
    assert read_arrays(path, ("other",)) is not None  # what is not wanted is not looked at


def test_members_count_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.core.arrays.MOST_NUMBERS", 100)
    np.savez(tmp_path / "a.npz", a=np.zeros(60), b=np.zeros(60))
    with pytest.raises(TooManyNumbersError):
        read_arrays(tmp_path / "a.npz")


@pytest.mark.parametrize(
    "content",
    [
        header((10**6,)) + bytes(40),  # fewer bytes than stated
        header((2**62, 2**62)),
        header((-1, 4)),
        header((4,), "|O") + bytes(32),
        header((4,), "|V0"),
        b"\x93NUMPY\x01\x00\xff\xff" + b"(" * 65535,
        b"\x93NUMPY\x02\x00" + (10**9).to_bytes(4, "little") + b"{",
        b"\x93NUMPY\x09\x00",
        b"",
    ],
)
def test_what_is_no_array_is_none(content: bytes, tmp_path: Path) -> None:
    assert decode_array(content) is None
    (tmp_path / "a.npy").write_bytes(content)
    try:
        assert read_array(tmp_path / "a.npy") is None
    except TooManyNumbersError as error:
        assert "4611686018427387904" in str(error)  # noqa: PT017 (None or this)
