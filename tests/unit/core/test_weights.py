"""Which weights answer to which words, and that they are the bytes that were installed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmark.core.card import Card, Checkpoint
from benchmark.core.errors import BadInput, WeightsError
from benchmark.core.weights import RECEIPT, find_weights, installed_folder, sha256_of

CARD = Card(
    name="painter", title="Painter", checkpoints=(Checkpoint(file="painter.pth"),), mini="nowhere:x"
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
    with pytest.raises(WeightsError, match=r"bench weights add painter FILE.*bench train painter"):
        find_weights(CARD, wanted)


def test_an_installed_verified_file_is_official() -> None:
    path = install(b"authors", verified=True)
    found = find_weights(CARD)
    assert (found.edition, found.path, found.sha256) == ("official", path, sha256_of(path))


def test_an_installed_unverified_file_goes_by_its_hash() -> None:
    path = install(b"somebody", verified=False)
    assert find_weights(CARD).edition == f"sha256:{sha256_of(path)[:12]}"


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
