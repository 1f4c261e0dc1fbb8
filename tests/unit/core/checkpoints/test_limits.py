"""Checkpoints that are small on disk and huge in memory are refused."""

from __future__ import annotations

import json
import pickle
import struct
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from benchmark.core.checkpoints import limits as saved
from benchmark.core.checkpoints.load import read_checkpoint, read_metadata, refuse_unfit
from benchmark.core.errors import WeightsError
from tests.peak import LINUX, Peak, peak_of, peaks_of

READ = "from pathlib import Path; from benchmark.core.checkpoints.load import read_checkpoint"
CALL = "read_checkpoint(Path(word))"


def name_of(module: str, name: str) -> bytes:
    return f"c{module}\n{name}\n".encode()


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def number(value: int) -> bytes:
    return b"\x8a\x08" + struct.pack("<q", value)


def called(module: str, name: str, *arguments: bytes) -> bytes:
    return name_of(module, name) + b"(" + b"".join(arguments) + b"tR"


def tensor(count: int, size: Sequence[int], stride: Sequence[int]) -> bytes:
    storage = name_of("torch", "FloatStorage")
    identity = text("storage") + storage + text("0") + text("cpu") + number(count)
    sides = [b"(" + b"".join(map(number, one)) + b"t" for one in (size, stride)]
    hooks = called("collections", "OrderedDict")
    place = b"(" + identity + b"tQ"
    return called("torch._utils", "_rebuild_tensor_v2", place, number(0), *sides, b"\x89", hooks)


def archive(path: Path, value: bytes, storage: bytes = b"", how: int = zipfile.ZIP_STORED) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a/data.pkl", b"\x80\x02}" + text("a") + value + b"s.")
        file.writestr("a/version", "3\n")
        file.writestr("a/byteorder", "little")
        file.writestr("a/data/0", storage, compress_type=how)
    return path


def bombs() -> dict[str, tuple[bytes, bytes, int, str]]:
    """Value, storage, kind of storage, and what is said, by name."""
    encoded = text("abcdefgh")
    for _ in range(28):
        encoded = called("_codecs", "encode", encoded, text("hex"))
    repeated = b"]" + text("x" * 1_000_000) + b"q\x01a("
    repeated += b"".join(called("_codecs", "encode", b"h\x01", text("latin1")) for _ in range(3000))
    stored = zipfile.ZIP_STORED
    array = called("builtins", "bytearray", number(2 * 10**9))
    old = called("__builtin__", "bytearray", number(2 * 10**9))
    record = called("numpy", "dtype", text("V2000000000"))
    return {
        "compressed": (
            tensor(25_000_000, [25_000_000], [1]), bytes(100_000_000), zipfile.ZIP_DEFLATED,
            "a/data/0 is compressed",
        ),
        "more than its storage": (tensor(10**10, [10**10], [1]), b"abcd", stored, "damaged"),
        "repeated": (tensor(1, [10**5, 10**5], [0, 0]), b"abcd", stored, "fewer elements"),
        "byte array": (array, b"", stored, "byte arrays"),
        "byte array of Python 2": (old, b"", stored, "byte arrays"),
        "encoded again and again": (encoded, b"", stored, "codec 'hex'"),
        "one text many times": (repeated + b"e", b"", stored, "over 1,073,741,824 bytes of text"),
        "a record for a number": (
            called("numpy.core.multiarray", "scalar", record), b"", stored, "a number of type",
        ),
        "a tensor of any size": (
            called("torch", "Tensor", number(10**10)), b"", stored, "uses torch.Tensor",
        ),
    }  # fmt: skip


SAID = {name: said for name, (_, _, _, said) in bombs().items()}


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Peak]:
    """The peak of reading each bomb."""
    folder = tmp_path_factory.mktemp("bombs")
    paths = {
        name: archive(folder / f"{number}.pth", value, storage, how)
        for number, (name, (value, storage, how, _)) in enumerate(bombs().items())
    }
    return peaks_of(READ, CALL, paths)


@pytest.mark.skipif(not LINUX, reason="peak memory is read from /proc")
@pytest.mark.parametrize("name", SAID)
def test_a_bomb_is_refused_with_little_memory(name: str, peaks: dict[str, Peak]) -> None:
    peak = peaks[name]
    assert SAID[name] in peak.said
    assert "\n" not in peak.said
    assert peak.mebibytes < 60


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (torch.zeros(4, 4).to_sparse(), "sparse tensors"),
        (torch.empty(4, device="meta"), r"tensors without numbers \(meta\)"),
    ],
)
def test_tensors_that_are_not_plain_are_refused(
    value: torch.Tensor, said: str, tmp_path: Path
) -> None:
    for new in (True, False):
        torch.save({"a": value}, tmp_path / "a.pth", _use_new_zipfile_serialization=new)
        with pytest.raises(WeightsError, match=said):
            read_checkpoint(tmp_path / "a.pth")


@pytest.mark.filterwarnings("ignore")
def test_nested_tensors_are_refused(tmp_path: Path) -> None:
    nested = torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)])
    torch.save({"a": nested}, tmp_path / "a.pth")
    with pytest.raises(WeightsError, match="nested tensors"):
        read_checkpoint(tmp_path / "a.pth")


@pytest.mark.parametrize("new", [True, False])
def test_what_training_programs_write_is_read(new: bool, tmp_path: Path) -> None:
    content = {
        "state_dict": {"a": torch.arange(6.0).reshape(2, 3).T, "b": nn.Parameter(torch.ones(2))},
        "epoch": np.float64(3),
        "size": torch.Size([2, 3]),
        "note": "x" * 1000,
    }
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=new)
    found = read_checkpoint(tmp_path / "a.pth")
    assert torch.equal(found["state_dict"]["a"], content["state_dict"]["a"])  # type: ignore[index]
    assert (found["epoch"], found["size"], found["note"]) == (3, torch.Size([2, 3]), "x" * 1000)


def test_members_that_overlap_are_refused(tmp_path: Path) -> None:
    """Two entries of the directory that name the same bytes."""
    path = archive(tmp_path / "a.pth", b"N", bytes(1000))
    content = bytearray(path.read_bytes())
    start = content.rindex(b"PK\x05\x06")
    size, at = struct.unpack("<II", content[start + 12 : start + 20])
    directory = bytes(content[at : at + size])
    entry = directory[directory.rindex(b"PK\x01\x02") :].replace(b"a/data/0", b"a/data/1")
    end = bytearray(content[start:])
    end[8:12] = struct.pack("<HH", 5, 5)
    end[12:16] = struct.pack("<I", size + len(entry))
    path.write_bytes(bytes(content[: at + size]) + entry + bytes(end))
    with pytest.raises(WeightsError, match="overlap"):
        read_checkpoint(path)


def test_a_long_pickle_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved, "LONGEST_PICKLE", 1000)
    with pytest.raises(WeightsError, match="instructions of more than 1,000 bytes"):
        read_checkpoint(archive(tmp_path / "a.pth", b"]" + b"N0" * 1000))
    (tmp_path / "b.pth").write_bytes(pickle.dumps({str(k): k for k in range(1000)}, protocol=2))
    with pytest.raises(WeightsError, match="instructions of more than 1,000 bytes"):
        read_checkpoint(tmp_path / "b.pth")


def headed(path: Path, header: bytes, stated: int | None = None) -> Path:
    length = len(header) if stated is None else stated
    path.write_bytes(struct.pack("<Q", length) + header + bytes(40))
    return path


@pytest.mark.parametrize(
    ("header", "stated", "said"),
    [
        (b"{", 99_000_000, "a header of 99,000,000 bytes"),
        (
            (
                b'{"a":{"dtype":"F32","shape":[10],"data_offsets":[0,40]},'
                b'"b":{"dtype":"F32","shape":[10],"data_offsets":[0,40]}}'
            ),
            None,
            "invalid offset",
        ),
        (b'{"a":{"dtype":"F32","shape":[9999999999],"data_offsets":[0,40]}}', None, "damaged"),
        (b'{"a":' + b"[" * 100_000, None, "damaged"),
    ],
)
def test_odd_headers_of_safetensors(
    header: bytes, stated: int | None, said: str, tmp_path: Path
) -> None:
    path = headed(tmp_path / "a.safetensors", header, stated)
    for read in (read_checkpoint, read_metadata):
        with pytest.raises(WeightsError, match=said):
            read(path)


def test_a_long_note_is_refused(tmp_path: Path) -> None:
    note = '{"config": ' + "[" * 5_000_000
    header = json.dumps({"__metadata__": {"bench": note}}).encode()
    path = headed(tmp_path / "a.safetensors", header + b" " * (-len(header) % 8))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(WeightsError, match="damaged metadata"):
        read_metadata(path)


class Wide(nn.Module):
    def __init__(self, width: int, depth: int = 1) -> None:
        super().__init__()
        layers = (nn.Linear(width, width) for _ in range(depth))
        self.layers = nn.ModuleList(layers)


@pytest.mark.parametrize(("width", "depth"), [(10**6, 1), (2, 10**9), (10**12, 1), (-1, 1)])
def test_stated_sizes_are_compared_before_memory_is_taken(width: int, depth: int) -> None:
    state = Wide(2).state_dict()
    with pytest.raises(WeightsError, match=r"a\.safetensors"):
        refuse_unfit(lambda: Wide(width, depth), state, Path("a.safetensors"))
    refuse_unfit(lambda: Wide(2), state, Path("a.safetensors"))


def huge(path: Path, model: str, config: dict[str, object]) -> Path:
    """Write a file of one tensor whose config is of a network of hundreds of gigabytes."""
    note = json.dumps({"model": model, "config": config})
    save_file({"a": torch.zeros(4)}, path, metadata={"bench": note})
    return path


MODELS: dict[str, tuple[str, str, dict[str, object]]] = {
    "lama": ("inpainters.lama", "load_generator", {"width": 60_000, "blocks": 18}),
    "safepaint": (
        "inpainters.safepaint", "load_generator",
        {"width": 60_000, "blocks": 8, "extractor_width": 64, "vector": 16, "rwsa": True},
    ),
}  # fmt: skip


@pytest.mark.skipif(not LINUX, reason="peak memory is read from /proc")
@pytest.mark.parametrize("model", MODELS)
def test_a_small_file_of_a_huge_network_is_refused(model: str, tmp_path: Path) -> None:
    """A file of 2 KB whose config has a width of 60,000: hundreds of gigabytes."""
    module, function, config = MODELS[model]
    path = huge(tmp_path / "a.safetensors", model, config)
    assert path.stat().st_size < 2500
    setup = f"from pathlib import Path; import torch; from {module} import {function}"
    peak = peak_of(setup, f"{function}(Path(word))", path)
    assert "its network config needs more than its 1 tensors" in peak.said
    assert peak.mebibytes < 60


def test_the_archives_of_these_tests_are_read(tmp_path: Path) -> None:
    """Else their refusal would show nothing."""
    path = archive(tmp_path / "a.pth", tensor(3, [3], [1]), np.arange(3, dtype="<f4").tobytes())
    assert read_checkpoint(path)["a"].tolist() == [0, 1, 2]
