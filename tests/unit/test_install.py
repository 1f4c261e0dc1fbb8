"""Checkpoints are verified before they are installed."""

from __future__ import annotations

import hashlib
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.core import backbones
from benchmark.core.backbones import BACKBONES
from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import find_weights, installed_folder, verify
from benchmark.core.errors import BadInput, UnknownName, WeightsError
from benchmark.core.paths import torch_checkpoints
from benchmark.fetch_weights import already_here, fetch_weights
from benchmark.install import add_weights, weights_status
from detectors import DETECTORS
from inpainters import INPAINTERS, create_inpainter
from inpainters.edgeconnect import (
    EDGE_FILE,
    INPAINT_FILE,
    EdgeConnectConfig,
    EdgeConnectNetwork,
)

REAL = Path(__file__).parents[3] / "shared" / "goldens" / "psccnet" / "real"
Register = Callable[..., None]


def packed(checkpoint: Path, inside: str = "weights/tiny.pth") -> Path:
    archive = checkpoint.parent / "weights.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(checkpoint, inside)
    return archive


def sum_of(path: Path, algorithm: str) -> str:
    return f"{algorithm}:{hashlib.new(algorithm, path.read_bytes()).hexdigest()}"


def blob_of(content: bytes) -> str:
    """As `git hash-object` has it."""
    whole = f"blob {len(content)}\0".encode() + content
    return hashlib.sha1(whole).hexdigest()  # noqa: S324 (Git's own)


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
    mine = hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    with pytest.raises(WeightsError, match=f"SHA-256 is {mine}, published is {'0' * 64}"):
        add_weights("tiny", checkpoint)
    assert state() == "missing"
    assert not installed_folder(INPAINTERS.card("tiny")).exists()


def test_a_file_with_the_published_git_blob_id_is_official(
    checkpoint: Path, register: Register
) -> None:
    register(git_blob=blob_of(checkpoint.read_bytes()))
    assert "verified" in add_weights("tiny", checkpoint)
    assert create_inpainter("tiny").weights.edition == "official"


def test_a_file_with_another_git_blob_id_is_refused(checkpoint: Path, register: Register) -> None:
    register(git_blob="0" * 40)
    mine = blob_of(checkpoint.read_bytes())
    with pytest.raises(WeightsError, match=f"Git blob id is {mine}, published is {'0' * 40}"):
        add_weights("tiny", checkpoint)
    assert not installed_folder(INPAINTERS.card("tiny")).exists()


def test_a_file_of_another_size_is_refused(checkpoint: Path, register: Register) -> None:
    register(size=17)
    with pytest.raises(WeightsError, match=r"size in bytes is \d+, published is 17"):
        add_weights("tiny", checkpoint)


def test_without_a_published_checksum_a_file_is_official_and_unverified(
    checkpoint: Path, register: Register
) -> None:
    register()
    said = add_weights("tiny", checkpoint)
    title = INPAINTERS.card("tiny").title
    assert f"loads into {title}; no checksum is published, so its origin is unverified" in said
    assert "verified" not in said.replace("unverified", "")
    assert state() == "installed"
    found = create_inpainter("tiny").weights
    assert found.edition == "official, unverified"
    assert found.sha256 == hashlib.sha256(checkpoint.read_bytes()).hexdigest()
    # given as a path the same file has the same hash, so the same keys
    same = find_weights(INPAINTERS.card("tiny"), checkpoint)
    assert (same.edition, same.sha256) == (f"sha256:{found.sha256[:12]}", found.sha256)


def test_a_file_that_does_not_load_is_not_installed(
    checkpoint: Path, register: Register, tmp_path: Path
) -> None:
    register()
    torch.save({"net": {"unexpected": torch.zeros(1)}}, checkpoint)
    with pytest.raises(WeightsError, match="1 unexpected"):
        add_weights("tiny", checkpoint)
    assert not installed_folder(INPAINTERS.card("tiny")).exists()
    with pytest.raises(WeightsError, match="no such file"):
        add_weights("tiny", tmp_path / "gone.pth")


def test_a_file_altered_after_installing_is_said_so(checkpoint: Path, register: Register) -> None:
    register()
    add_weights("tiny", checkpoint)
    (installed_folder(INPAINTERS.card("tiny")) / "tiny.pth").write_bytes(b"altered")
    assert state() == "altered"


@pytest.mark.parametrize("algorithm", ["md5", "sha256"])
@pytest.mark.parametrize("inside", ["weights/tiny.pth", "release/weights/tiny.pth"])
def test_the_published_archive_is_verified_and_unpacked(
    checkpoint: Path, register: Register, algorithm: str, inside: str
) -> None:
    archive = packed(checkpoint, inside)
    register(archive=sum_of(archive, algorithm))
    assert "verified" in add_weights("tiny", archive)
    found = find_weights(INPAINTERS.card("tiny"))
    assert found.edition == "official"
    assert found.path is not None
    assert found.path.read_bytes() == checkpoint.read_bytes()


@pytest.mark.parametrize(("algorithm", "title"), [("md5", "MD5"), ("sha256", "SHA-256")])
def test_another_archive_is_refused(
    checkpoint: Path, register: Register, algorithm: str, title: str
) -> None:
    archive = packed(checkpoint)
    register(archive=f"{algorithm}:0123")
    mine = sum_of(archive, algorithm).partition(":")[2]
    with pytest.raises(WeightsError, match=f"expected {title} 0123, got {mine}"):
        add_weights("tiny", archive)
    assert not installed_folder(INPAINTERS.card("tiny")).exists()


def test_the_file_inside_a_published_archive_is_verified_too(
    checkpoint: Path, register: Register
) -> None:
    archive = packed(checkpoint)
    register(archive=sum_of(archive, "sha256"), sha256="0" * 64)
    with pytest.raises(WeightsError, match=r"not the published tiny\.pth"):
        add_weights("tiny", archive)
    assert not installed_folder(INPAINTERS.card("tiny")).exists()


def test_a_file_already_unpacked_is_taken(checkpoint: Path, register: Register) -> None:
    register(archive="md5:0123")
    assert "no checksum is published" in add_weights("tiny", checkpoint)


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("edgeconnect")
    network = EdgeConnectNetwork(EdgeConnectConfig())
    for part, file in ((network.edge, EDGE_FILE), (network.inpaint, INPAINT_FILE)):
        torch.save({"iteration": 1, "generator": part.state_dict()}, folder / file)
    return folder


class TestSeveralFiles:
    """EdgeConnect's two files without checksums; PSCC-Net's three, with stand-ins for theirs."""

    @pytest.fixture
    def card(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Card:
        """PSCC-Net's card with checksums of small files, which lie in the authors' folders."""
        files = []
        for number, one in enumerate(DETECTORS.card("psccnet").checkpoints):
            content = bytes([number]) * 9
            file = tmp_path / "checkpoint" / f"{Path(one.file).stem}_checkpoint" / one.file
            file.parent.mkdir(parents=True)
            file.write_bytes(content)
            url = file.relative_to(tmp_path).as_posix()
            files.append(
                replace(one, url=url, sha256="", git_blob=blob_of(content), size=len(content))
            )
        card = replace(DETECTORS.card("psccnet"), checkpoints=tuple(files))
        monkeypatch.setitem(DETECTORS._cards, DETECTORS.entry("psccnet"), card)
        return card

    def test_a_folder_without_checksums_has_to_load_as_a_whole(self, published: Path) -> None:
        card = INPAINTERS.card("edgeconnect")
        with pytest.raises(WeightsError, match="once each, or their folder"):
            add_weights("edgeconnect", published / EDGE_FILE)
        assert not installed_folder(card).exists()
        said = add_weights("edgeconnect", published)
        assert said.count("no checksum is published, so its origin is unverified") == 2
        assert find_weights(card).edition == "official, unverified"
        assert create_inpainter("edgeconnect").weights.path == installed_folder(card)

    def test_a_folder_of_damaged_files_is_not_installed(
        self, published: Path, tmp_path: Path
    ) -> None:
        shutil.copy(published / EDGE_FILE, tmp_path)
        (tmp_path / INPAINT_FILE).write_bytes(b"damaged")
        with pytest.raises(WeightsError, match=INPAINT_FILE):
            add_weights("edgeconnect", tmp_path)
        assert not installed_folder(INPAINTERS.card("edgeconnect")).exists()

    def test_a_folder_of_other_things_is_an_error_that_names_the_files(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(WeightsError, match=f"expected {EDGE_FILE}, {INPAINT_FILE}"):
            add_weights("edgeconnect", tmp_path)
        (tmp_path / "other.pth").touch()
        with pytest.raises(WeightsError, match=f"a file named {EDGE_FILE}, {INPAINT_FILE}"):
            add_weights("edgeconnect", tmp_path / "other.pth")

    def test_the_authors_nested_folders_are_verified_file_by_file(
        self, card: Card, tmp_path: Path
    ) -> None:
        assert find_weights(card, tmp_path / "checkpoint").edition == "official"
        assert (
            add_weights("psccnet", tmp_path / "checkpoint").count(
                "(verified by its published checksum; "
            )
            == 3
        )
        installed = find_weights(card)
        assert installed.edition == "official"
        assert installed.sha256 == find_weights(card, tmp_path / "checkpoint").sha256

    def test_a_verified_file_is_taken_alone_and_the_others_are_named(
        self, card: Card, tmp_path: Path
    ) -> None:
        said = add_weights("psccnet", next(tmp_path.rglob("HRNet.pth"))).splitlines()
        assert "HRNet.pth installed (verified by its published checksum; " in said[0]
        assert said[1:] == [
            f"psccnet: {file} is still missing"
            for file in ("NLCDetection.pth", "DetectionHead.pth")
        ]
        with pytest.raises(WeightsError, match="no official weights"):
            find_weights(card, "official")

    def test_one_wrong_file_of_several_and_nothing_is_installed(
        self, card: Card, tmp_path: Path
    ) -> None:
        next(tmp_path.rglob("DetectionHead.pth")).write_bytes(b"other one")
        with pytest.raises(WeightsError, match=r"not the published DetectionHead\.pth"):
            add_weights("psccnet", tmp_path / "checkpoint")
        assert not installed_folder(card).exists()
        assert find_weights(card, tmp_path / "checkpoint").edition.startswith("sha256:")

    def test_several_files_are_fetched_each_from_its_address(
        self, card: Card, served: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        files = tuple(replace(one, url=f"{served}/{one.url}") for one in card.checkpoints)
        here = replace(card, checkpoints=files)
        monkeypatch.setitem(DETECTORS._cards, DETECTORS.entry("psccnet"), here)
        assert fetch_weights("psccnet").count("(verified by its published checksum; ") == 3
        assert find_weights(card).edition == "official"


@pytest.mark.skipif(not REAL.is_dir(), reason="the authors' small files are not beside the project")
def test_the_authors_own_files_have_the_published_checksums() -> None:
    known = {one.file: one for one in DETECTORS.card("psccnet").checkpoints}
    for file in sorted(REAL.glob("*.pth")):
        assert verify(known[file.name], file)
        assert "(verified by its published checksum; " in add_weights("psccnet", file)


def test_names_and_files_that_do_not_fit(tmp_path: Path, checkpoint: Path) -> None:
    with pytest.raises(UnknownName, match="Did you mean 'trufor'"):
        add_weights("trufro", checkpoint)
    with pytest.raises(BadInput, match="telea needs no weights"):
        add_weights("telea", checkpoint)
    with pytest.raises(
        WeightsError, match=r"no weights are published; use '--weights aotgan\+rwsa="
    ):
        fetch_weights("aotgan+rwsa")
    own = tmp_path / "own.safetensors"
    own.touch()
    with pytest.raises(BadInput, match="--weights safepaint="):
        add_weights("safepaint", own)


def test_a_backbone_whose_content_nobody_states_is_not_called_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, known = tmp_path / "anything.pth", BACKBONES["vgg19"].published
    file.write_bytes(b"vgg19")
    with pytest.raises(WeightsError, match=r"its size in bytes is 5, published is 574673361"):
        add_weights("vgg19", file)
    sized = replace(BACKBONES["vgg19"], published=replace(known, size=5))
    monkeypatch.setitem(backbones._TABLE, "vgg19", sized)
    with pytest.raises(WeightsError, match=r"its SHA-256 is [0-9a-f]{64}, published is dcbb9e9d"):
        add_weights("vgg19", file)
    with pytest.raises(WeightsError, match="expected a file"):
        add_weights("vgg19", tmp_path)
    assert not torch_checkpoints().exists()
    digest = hashlib.sha256(b"vgg19").hexdigest()[:8]
    fitting = replace(known, size=5, sha256=digest)
    monkeypatch.setitem(backbones._TABLE, "vgg19", replace(sized, published=fitting))
    eight = (
        "(the 8 published digits of its SHA-256 match; no more are published, so it may be another "
        "file)"
    )
    assert add_weights("vgg19", file).endswith(f"vgg19-dcbb9e9d.pth installed {eight}")
    assert (torch_checkpoints() / known.file).read_bytes() == b"vgg19"
    assert already_here("vgg19") == f"vgg19: already installed {eight}"
    assert next(one for one in weights_status() if one["name"] == "vgg19")["state"] == "installed"
