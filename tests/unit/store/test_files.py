"""Stores with remote files: in memory, below file://, in an object store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest

from benchmark.core.errors import OutputError
from benchmark.store.check import check_store
from benchmark.store.clean import clean_store
from benchmark.store.encoding import heatmap_output, image_output
from benchmark.store.files import FolderFileStore
from benchmark.store.store import Store, is_store, rows_folder
from tests.cli.conftest import Bench, bench, photos  # noqa: F401 (fixtures)

KEY, OTHER = "ab" * 16, "cd" * 16
IMAGE = np.arange(5 * 7 * 3, dtype=np.uint8).reshape(5, 7, 3)
LOGITS = np.linspace(-30, 30, 35).reshape(5, 7).astype(np.float16)


@pytest.fixture(params=["memory", "file"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "file":
        yield f"file://{tmp_path}/far"
        return
    from fsspec.implementations.memory import MemoryFileSystem

    yield "memory://bucket/prefix"
    MemoryFileSystem.store.clear()
    MemoryFileSystem.pseudo_dirs[:] = [""]


def put(place: str) -> None:
    with Store(place) as store:
        store.put([image_output(KEY, IMAGE), heatmap_output(OTHER, LOGITS, 0.25)])


def check_roundtrip(place: str) -> None:
    """Outputs are read back, damage is found and repaired, and no file is left over."""
    put(place)
    assert is_store(place)
    with Store(place) as store:
        assert np.array_equal(store.image(KEY), IMAGE)
        assert np.array_equal(store.heatmap(OTHER), LOGITS)
        assert list(clean_store(store)) == []
        assert store.files.prefixes() == ["ab", "cd"]
        store.files.write({f"ab/{KEY}.png": b"half", "ab/stranger.png": b"12345"})
    assert sorted(one.kind for one in check_store(place)) == ["file", "orphan"]
    put(place)
    with Store(place) as store:
        assert np.array_equal(store.image(KEY), IMAGE)
        store.files.remove([f"cd/{OTHER}.npy"])
        with pytest.raises(OutputError, match=f"{place}/objects/cd/{OTHER}.npy: missing"):
            store.heatmap(OTHER)
        assert store.known([KEY, OTHER]) == {KEY}
        assert [(one.kind, one.size) for one in clean_store(store)] == [("orphan", 5)]
    assert list(check_store(place)) == []


@pytest.mark.parametrize("old", [None, b"old"])
def test_an_interrupted_write_keeps_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bytes | None
) -> None:
    files = FolderFileStore(tmp_path)
    if old is not None:
        files.write({"ab/file": old})
    write = Path.write_bytes

    def half(self: Path, content: bytes) -> int:
        write(self, content[: len(content) // 2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    with pytest.raises(OutputError, match="ab/file: cannot be written"):
        files.write({"ab/file": b"a new content"})
    assert files.read("ab/file") == old
    assert files.list_files("ab") == ({} if old is None else {"ab/file": 3})  # and no draft


def test_remote_files(address: str, tmp_path: Path) -> None:
    check_roundtrip(address)
    assert rows_folder(address).is_relative_to(tmp_path / "home")
    assert not [path for path in rows_folder(address).iterdir() if path.is_dir()]


def test_a_run_with_remote_files(
    bench: Bench,  # noqa: F811 (the fixture)
    photos: Path,  # noqa: F811 (the fixture)
    address: str,
) -> None:
    words = ("run", "--inpainter", "meanfill", "--detector", "flatness", "--size", "64",
             "--metrics", "auc,psnr", "--images", photos, "--out")  # fmt: skip
    assert bench(*words, "far", "--store", address).exit_code == 0
    assert bench(*words, "near", "--store", "near-store").exit_code == 0
    for name in ("results.csv", "samples.csv", "table.md"):
        assert Path("far", name).read_bytes() == Path("near", name).read_bytes()
    again = bench(*words, "far", "--store", address, "--json")
    assert '"fill": 0' in again.stdout
    assert bench("check", "far", "--store", address).stdout == "No problems found.\n"
    assert bench("report", "far", "--store", address).exit_code == 0
    assert "data:image/webp" in Path("far/index.html").read_text()
    assert not Path("memory:").exists()
    assert not Path("file:").exists()


@pytest.mark.parametrize(
    ("place", "message"), [("nosuch://a/b", "nosuch"), ("memory2://x", "memory2")]
)
def test_an_unknown_address_is_reported_in_one_line(place: str, message: str) -> None:
    with pytest.raises(OutputError, match=message):
        Store(place)


@pytest.mark.skipif(find_spec("s3fs") is not None, reason="s3fs is installed here")
def test_the_message_names_the_packages_for_s3() -> None:
    with pytest.raises(OutputError, match=r"pip install 'fsspec>=.*s3fs>="):
        Store("s3://bucket/prefix")


@pytest.mark.skipif(
    not (find_spec("s3fs") and find_spec("moto")), reason="needs s3fs and moto[server]"
)
def test_an_object_store(monkeypatch: pytest.MonkeyPatch) -> None:
    """Test in another process, as these packages emit warnings."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    code = (
        "import os\n"
        "from moto.server import ThreadedMotoServer\n"
        "server = ThreadedMotoServer(port=0)\n"
        "server.start()\n"
        "host, port = server.get_host_and_port()\n"
        "os.environ['AWS_ENDPOINT_URL'] = f'http://127.0.0.1:{port}'\n"
        "import s3fs\n"
        "s3fs.S3FileSystem().mkdir('bucket')\n"
        "from tests.unit.store.test_files import check_roundtrip\n"
        "check_roundtrip('s3://bucket/prefix')\n"
        "server.stop()\n"
        "print('passed')\n"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.stdout.endswith("passed\n"), done.stderr
