"""The hub, in front of a server on this machine that replies as it; with the real library."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.errors import BadInput, MissingWeights, Unreachable, WeightsError
from benchmark.fetch_weights import already_here, fetch_weights, license_of
from tests.unit.fetch.conftest import Reply, Standin, stand_in_for_the_hub

CONTENT = bytes(range(256)) * 100
DIGEST = hashlib.sha256(CONTENT).hexdigest()
COMMIT, NOW = "a" * 40, "b" * 40
ADDRESS = f"hf://org/repo@{COMMIT}/sub/a.pth"
CARD = Card(name="painter", title="Painter", own_weights=True)


def headers(commit: str = COMMIT, digest: str = DIGEST) -> dict[str, str]:
    return {"X-Repo-Commit": commit, "X-Linked-ETag": f'"{digest}"', "ETag": f'"{digest}"'}


def path_of(revision: str = COMMIT) -> str:
    return f"/org/repo/resolve/{revision}/sub/a.pth"


@pytest.fixture
def hub(standin: Standin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Standin:
    """A hub with one repository, whose files are on another address, and an empty cache."""
    pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed (extra fetch)")
    stand_in_for_the_hub(standin, tmp_path, monkeypatch)
    other_host = standin.url.replace("127.0.0.1", "localhost")
    there = {"Location": f"{other_host}/cdn", "X-Linked-Size": str(len(CONTENT))}
    standin.replies[path_of()] = Reply(b"", 302, {**headers(), **there})
    standin.replies["/cdn"] = Reply(CONTENT, headers={"ETag": '"1"'})
    standin.replies[f"/api/models/org/repo/revision/{COMMIT}"] = Reply(
        json.dumps({"id": "org/repo", "cardData": {"license": "apache-2.0"}}).encode()
    )
    return standin


def forget() -> None:
    """Remove the file from the hub's cache."""
    from huggingface_hub import constants

    for path in Path(constants.HF_HUB_CACHE).rglob("a.pth"):
        path.unlink()


def test_a_file_is_fetched_into_the_hubs_cache_and_found_there(hub: Standin) -> None:
    with pytest.raises(MissingWeights, match=f"bench weights fetch {ADDRESS}"):
        find_weights(CARD, ADDRESS)
    assert hub.asked == []  # nothing is downloaded by a run
    assert already_here(ADDRESS) is None
    assert "license of org/repo: apache-2.0" in license_of(ADDRESS)
    assert f"in the hub's local cache (sha256 {DIGEST})" in fetch_weights(ADDRESS)
    hub.replies.clear()
    for wanted in (ADDRESS, Path(ADDRESS)):
        found = find_weights(CARD, wanted)
        assert (found.edition, found.sha256) == (f"sha256:{DIGEST[:12]}", DIGEST)
        assert found.path is not None
        assert found.path.parts[-4:] == ("snapshots", COMMIT, "sub", "a.pth")
    assert already_here(ADDRESS) == f"{ADDRESS}: already in the hub's local cache (sha256 {DIGEST})"
    from huggingface_hub import scan_cache_dir

    (repo,) = scan_cache_dir().repos
    assert (repo.repo_id, repo.size_on_disk, repo.nb_files) == ("org/repo", len(CONTENT), 1)


def test_a_download_from_the_hub_continues(hub: Standin) -> None:
    hub.replies["/cdn"] = Reply(CONTENT, headers={"ETag": '"1"'}, cut=9000, length=len(CONTENT))
    with pytest.raises(Unreachable):
        fetch_weights(ADDRESS)
    hub.replies["/cdn"] = Reply(CONTENT, headers={"ETag": '"1"'})
    said: list[str] = []
    fetch_weights(ADDRESS, say=said.append)
    assert said == ["a.pth: continuing after 9,000 bytes"]
    assert find_weights(CARD, ADDRESS).sha256 == DIGEST


def test_a_branch_is_resolved_and_refused(hub: Standin) -> None:
    hub.replies[path_of("main")] = Reply(CONTENT, headers=headers(NOW))
    address = "hf://org/repo@main/sub/a.pth"
    now = f"now it is {NOW}: bench weights fetch hf://org/repo@{NOW}/sub/a.pth"
    for function in (license_of, fetch_weights):
        with pytest.raises(BadInput, match=now):
            function(address)
    with pytest.raises(BadInput, match=f"'bench weights fetch {address}' says which"):
        find_weights(CARD, address)


def test_a_moved_commit_is_named_with_what_is_there_now(hub: Standin) -> None:
    hub.replies[path_of()] = Reply(CONTENT, headers=headers(NOW))
    with pytest.raises(WeightsError, match=f"{COMMIT} is pinned, {NOW} is there now"):
        fetch_weights(ADDRESS)
    hub.replies[path_of()] = Reply(b"", 404, {"X-Error-Code": "RevisionNotFound"})
    hub.replies[path_of("main")] = Reply(CONTENT, headers=headers(NOW))
    with pytest.raises(Unreachable, match=f"{COMMIT} is pinned, 'main' is {NOW} now"):
        fetch_weights(ADDRESS)
    hub.replies[path_of("main")] = Reply(b"", 404, {"X-Error-Code": "RevisionNotFound"})
    with pytest.raises(Unreachable, match="no such branch"):
        fetch_weights(ADDRESS)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(b"", 401, {"X-Error-Code": "RepoNotFound"}), "no such repository, or a private"),
        (Reply(b"", 403, {"X-Error-Code": "GatedRepo"}), "its authors ask for a request"),
        (Reply(b"", 404, {"X-Error-Code": "EntryNotFound"}), "this commit has no such file"),
        (Reply(b"<html>", 404), "404"),
        (Reply(CONTENT, headers={"ETag": '"1"'}), "this is no hub: it states no commit"),
    ],
    ids=["repository", "gated", "file", "404", "no hub"],
)
def test_what_the_hub_does_not_have(hub: Standin, reply: Reply, said: str) -> None:
    hub.replies[path_of()] = reply
    with pytest.raises(Unreachable, match=said) as caught:
        fetch_weights(ADDRESS)
    assert "\n" not in str(caught.value)


def test_another_content_or_size_than_the_hub_states(hub: Standin) -> None:
    hub.replies["/cdn"] = Reply(bytes(len(CONTENT)))
    other = hashlib.sha256(bytes(len(CONTENT))).hexdigest()
    with pytest.raises(WeightsError, match=f"its SHA-256 is {other}, the hub states {DIGEST}"):
        fetch_weights(ADDRESS)
    with pytest.raises(WeightsError, match=r"expected at most 1,000 bytes, the hub states 25,600"):
        fetch_weights(ADDRESS, largest=1000)
    hub.replies["/cdn"] = Reply(CONTENT + b"more")
    with pytest.raises(WeightsError, match="expected at most 25,600 bytes"):
        fetch_weights(ADDRESS)
    assert already_here(ADDRESS) is None


def test_a_git_blob_id_is_compared_too(hub: Standin) -> None:
    blob = hashlib.sha1(f"blob {len(CONTENT)}\0".encode() + CONTENT).hexdigest()  # noqa: S324
    for digest in ("c" * 40, blob):
        hub.replies[path_of()] = Reply(CONTENT, headers=headers(digest=digest))
        if digest != blob:
            with pytest.raises(WeightsError, match=f"its Git blob id is {blob}, the hub states"):
                fetch_weights(ADDRESS)
    assert DIGEST in fetch_weights(ADDRESS)


def test_content_is_pinned_at_its_first_use(hub: Standin) -> None:
    fetch_weights(ADDRESS)
    path = find_weights(CARD, ADDRESS).path
    assert path is not None
    path.write_bytes(b"altered")
    other = hashlib.sha256(b"altered").hexdigest()
    both = f"its SHA-256 is {other}, at its first use it was {DIGEST}; .*{ADDRESS} --replace"
    for use in (lambda: find_weights(CARD, ADDRESS), lambda: already_here(ADDRESS)):
        with pytest.raises(WeightsError, match=both):
            use()
    forget()
    hub.replies[path_of()] = Reply(b"altered", headers=headers(digest="unknown"))
    with pytest.raises(WeightsError, match=both):
        fetch_weights(ADDRESS)
    assert other in fetch_weights(ADDRESS, replace=True)
    assert find_weights(CARD, ADDRESS).sha256 == other


def test_a_shorter_file_than_the_hub_states_is_refused_though_its_etag_is_no_checksum(
    hub: Standin,
) -> None:
    other_host = hub.url.replace("127.0.0.1", "localhost")
    there = {"Location": f"{other_host}/cdn", "X-Linked-Size": str(len(CONTENT))}
    hub.replies[path_of()] = Reply(b"", 302, {**headers(digest="v1"), **there})
    hub.replies["/cdn"] = Reply(b"short")
    with pytest.raises(WeightsError, match="it has 5 bytes, the hub states 25,600"):
        fetch_weights(ADDRESS)
    assert already_here(ADDRESS) is None
