"""Resolution of weights: official, mini, paths; changed files are refused."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.digests import git_blob_of, sha256_of
from benchmark.core.checkpoints.resolve import (
    RECEIPT,
    find_files,
    find_weights,
    installed_folder,
    verify,
    ways_to,
)
from benchmark.core.errors import BadInput, WeightsError

PLACE = "https://example.org/painter"
CARD = Card(
    name="painter",
    title="Painter",
    checkpoints=(Checkpoint(file="painter.pth", source=PLACE),),
    mini="nowhere:x",
)


def install(content: bytes, *, verified: bool) -> Path:
    folder = installed_folder(CARD)
    folder.mkdir(parents=True)
    path = folder / "painter.pth"
    path.write_bytes(content)
    noted = {"painter.pth": {"sha256": sha256_of(path), "verified": verified}}
    (folder / RECEIPT).write_text(json.dumps(noted))
    return path


def test_a_model_without_weights_needs_none() -> None:
    assert find_weights(Card(name="a", title="A")).edition == "none"
    with pytest.raises(BadInput, match="takes no weights"):
        find_weights(Card(name="a", title="A"), "official")


@pytest.mark.parametrize("wanted", [None, "official", "mini"])
def test_no_weights_is_an_error_that_names_the_ways(wanted: str | None) -> None:
    with pytest.raises(WeightsError, match=r"bench weights add painter FILE") as caught:
        find_weights(CARD, wanted)
    assert PLACE in str(caught.value)
    assert "fetch" not in str(caught.value)  # it has no address to download from
    assert "train" not in str(caught.value)  # nor a recipe


def test_the_ways_are_those_that_exist() -> None:
    file = Checkpoint(file="a.pth", url="https://example.org/a.pth", source=PLACE)
    fetched = replace(CARD, checkpoints=(file,), learner="module:Class")
    assert [way.partition("' ")[0] for way in ways_to(fetched)] == [
        "'bench weights fetch painter", "'bench weights add painter FILE", "'bench train painter",
    ]  # fmt: skip
    half = replace(CARD, checkpoints=(file, Checkpoint(file="b.pth")))
    assert [way.partition("' ")[0] for way in ways_to(half)] == [
        "'bench weights add painter FOLDER"
    ]
    assert "--weights painter=FILE" in ways_to(replace(CARD, checkpoints=()))[0]


def test_a_git_blob_id_is_what_git_says(tmp_path: Path) -> None:
    file = tmp_path / "hello"
    file.write_bytes(b"what is up, doc?")
    # The example of "Pro Git", 10.2.
    assert git_blob_of(file) == "bd9dbf5aae1a3862dd1526723246b20206e5fc37"


def test_a_git_blob_id_may_be_that_of_the_files_lfs_pointer(tmp_path: Path) -> None:
    file, pointer = tmp_path / "big.pth", tmp_path / "pointer"
    file.write_bytes(b"large")
    pointer.write_text(
        "version https://git-lfs.github.com/spec/v1\n"
        f"oid sha256:{hashlib.sha256(b'large').hexdigest()}\nsize 5\n"
    )
    assert verify(Checkpoint(file="big.pth", git_blob=git_blob_of(pointer)), file)
    with pytest.raises(WeightsError, match="Git blob id"):
        verify(Checkpoint(file="big.pth", git_blob="0" * 40), file)
    with pytest.raises(WeightsError, match="a pointer of Git LFS"):
        verify(Checkpoint(file="big.pth", git_blob=git_blob_of(pointer)), pointer)


def test_without_a_checksum_nothing_is_verified(tmp_path: Path) -> None:
    file = tmp_path / "own.pth"
    file.write_bytes(b"own")
    assert not verify(Checkpoint(file="own.pth", size=3), file)
    with pytest.raises(WeightsError, match="size in bytes is 3, published is 4"):
        verify(Checkpoint(file="own.pth", size=4), file)


def test_an_official_file_is_known_by_its_checksum_wherever_it_lies(tmp_path: Path) -> None:
    file = tmp_path / "renamed.pth"
    file.write_bytes(b"authors")
    known = Checkpoint(file="painter.pth", git_blob=git_blob_of(file))
    assert find_weights(replace(CARD, checkpoints=(known,)), file).edition == "official"
    other = replace(known, git_blob="0" * 40)
    assert find_weights(replace(CARD, checkpoints=(other,)), file).edition.startswith("sha256:")


def test_files_are_found_flat_or_below_but_only_once(tmp_path: Path) -> None:
    for folder in ("models", "other"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "painter.pth").touch()
        found = find_files(CARD, tmp_path)
        assert found == ({"painter.pth": tmp_path / "models" / "painter.pth"} if folder == "models"
                         else {})  # fmt: skip
    (tmp_path / "painter.pth").touch()
    assert find_files(CARD, tmp_path) == {"painter.pth": tmp_path / "painter.pth"}


def test_an_installed_verified_file_is_official() -> None:
    path = install(b"authors", verified=True)
    found = find_weights(CARD)
    assert (found.edition, found.path, found.sha256) == ("official", path, sha256_of(path))


def test_an_installed_unverified_file_is_called_so_and_has_the_same_hash() -> None:
    path = install(b"somebody", verified=False)
    found = find_weights(CARD)
    assert (found.edition, found.sha256) == ("official, unverified", sha256_of(path))


def test_the_first_digits_of_a_checksum_verify_nothing(tmp_path: Path) -> None:
    file = tmp_path / "a.pth"
    file.write_bytes(b"somebody")
    for digits, verified in ((8, False), (64, True)):
        known = Checkpoint(file="a.pth", sha256=sha256_of(file)[:digits])
        assert verify(known, file) is verified


def test_a_file_changed_after_installing_is_refused() -> None:
    install(b"authors", verified=True).write_bytes(b"somebody else")
    with pytest.raises(WeightsError, match="not the file that was installed"):
        find_weights(CARD)


def test_a_path_goes_by_its_hash_and_a_missing_one_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / "own.pth"
    file.write_bytes(b"own")
    assert find_weights(CARD, file).edition == f"sha256:{sha256_of(file)[:12]}"
    with pytest.raises(WeightsError, match=r"gone\.pth: no such checkpoint for painter"):
        find_weights(CARD, tmp_path / "gone.pth")


def test_a_folders_hash_depends_on_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"1")
    first = sha256_of(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    second = sha256_of(tmp_path)
    (tmp_path / "b").write_bytes(b"2")
    assert len({first, second, sha256_of(tmp_path)}) == 3
