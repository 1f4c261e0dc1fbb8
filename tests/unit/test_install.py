"""Installing checkpoints: verified first, and nothing else is ever installed."""

from __future__ import annotations

import gc
import hashlib
import http.server
import threading
import warnings
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmark.core.errors import BadInput, UnknownName, WeightsError
from benchmark.core.paths import torch_checkpoints
from benchmark.core.weights import find_weights, installed_folder
from benchmark.install import add_weights, fetch_weights, licence_of, weights_status
from benchmark.metrics.backbones import BACKBONES
from inpainters import INPAINTERS, create_inpainter

MODULE = """
from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoint import load_strict, part_of, read_checkpoint
from inpainters.base import Inpainter
from torch import nn


class Tiny(Inpainter):
    card = Card(
        name="tiny",
        title="Tiny",
        checkpoints=(
            Checkpoint(
                file="tiny.pth", url="{url}", source="a test", licence="test terms",
                sha256="{sha256}", archive_md5="{md5}", member="weights/tiny.pth",
            ),
        ),
    )

    def _load(self, path):
        self.network = nn.Conv2d(3, 3, 1)
        load_strict(self.network, part_of(read_checkpoint(path), "net", path), path)

    def _fill(self, images, masks, *, seed):
        return self.network(images)
"""
Register = Callable[..., None]


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.pth"
    torch.save({"net": torch.nn.Conv2d(3, 3, 1).state_dict()}, path)
    return path


@pytest.fixture
def register(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Register:
    """Add an inpainter: one file and one line."""
    module = f"tiny_{tmp_path.name}"

    def write(*, url: str = "", sha256: str = "", md5: str = "") -> None:
        (tmp_path / f"{module}.py").write_text(MODULE.format(url=url, sha256=sha256, md5=md5))
        monkeypatch.syspath_prepend(tmp_path)
        monkeypatch.setitem(INPAINTERS._table, "tiny", f"{module}:Tiny")

    return write


@pytest.fixture
def served(tmp_path: Path) -> Iterator[str]:
    """The test's folder over HTTP on this machine."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    handler = partial(Quiet, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()
    with warnings.catch_warnings():  # a refused download leaves its socket to the collector
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def packed(checkpoint: Path) -> tuple[Path, str]:
    archive = checkpoint.parent / "weights.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(checkpoint, "weights/tiny.pth")
    return archive, hashlib.md5(archive.read_bytes()).hexdigest()  # noqa: S324 (as published)


def state() -> str:
    return next(entry["state"] for entry in weights_status() if entry["name"] == "tiny")


def test_a_file_with_the_published_checksum_is_official(
    checkpoint: Path, register: Register
) -> None:
    register(sha256=hashlib.sha256(checkpoint.read_bytes()).hexdigest())
    assert state() == "missing"
    assert "verified" in add_weights("tiny", checkpoint)
    assert state() == "verified"
    assert create_inpainter("tiny").weights.edition == "official"


def test_a_file_with_another_checksum_is_refused(checkpoint: Path, register: Register) -> None:
    register(sha256="0" * 64)
    with pytest.raises(WeightsError, match="not the published one"):
        add_weights("tiny", checkpoint)
    assert state() == "missing"


def test_without_a_published_checksum_a_file_goes_by_its_hash(
    checkpoint: Path, register: Register
) -> None:
    register()
    assert "no checksum is published" in add_weights("tiny", checkpoint)
    assert state() == "installed"
    digest = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    assert create_inpainter("tiny").weights.edition == f"sha256:{digest[:12]}"


def test_a_file_that_does_not_load_is_not_installed(
    checkpoint: Path, register: Register, tmp_path: Path
) -> None:
    register()
    torch.save({"net": {"surplus": torch.zeros(1)}}, checkpoint)
    with pytest.raises(WeightsError, match="1 surplus"):
        add_weights("tiny", checkpoint)
    assert not installed_folder(INPAINTERS.card("tiny")).exists()
    with pytest.raises(WeightsError, match="no such file"):
        add_weights("tiny", tmp_path / "gone.pth")


def test_a_file_altered_after_installing_is_said_so(checkpoint: Path, register: Register) -> None:
    register()
    add_weights("tiny", checkpoint)
    (installed_folder(INPAINTERS.card("tiny")) / "tiny.pth").write_bytes(b"altered")
    assert state() == "altered"


def test_the_published_archive_is_verified_and_unpacked(
    checkpoint: Path, register: Register
) -> None:
    archive, md5 = packed(checkpoint)
    register(md5=md5)
    assert "verified" in add_weights("tiny", archive)
    found = find_weights(INPAINTERS.card("tiny"))
    assert found.edition == "official"
    assert found.path is not None
    assert found.path.read_bytes() == checkpoint.read_bytes()


def test_fetching_downloads_verifies_and_installs(
    checkpoint: Path, register: Register, served: str
) -> None:
    _, md5 = packed(checkpoint)
    register(url=f"{served}/weights.zip", md5=md5)
    assert "test terms" in licence_of("tiny")
    assert "verified" in fetch_weights("tiny")
    assert create_inpainter("tiny").weights.edition == "official"


def test_a_download_with_another_checksum_is_refused(
    checkpoint: Path, register: Register, served: str
) -> None:
    packed(checkpoint)
    register(url=f"{served}/weights.zip", md5="0" * 32)
    with pytest.raises(WeightsError, match="cannot be fetched"):
        fetch_weights("tiny")
    assert state() == "missing"


def test_a_download_that_is_not_there_is_an_error_in_a_line(
    register: Register, served: str
) -> None:
    register(url=f"{served}/nowhere.zip")
    with pytest.raises(WeightsError, match="bench weights add") as caught:
        fetch_weights("tiny")
    assert "\n" not in str(caught.value)


def test_what_nobody_publishes_cannot_be_fetched() -> None:
    with pytest.raises(WeightsError, match="safepaint cannot be fetched"):
        fetch_weights("safepaint")


def test_names_and_files_that_do_not_fit(tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'trufor'"):
        add_weights("trufro", checkpoint)
    with pytest.raises(BadInput, match="telea needs no weights"):
        add_weights("telea", checkpoint)
    own = tmp_path / "own.safetensors"
    own.touch()
    with pytest.raises(BadInput, match="--weights safepaint="):
        add_weights("safepaint", own)


def test_a_backbone_is_verified_by_the_digits_in_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "anything.pth"
    file.write_bytes(b"alexnet")
    with pytest.raises(WeightsError, match="its SHA-256 begins"):
        add_weights("alexnet", file)
    assert not torch_checkpoints().exists()
    from dataclasses import replace

    digest = hashlib.sha256(b"alexnet").hexdigest()[:8]
    fitting = {"alexnet": replace(BACKBONES["alexnet"], sha256=digest)}
    monkeypatch.setattr("benchmark.install.BACKBONES", fitting)
    assert "verified" in add_weights("alexnet", file)
    assert (torch_checkpoints() / BACKBONES["alexnet"].file).read_bytes() == b"alexnet"
