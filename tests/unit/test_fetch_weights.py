"""Published files are fetched, verified and installed; without a checksum they are pinned."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from benchmark.core.card import Checkpoint
from benchmark.core.checkpoints.resolve import find_weights, installed_folder
from benchmark.core.errors import ExternalError, Unreachable, WeightsError
from benchmark.core.external import optional
from benchmark.core.paths import home
from benchmark.fetch_weights import already_here, fetch_weights, license_of
from benchmark.install import add_weights
from detectors import DETECTORS
from inpainters import INPAINTERS, create_inpainter
from tests.unit.conftest import Register
from tests.unit.fetch.conftest import Reply, Standin, standing_in
from tests.unit.test_install import blob_of, packed, state, sum_of


def test_fetching_downloads_verifies_and_installs(
    checkpoint: Path, register: Register, served: str
) -> None:
    archive = packed(checkpoint)
    register(url=f"{served}/weights.zip", archive=sum_of(archive, "md5"))
    assert "test terms" in license_of("tiny")
    assert "verified" in fetch_weights("tiny")
    assert create_inpainter("tiny").weights.edition == "official"


def test_fetching_a_file_that_is_published_bare(
    checkpoint: Path, register: Register, served: str
) -> None:
    register(url=f"{served}/tiny.pth", git_blob=blob_of(checkpoint.read_bytes()))
    assert "verified" in fetch_weights("tiny")
    assert create_inpainter("tiny").weights.edition == "official"


def test_a_download_with_another_checksum_is_refused(
    checkpoint: Path, register: Register, served: str
) -> None:
    packed(checkpoint)
    register(url=f"{served}/weights.zip", archive=f"md5:{'0' * 32}")
    with pytest.raises(WeightsError, match=f"expected MD5 {'0' * 32}, got [0-9a-f]{{32}}"):
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
    with pytest.raises(WeightsError, match="safepaint cannot be downloaded"):
        fetch_weights("safepaint")


def test_what_lies_in_a_shared_folder_under_an_unknown_name_has_its_address() -> None:
    said = r"https://drive\.google\.com.*'bench weights add ctsdg FILE'"
    for function in (license_of, fetch_weights):
        with pytest.raises(WeightsError, match=said):
            function("ctsdg")


def test_what_is_here_is_said_and_not_fetched_again(checkpoint: Path, register: Register) -> None:
    register(sha256=hashlib.sha256(checkpoint.read_bytes()).hexdigest())
    assert already_here("tiny") is None
    add_weights("tiny", checkpoint)
    assert already_here("tiny") == "tiny: already installed (verified)"


def test_a_download_larger_than_its_card_states_is_refused(
    checkpoint: Path, register: Register, served: str
) -> None:
    size = checkpoint.stat().st_size
    register(url=f"{served}/tiny.pth", size=size - 1)
    with pytest.raises(WeightsError, match=f"expected at most {size - 1:,} bytes"):
        fetch_weights("tiny")
    assert state() == "missing"


@pytest.fixture
def standin() -> Iterator[Standin]:
    with standing_in() as found:
        yield found


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_file_without_a_published_checksum_is_pinned(
    checkpoint: Path, register: Register, served: str
) -> None:
    register(url=f"{served}/tiny.pth")
    assert "no checksum is published: its SHA-256 is shown, and compared" in license_of("tiny")
    first = digest(checkpoint)
    assert f"its origin is unverified; sha256 {first})" in fetch_weights("tiny")
    here = "tiny: already installed (unchanged since; unverified; sha256: "
    assert already_here("tiny") == f"{here}tiny.pth {first})"
    installed = installed_folder(INPAINTERS.card("tiny")) / "tiny.pth"
    installed.write_bytes(b"altered")
    changed = f"its SHA-256 is {digest(installed)}, installed was {first}; run 'bench weights fetch"
    with pytest.raises(WeightsError, match=changed):
        find_weights(INPAINTERS.card("tiny"))
    assert already_here("tiny") is None
    fetch_weights("tiny")  # the same file as before
    installed.unlink()
    torch.save({"net": torch.nn.Conv2d(3, 3, 1).state_dict()}, checkpoint)
    second = digest(checkpoint)
    said = f"its SHA-256 is {second}, at its first use it was {first}; .*fetch tiny --replace'"
    with pytest.raises(WeightsError, match=said):
        fetch_weights("tiny")
    assert not installed.exists()
    assert second in fetch_weights("tiny", replace=True)
    assert digest(installed) == second
    assert f"tiny.pth {second})" in str(already_here("tiny"))


def test_files_on_drive_need_gdown_and_say_so_before_the_terms(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def missing(name: str) -> str:
        raise optional.PackageNotFoundError(name)

    monkeypatch.setattr(optional, "version", missing)
    with pytest.raises(ExternalError) as caught:
        license_of("madf")
    assert str(caught.value) == (
        "gdown is not installed; get it with pip install 'gdown>=6.5'; or get the file from "
        "https://drive.google.com/file/d/10iXhPEiOiNzTbM-Yc1GRy2-D9Xjmd1cI and use 'bench weights "
        "add madf FILE'"
    )


def test_files_that_came_before_an_interruption_are_not_downloaded_again(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    names, contents = [f"{number}.pth" for number in range(2)], [bytes(9000), bytes([1]) * 9000]
    files = tuple(
        Checkpoint(file=name, url=f"{standin.url}/{name}", git_blob=blob_of(content))
        for name, content in zip(names, contents, strict=True)
    )
    card = replace(DETECTORS.card("psccnet"), checkpoints=files)
    monkeypatch.setitem(DETECTORS._cards, DETECTORS.entry("psccnet"), card)
    for name, content, cut in zip(names, contents, (None, 5000), strict=True):
        standin.replies[f"/{name}"] = Reply(
            content, headers={"ETag": '"1"'}, cut=cut, length=len(content)
        )
    with pytest.raises(Unreachable, match="run the same command again to continue"):
        fetch_weights("psccnet")
    assert not installed_folder(card).exists()
    sent = standin.sent
    standin.replies["/1.pth"].cut = None  # type: ignore[union-attr]
    said: list[str] = []
    fetch_weights("psccnet", say=said.append)
    assert said == [
        "0.pth: continuing after 9,000 bytes",
        "1.pth: continuing after 5,000 bytes",
    ]
    assert standin.sent - sent == 1 + 4001
    assert find_weights(card).edition == "official"
    assert not [path for path in (home() / "weights" / ".downloads").rglob("*") if path.is_file()]
