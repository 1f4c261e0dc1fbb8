"""Addresses on the hub, and files of its cache, which are pinned at their first use."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from benchmark.core.checkpoints import hub_files
from benchmark.core.checkpoints.hub_files import HubFile, find_cached, is_hub_address
from benchmark.core.checkpoints.pins import pin, pinned
from benchmark.core.errors import BadInput, WeightsError
from benchmark.core.paths import home

COMMIT = "0123456789" * 4
ADDRESS = f"hf://org/repo@{COMMIT}/sub/a.pth"


def test_an_address_and_a_path_of_it() -> None:
    for given in (ADDRESS, Path(ADDRESS)):
        assert is_hub_address(given)
        assert HubFile.parse(given) == HubFile("org/repo", COMMIT, "sub/a.pth")
        assert str(HubFile.parse(given)) == ADDRESS
    assert HubFile.parse(f"hf://gpt2@{COMMIT}/a").repo == "gpt2"
    assert not is_hub_address("hf.pth")
    assert HubFile.parse("hf://a/b@main/c").is_pinned is False
    assert HubFile.parse(f"hf://a/b@{COMMIT[:-1]}/c").is_pinned is False


@pytest.mark.parametrize(
    "address",
    ["hf://", "hf://org/repo/a.pth", f"hf://org/repo@{COMMIT}", f"hf://org/repo@{COMMIT}/",
     f"hf://org/repo@{COMMIT}/../a", f"hf://../repo@{COMMIT}/a", f"hf://a/b/c@{COMMIT}/a",
     f"hf://org/repo@{COMMIT}//a", f"hf://org/repo@{COMMIT}/a\\b", f"hf://org/repo@{COMMIT}/a\x1b",
     f"hf://org/repo@@{COMMIT}/a"],
)  # fmt: skip
def test_no_addresses(address: str) -> None:
    with pytest.raises(BadInput, match="expected hf://ORG/REPO@COMMIT/FILE"):
        HubFile.parse(address)


def test_the_first_use_is_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(b"first")
    monkeypatch.setattr(hub_files, "cached_path", lambda _: path)
    first, second = (hashlib.sha256(one).hexdigest() for one in (b"first", b"second"))
    assert find_cached(ADDRESS) == path
    assert pinned(ADDRESS) == first
    pin("hf://another", second)
    path.write_bytes(b"second")
    with pytest.raises(WeightsError, match=f"is {second}, at its first use it was {first}; "):
        find_cached(ADDRESS)
    pin(ADDRESS, second)
    assert find_cached(ADDRESS) == path
    for damaged in ("[]", "[" * 100_000):
        (home() / "weights" / "pinned.json").write_text(damaged)
        with pytest.raises(WeightsError, match=r"pinned\.json: damaged; delete it"):
            find_cached(ADDRESS)
