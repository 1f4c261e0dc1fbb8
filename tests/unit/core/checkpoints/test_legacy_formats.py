"""Legacy checkpoint formats are read, and nothing in a file is executed or imported."""

from __future__ import annotations

import io
import os
import pickle
import struct
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from benchmark.core.checkpoints.legacy_formats import (
    is_bare_pickle,
    read_archive,
    read_network,
    read_pickled_arrays,
)
from benchmark.core.checkpoints.pickle_vm import GlobalName, PickleMachine, UnbuiltObject
from benchmark.core.errors import WeightsError
from benchmark.verify.stylegan import save_as_authors

PREFIXES = ("generator.", "model.generator.")
STATE = {
    "b8.conv.weight": torch.arange(24.0).reshape(2, 3, 4),
    "b8.conv.bias": torch.ones(2).half(),
    "b8.resample_filter": torch.full((2, 2), 0.25),
    "b8.noise_strength": torch.tensor(0.5),
    "mapping.w_avg": torch.zeros(3, dtype=torch.int64),
}


class Bomb:
    """An object that runs a command when it is unpickled."""

    def __init__(self, crater: Path) -> None:
        self.crater = crater

    def __reduce__(self):
        return os.system, (f"touch {self.crater}",)


def archive(path, data, storages=None, *, compression=zipfile.ZIP_STORED):
    """Write a zip archive in torch.save's layout, with the given pickle."""
    with zipfile.ZipFile(path, "w", compression) as file:
        file.writestr("best/data.pkl", data)
        for key, raw in (storages or {}).items():
            file.writestr(f"best/data/{key}", raw)
    return path


def tensor_call(*, key=b"0", count=4, offset=0, size=(4,), stride=(1,)):
    """Instructions that make a float32 tensor of a zip archive."""

    def numbers(values):
        return (
            b"(" + b"".join(b"\x8a\x08" + struct.pack("<Q", one % 2**64) for one in values) + b"t"
        )

    storage = b"(X\x07\x00\x00\x00storagectorch\nFloatStorage\nX\x01\x00\x00\x00" + key
    storage += b"X\x03\x00\x00\x00cpu" + b"\x8a\x08" + struct.pack("<q", count) + b"tQ"
    place = b"\x8a\x08" + struct.pack("<q", offset) + numbers(size) + numbers(stride)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + place + b"\x89}tR"


def with_state(instructions):
    """A pickle of {"state_dict": {"generator.a": ...}}."""
    return b"\x80\x02}X\x0a\x00\x00\x00state_dict}X\x0b\x00\x00\x00generator.a" + (
        instructions + b"ss."
    )


def floats(count):
    return struct.pack(f"<{count}f", *range(count))


def same(actual, expected):
    assert list(actual) == list(expected)
    for name, value in expected.items():
        assert actual[name].dtype == value.dtype
        assert torch.equal(actual[name], value)


@pytest.fixture
def pickled(tmp_path):
    save_as_authors(tmp_path / "places.pkl", STATE)
    return tmp_path / "places.pkl"


@pytest.mark.parametrize("protocol", [3, 4])
def test_a_stylegan_pickle_gives_its_state_dict_in_order(tmp_path, protocol):
    file = tmp_path / "places.pkl"
    save_as_authors(file, STATE, protocol=protocol)
    assert is_bare_pickle(file)
    read = read_network(file, "G_ema")
    assert "training.ffc" not in sys.modules
    # Parameters, then buffers, then modules.
    order = ["noise_strength", "resample_filter", "conv.weight", "conv.bias"]
    names = [*(f"b8.{name}" for name in order), "mapping.w_avg"]
    same(read, {name: STATE[name] for name in names})


def test_an_archive_of_torch_save_gives_the_wanted_tensors(tmp_path):
    shared = torch.arange(12.0)
    state = {
        "loss.weight": torch.ones(2),
        "generator.rows": shared.reshape(3, 4),
        "generator.turned": shared.reshape(3, 4).T,
        "generator.tail": shared[9:],
        "generator.empty": torch.empty(0, 3),
        "generator.count": torch.tensor(7),
        "generator.learnt": nn.Parameter(torch.ones(2, 1).double()),
        "generator.note": "no tensor",
    }
    torch.save({"epoch": 3, "state_dict": state}, tmp_path / "best.ckpt")
    assert not is_bare_pickle(tmp_path / "best.ckpt")
    read = read_archive(tmp_path / "best.ckpt", PREFIXES)
    kept = [name for name in state if name.startswith("generator.") and name != "generator.note"]
    same(read, {name.removeprefix("generator."): state[name].detach() for name in kept})


@pytest.mark.filterwarnings("ignore:`torch.jit")
def test_a_torchscript_archive_gives_its_modules_tensors(tmp_path):
    program = nn.Module()
    program.model = nn.Module()
    program.model.generator = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2))
    program.model.other = nn.Linear(2, 2)
    program.forward = program.model.generator.forward
    torch.jit.trace(program.eval(), torch.ones(1, 1, 4, 4)).save(str(tmp_path / "model.pt"))
    read = read_archive(tmp_path / "model.pt", PREFIXES)
    expected = program.model.generator.state_dict()
    same(dict(sorted(read.items())), dict(sorted(expected.items())))


def test_a_global_is_never_imported(tmp_path, monkeypatch):
    (tmp_path / "trap.py").write_text("raise SystemExit('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    for call in (
        b"ctrap\nspring\n)R",
        b"ctrap\nspring\n)\x81}b",
        b"\x8c\x04trap\x8c\x06spring\x93",
    ):
        played = PickleMachine().run(io.BytesIO(b"\x80\x04" + call + b"."))
        assert isinstance(played, UnbuiltObject | GlobalName)
    assert "trap" not in sys.modules


def bombs(crater):
    """Return pickles that run a command, each in another way."""
    touch = f"touch {crater}".encode()
    argument = b"X" + struct.pack("<I", len(touch)) + touch
    code = f"open({str(crater)!r}, 'w')".encode()
    written = b"X" + struct.pack("<I", len(code)) + code
    return {
        "reduce": b"cos\nsystem\n" + argument + b"\x85R",
        "stack global": b"\x8c\x08builtins\x8c\x04exec\x93" + written + b"\x85R",
        "new object": b"csubprocess\nPopen\n" + argument + b"\x85\x81",
        "state": b"cbuiltins\neval\n)R}" + written + b"Nsb",
        "getattr": b"cbuiltins\ngetattr\ncos\nX\x06\x00\x00\x00system\x86R" + argument + b"\x85R",
        "inst": b"(" + argument + b"ios\nsystem\n",
        "obj": b"(cos\nsystem\n" + argument + b"o",
        "extension": b"\x82\x01",
        "source text": b"ctorch_utils.persistence\n_reconstruct_persistent_obj\n"
        b"}X\x0a\x00\x00\x00module_src" + written + b"s\x85R",
    }


@pytest.mark.parametrize("kind", bombs("x"))
def test_a_bomb_is_not_run_in_an_archive(tmp_path, kind):
    crater = tmp_path / "crater"
    file = archive(tmp_path / "best.ckpt", with_state(bombs(crater)[kind]))
    with pytest.raises(WeightsError, match="nothing in it was run") as caught:
        read_archive(file, PREFIXES)
    assert "\n" not in str(caught.value)
    assert not crater.exists()


@pytest.mark.parametrize("kind", bombs("x"))
def test_a_bomb_is_not_run_in_a_bare_pickle(tmp_path, kind):
    crater, file = tmp_path / "crater", tmp_path / "places.pkl"
    file.write_bytes(b"\x80\x03}X\x05\x00\x00\x00G_ema" + bombs(crater)[kind] + b"s.")
    with pytest.raises(WeightsError, match="nothing in it was run"):
        read_network(file, "G_ema")
    assert not crater.exists()


def test_a_bomb_is_not_run_in_a_storage_s_bytes(tmp_path):
    crater, file = tmp_path / "crater", tmp_path / "places.pkl"
    blob = pickle.dumps(Bomb(crater), protocol=3)
    call = b"ctorch.storage\n_load_from_bytes\nB" + struct.pack("<I", len(blob)) + blob + b"\x85R"
    file.write_bytes(b"\x80\x03}X\x05\x00\x00\x00G_ema" + call + b"s.")
    with pytest.raises(WeightsError, match="nothing in it was run"):
        read_network(file, "G_ema")
    assert not crater.exists()


def test_a_bomb_beside_the_tensors_does_not_keep_them_from_being_read(tmp_path):
    crater = tmp_path / "crater"
    content = {"callbacks": Bomb(crater), "state_dict": {"generator.a": torch.ones(3)}}
    torch.save(content, tmp_path / "best.ckpt")
    same(read_archive(tmp_path / "best.ckpt", PREFIXES), {"a": torch.ones(3)})
    assert not crater.exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"size": (5,)},
        {"offset": 1},
        {"offset": -1},
        {"stride": (2,)},
        {"stride": (-1,)},
        {"size": (10**12,), "stride": (0,)},
        {"size": (2, 4), "stride": (0, 1)},
        {"size": (4, 1), "stride": (1,)},
        {"size": (1,) * 65, "stride": (1,) * 65},
        {"size": (2**63,)},
        {"count": 10**12},
        {"count": 3, "size": (3,)},
        {"count": -1},
        {"key": b"1"},
    ],
    ids=str,
)
def test_a_tensor_that_reaches_beyond_its_bytes_is_refused(tmp_path, wrong):
    file = archive(tmp_path / "best.ckpt", with_state(tensor_call(**wrong)), {"0": floats(4)})
    with pytest.raises(WeightsError, match="nothing in it was run"):
        read_archive(file, PREFIXES)


def test_the_right_tensor_is_read(tmp_path):
    file = archive(tmp_path / "best.ckpt", with_state(tensor_call()), {"0": floats(4)})
    same(read_archive(file, PREFIXES), {"a": torch.arange(4.0)})


def memory_bombs():
    """Return small pickles that would exhaust the memory or never end."""
    many, big = 3000, b"(" + b"K\x01" * 3000 + b"lq\x00"
    nested = b")q\x00" + b"".join(b"h\x00h\x00\x86q\x00" for _ in range(60))
    return {
        "memo": b"Nr\xff\xff\xff\x7f",
        "length": b"\x8e" + struct.pack("<Q", 2**62),
        "copies of a list": big + b"".join(b"cbuiltins\nset\nh\x00\x85R" for _ in range(many)),
        "copies of a dictionary": b"}q\x00" + b"ccollections\nOrderedDict\nh\x00\x85R" * many,
        "a key that takes forever to hash": b"}" + nested + b"Ns",
        "a set that takes forever to hash": b"(" + nested + b"\x91",
        "a name that takes forever to write": nested + b"h\x00h\x00\x93",
        "a storage that takes forever to name": nested + b"(X\x07\x00\x00\x00storage"
        b"ctorch\nFloatStorage\nh\x00NK\x04tQ",
        "long number": b"\x8b" + struct.pack("<i", 2**31 - 1),
        "copies of a name": b"\x8c\xffmq\x00" + b"h\x00h\x00\x93" * many,
        "unclosed": b"(" * many,
        "depth": b"\x85".join([b"N"] + [b""] * 20_000),
    }


@pytest.mark.parametrize("kind", memory_bombs())
@pytest.mark.timeout(60)
def test_memory_and_time_stay_in_proportion_to_the_file(tmp_path, kind):
    file = archive(tmp_path / "best.ckpt", with_state(memory_bombs()[kind]))
    tracemalloc.start()
    try:
        with pytest.raises(WeightsError, match="nothing in it was run"):
            read_archive(file, PREFIXES)
        assert tracemalloc.get_traced_memory()[1] < 64 * 2**20
    finally:
        tracemalloc.stop()


def test_a_shared_storage_is_read_once(tmp_path):
    entries = b"".join(
        b"X\x0d\x00\x00\x00generator.%03d" % index + tensor_call(count=250_000) + b"s"
        for index in range(200)
    )
    data = b"\x80\x02}X\x0a\x00\x00\x00state_dict}" + entries + b"s."
    file = archive(tmp_path / "best.ckpt", data, {"0": bytes(1_000_000)})
    tracemalloc.start()
    try:
        assert len(read_archive(file, PREFIXES)) == 200
        assert tracemalloc.get_traced_memory()[1] < 20 * 2**20
    finally:
        tracemalloc.stop()


def test_a_compressed_archive_is_refused(tmp_path):
    data, raw = with_state(tensor_call(count=10**6)), {"0": bytes(4 * 10**6)}
    file = archive(tmp_path / "best.ckpt", data, raw, compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(WeightsError, match=r"no data\.pkl"):
        read_archive(file, PREFIXES)


def overlapping(path, data, inner):
    """An archive of two storages, the first of which holds the second's header and bytes.

    So it says that it holds nearly twice what it does; with many layers, as much as it likes.
    """

    def header(name, content):
        return struct.pack(
            "<4s5H3I2H", b"PK\3\4", 20, 0, 0, 0, 0, zlib.crc32(content), *[len(content)] * 2,
            len(name), 0,
        ) + name  # fmt: skip

    names = [b"best/data.pkl", b"best/data/0", b"best/data/1"]
    second = header(names[2], inner) + inner
    body, places = b"", []
    for name, content in zip(names, (data, second, None), strict=True):
        if content is None:  # within the one before
            places.append(len(body) - len(second))
            continue
        places.append(len(body))
        body += header(name, content) + content
    contents = (data, second, inner)
    listed = b""
    for name, content, place in zip(names, contents, places, strict=True):
        listed += struct.pack(
            "<4s6H3I5H2I", b"PK\1\2", 20, 20, 0, 0, 0, 0, zlib.crc32(content),
            *[len(content)] * 2, len(name), 0, 0, 0, 0, 0, place,
        ) + name  # fmt: skip
    end = struct.pack("<4s4H2IH", b"PK\5\6", 0, 0, 3, 3, len(listed), len(body), 0)
    path.write_bytes(body + listed + end)
    return path


def test_an_archive_whose_entries_overlap_is_refused(tmp_path):
    """Even where what is read of it does not: what it says of itself is no archive's."""
    inner = floats(1000)
    for key, count in ((b"0", 1010), (b"1", 1000)):
        data = with_state(tensor_call(key=key, count=count, size=(4,)))
        file = overlapping(tmp_path / "best.ckpt", data, inner)
        assert zipfile.ZipFile(file).namelist()[1:] == ["best/data/0", "best/data/1"]
        with pytest.raises(WeightsError, match="its entries overlap"):
            read_archive(file, PREFIXES)


def network(parts):
    """Instructions for a plain module whose attribute dictionary holds these."""
    return b"ctraining.ffc\nFFC\n)\x81}(" + parts + b"ub"


def text(word):
    return b"X" + struct.pack("<I", len(word)) + word


@pytest.mark.parametrize("depth", [1, 40])
def test_modules_held_twice_are_refused(tmp_path, depth):
    """As a chain of 40 in which each holds the next twice they would be 2 to the 40."""
    empty = text(b"_parameters") + b"}" + text(b"_buffers") + b"}"
    inner = network(empty + text(b"_modules") + b"}")
    for _ in range(depth):
        twice = b"}(" + text(b"a") + inner + b"q\x01" + text(b"b") + b"h\x01u"
        inner = network(empty + text(b"_modules") + twice)
    (tmp_path / "places.pkl").write_bytes(b"\x80\x03}" + text(b"G_ema") + inner + b"s.")
    with pytest.raises(WeightsError, match="occurs twice"):
        read_network(tmp_path / "places.pkl", "G_ema")


def test_a_module_within_itself_is_refused(tmp_path):
    parts = text(b"_parameters") + b"}" + text(b"_buffers") + b"}" + text(b"_modules")
    loop = b"ctraining.ffc\nFFC\n)\x81q\x01}(" + parts + b"}" + text(b"a") + b"h\x01sub"
    (tmp_path / "places.pkl").write_bytes(b"\x80\x03}" + text(b"G_ema") + loop + b"s.")
    with pytest.raises(WeightsError, match="contains itself"):
        read_network(tmp_path / "places.pkl", "G_ema")


def test_a_truncated_pickle_is_refused_wherever_it_ends(tmp_path, pickled):
    whole, cut = pickled.read_bytes(), tmp_path / "cut.pkl"
    for length in range(0, len(whole), 29):
        cut.write_bytes(whole[:length])
        with pytest.raises(WeightsError, match=r"cut\.pkl"):
            read_network(cut, "G_ema")


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_a_damaged_pickle_is_refused_or_read_and_nothing_else(tmp_path, data):
    file = tmp_path / "places.pkl"
    if not file.exists():
        save_as_authors(file, STATE)
    raw = bytearray(file.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.pkl"
    damaged.write_bytes(raw)
    try:
        read_network(damaged, "G_ema")
    except WeightsError as error:
        assert "\n" not in str(error)  # noqa: PT017 (either way is right)


@pytest.mark.parametrize(
    "read", [lambda f: read_archive(f, PREFIXES), lambda f: read_network(f, "G")]
)
def test_a_missing_or_empty_file_is_refused(tmp_path, read):
    with pytest.raises(WeightsError, match="no such checkpoint file"):
        read(tmp_path / "nowhere.pkl")
    (tmp_path / "empty.pkl").touch()
    with pytest.raises(WeightsError, match=r"empty\.pkl"):
        read(tmp_path / "empty.pkl")


def test_what_was_found_instead_is_said(tmp_path, pickled):
    torch.save({"something": {}}, tmp_path / "best.ckpt")
    with pytest.raises(WeightsError, match="'state_dict', found something"):
        read_archive(tmp_path / "best.ckpt", PREFIXES)
    torch.save({"state_dict": {"encoder.a": torch.ones(1)}}, tmp_path / "best.ckpt")
    with pytest.raises(WeightsError, match=r"no tensors named generator\.\*, found encoder\.a"):
        read_archive(tmp_path / "best.ckpt", PREFIXES)
    with pytest.raises(WeightsError, match="expected a network 'D', found G, G_ema"):
        read_network(pickled, "D")


def arrays(*names: str, protocol: int = 3) -> bytes:
    """A pickle of nested dictionaries of arrays, as numpy 1 wrote it."""
    content = {"net": {name: np.arange(6, dtype=np.float32).reshape(2, 3) + 1 for name in names}}
    said = pickle.dumps(content, protocol)
    return said.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n")


@pytest.mark.parametrize("protocol", [2, 3])
def test_wanted_arrays_are_read_from_a_pickle(protocol: int, tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    path.write_bytes(arrays("one", "other", protocol=protocol))
    found = read_pickled_arrays(path, ["net/other", "net/one"])
    assert list(found) == ["net/other", "net/one"]
    assert found["net/one"].tolist() == [[1, 2, 3], [4, 5, 6]]


def test_an_array_whose_columns_come_first(tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    array = np.asfortranarray(np.arange(6, dtype=np.float32).reshape(2, 3))
    said = pickle.dumps({"a": array}, 3)
    path.write_bytes(said.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n"))
    assert read_pickled_arrays(path, ["a"])["a"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_a_pickle_of_arrays_that_asks_for_another_global_is_refused(tmp_path: Path) -> None:
    path, crater = tmp_path / "a.ckpt", tmp_path / "crater"
    path.write_bytes(pickle.dumps({"net": {"one": 1}, "evil": Bomb(crater)}, 3))
    with pytest.raises(WeightsError, match=r"nothing in it was run \(it uses \w+\.\w+\)"):
        read_pickled_arrays(path, ["net/one"])
    assert not crater.exists()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"net": {}}, "no array 'net/one'"),
        ({"net": {"one": 3}}, "expected an array"),
        ({"net": {"one": np.ones(2)}}, "expected a float32 array"),
        ({"net": {"one": np.ones(2, ">f4")}}, "expected a float32 array"),
        ([1], "no array 'net/one'"),
    ],
    ids=["none", "a number", "doubles", "big-endian", "a list"],
)
def test_what_is_no_array_of_float32_is_refused(content: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    raw = pickle.dumps(content, 3)
    path.write_bytes(raw.replace(b"numpy._core.multiarray\n", b"numpy.core.multiarray\n"))
    with pytest.raises(WeightsError, match=said):
        read_pickled_arrays(path, ["net/one"])


@pytest.mark.parametrize("shape", [b"K\x07", b"K\x00"], ids=["more", "none"])
def test_an_array_of_another_size_than_its_bytes(shape: bytes, tmp_path: Path) -> None:
    path = tmp_path / "a.ckpt"
    assert arrays("one").count(b"K\x02K\x03") == 1
    path.write_bytes(arrays("one").replace(b"K\x02K\x03", b"K\x02" + shape))
    with pytest.raises(WeightsError, match="cannot reshape"):
        read_pickled_arrays(path, ["net/one"])
