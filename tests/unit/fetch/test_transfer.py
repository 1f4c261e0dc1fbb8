"""Downloads are bounded, continue where they broke off, and failed ones are a one-line error."""

from __future__ import annotations

import socket
from collections import namedtuple
from pathlib import Path

import pytest

from benchmark.core.errors import OutputError, Unreachable, WeightsError
from benchmark.fetch import connection
from benchmark.fetch import transfer as module
from benchmark.fetch.transfer import download
from tests.unit.conftest import FullAt
from tests.unit.fetch.conftest import Reply, Standin

CONTENT = bytes(range(256)) * 100
FIRST, SECOND = {"ETag": '"1"'}, {"ETag": '"2"'}


def names(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir())


def ranges(standin: Standin) -> list[str | None]:
    return [headers.get("range") for _, _, headers in standin.asked]


def test_the_file_as_it_is(standin: Standin, into: Path) -> None:
    standin.replies["/a.bin"] = Reply(CONTENT)
    for most in (0, len(CONTENT)):
        assert download(f"{standin.url}/a.bin", into, most=most).read_bytes() == CONTENT
    assert names(into) == ["a.bin", "a.bin.part.json"]


def test_a_file_larger_than_stated_is_refused_before_its_body(standin: Standin, into: Path) -> None:
    standin.replies["/a.bin"] = Reply(bytes(10**7))
    with pytest.raises(WeightsError, match="expected at most 300,000 bytes"):
        download(f"{standin.url}/a.bin", into, most=300_000)
    assert names(into) == []


def test_a_body_without_end_is_stopped_at_the_limit(
    standin: Standin, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.replies["/a.bin"] = Reply(bytes(10_000), length=None)
    for most in (300_000, 0):
        monkeypatch.setattr(module, "LARGEST", 400_000)
        limit = most or 400_000
        with pytest.raises(WeightsError, match=f"expected at most {limit:,} bytes"):
            download(f"{standin.url}/a.bin", into, most=most)
        assert names(into) == []


def test_no_more_than_the_stated_length_is_read(standin: Standin, into: Path) -> None:
    standin.replies["/a.bin"] = Reply(CONTENT, length=1000)
    assert download(f"{standin.url}/a.bin", into).read_bytes() == CONTENT[:1000]


def test_an_interrupted_download_continues(standin: Standin, into: Path) -> None:
    url, said = f"{standin.url}/a.bin", []
    standin.replies["/a.bin"] = Reply(CONTENT, headers=FIRST, cut=10_000, length=len(CONTENT))
    with pytest.raises(Unreachable, match="cannot be downloaded") as caught:
        download(url, into)
    assert "\n" not in str(caught.value)
    assert names(into) == ["a.bin.part", "a.bin.part.json"]
    standin.replies["/a.bin"] = Reply(CONTENT, headers=FIRST)
    assert download(url, into, say=said.append).read_bytes() == CONTENT
    assert said == ["a.bin: continuing after 10,000 bytes"]
    assert ranges(standin) == [None, "bytes=9999-"]
    assert standin.asked[1][2]["if-range"] == '"1"'
    assert standin.sent == 10_000 + len(CONTENT) - 9999
    assert download(url, into).read_bytes() == CONTENT  # complete: one byte is asked for
    assert ranges(standin)[2] == f"bytes={len(CONTENT) - 1}-"
    assert standin.sent == 10_000 + len(CONTENT) - 9999 + 1


@pytest.mark.parametrize("ranges_anyway", [False, True])
def test_another_version_is_not_joined_to_the_first(
    standin: Standin, into: Path, ranges_anyway: bool
) -> None:
    url, other, said = f"{standin.url}/a.bin", bytes(len(CONTENT)), []
    standin.replies["/a.bin"] = Reply(CONTENT, headers=FIRST, cut=10_000, length=len(CONTENT))
    with pytest.raises(Unreachable):
        download(url, into)

    def reply(asked: object) -> Reply:
        """A part of another file, although If-Range says that only the first one's is wanted."""
        if ranges_anyway and "range" in dict(asked):  # type: ignore[call-overload]
            part = {**SECOND, "Content-Range": f"bytes 9999-{len(other) - 1}/{len(other)}"}
            return Reply(other[9999:], 206, part, ranges=False)
        return Reply(other, headers=SECOND)

    standin.replies["/a.bin"] = reply
    assert download(url, into, say=said.append).read_bytes() == other
    assert said == ["a.bin: another version, or it cannot be continued; starting again"]


def test_the_seam_is_compared(standin: Standin, into: Path) -> None:
    url, other = f"{standin.url}/a.bin", bytes(len(CONTENT))
    for content, cut in ((CONTENT, 10_000), (other, None)):  # both with the same ETag
        standin.replies["/a.bin"] = Reply(content, headers=FIRST, cut=cut, length=-1)
        if cut:
            standin.replies["/a.bin"].length = len(content)
        with pytest.raises(Unreachable):
            download(url, into)
    assert names(into) == []
    assert download(url, into).read_bytes() == other


def test_what_cannot_be_compared_is_not_kept(standin: Standin, into: Path) -> None:
    for headers in ({}, {"ETag": 'W/"1"'}):
        standin.replies["/a.bin"] = Reply(CONTENT, headers=headers, cut=9, length=len(CONTENT))
        with pytest.raises(Unreachable):
            download(f"{standin.url}/a.bin", into)
        assert names(into) == []


def test_ctrl_c_leaves_a_part(
    standin: Standin, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.replies["/a.bin"] = Reply(CONTENT, headers=FIRST)

    def stop(file: object, chunk: bytes) -> None:
        file.write(chunk[:100])  # type: ignore[attr-defined]
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_write_whole", stop)
        with pytest.raises(KeyboardInterrupt):
            download(f"{standin.url}/a.bin", into)
    assert names(into) == ["a.bin.part", "a.bin.part.json"]
    assert download(f"{standin.url}/a.bin", into).read_bytes() == CONTENT
    assert ranges(standin)[1] == "bytes=99-"


def test_a_body_that_is_too_slow_is_given_up(
    standin: Standin, into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ", 0.3)
    standin.replies["/a.bin"] = Reply(CONTENT, headers=FIRST, pause=0.05)
    with pytest.raises(Unreachable, match="too slow: under 256 bytes per second"):
        download(f"{standin.url}/a.bin", into)
    assert (into / "a.bin.part").stat().st_size > 1


def test_addresses_that_give_nothing(standin: Standin, into: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/a.bin"
        nowhere = f"{standin.url}/nowhere.bin"
        for url in (nowhere, closed, "file:///etc/hostname", "http://[/a.bin", "https:a.bin"):
            with pytest.raises(Unreachable, match="cannot be downloaded") as caught:
                download(url, into)
            assert "\n" not in str(caught.value)
    with pytest.raises(Unreachable, match="HTTP 404: there is no such file"):
        download(nowhere, into)


def test_a_host_that_does_not_answer_is_given_up(
    into: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert connection.CONNECT <= 5
    monkeypatch.setattr(connection, "READ", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a.bin"
        with pytest.raises(Unreachable, match="timed out"):
            download(url, into)


def test_a_full_disk(
    standin: Standin, into: Path, full_at: FullAt, monkeypatch: pytest.MonkeyPatch
) -> None:
    standin.replies["/a.bin"] = Reply(bytes(1_000_000), headers=FIRST)
    with full_at(100_000), pytest.raises(OutputError, match=r"a\.bin: cannot be written") as caught:
        download(f"{standin.url}/a.bin", into)
    assert "\n" not in str(caught.value)
    assert names(into) == []
    usage = namedtuple("usage", "free")(free=999_999)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(OutputError, match="1,000,000 bytes are needed, 999,999 are free"):
        download(f"{standin.url}/a.bin", into)


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(b"x", headers={"Content-Encoding": "gzip"}), "compressed (gzip), though not asked"),
        (Reply(b"x", 206, {"Content-Range": "bytes 5-5/6"}), "a part of it, though not asked"),
    ],
    ids=["compressed", "part"],
)
def test_bodies_that_are_not_the_file(
    standin: Standin, into: Path, reply: Reply, said: str
) -> None:
    standin.replies["/a.bin"] = reply
    with pytest.raises(WeightsError) as caught:
        download(f"{standin.url}/a.bin", into)
    assert said in str(caught.value)
    assert names(into) == []


PAGE = "<!DOCTYPE html><html><head><title>{title}</title></head><body>{body}</body></html>"


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/octet-stream"])
@pytest.mark.parametrize(
    ("title", "body", "said"),
    [
        ("Google Drive - Quota exceeded", "Too many users", "quota for this file is used up"),
        ("Google Drive - Virus scan warning", "", "asks to confirm a download without a virus"),
        ("Log in", '<input type="password">', "a page that asks to sign in"),
        ("Oops", "The file does not exist.", "a page that says that there is no such file"),
        ("Welcome &amp; hello", "", "titled 'Welcome & hello')"),
    ],
)
def test_a_page_in_place_of_a_file_is_recognized(
    standin: Standin, into: Path, kind: str, title: str, body: str, said: str
) -> None:
    page = PAGE.format(title=title, body=body).encode()
    standin.replies["/a.bin"] = Reply(page, headers={"Content-Type": kind, **FIRST})
    with pytest.raises(Unreachable) as caught:
        download(f"{standin.url}/a.bin", into)
    assert "a web page came in place of the file" in str(caught.value)
    assert said in str(caught.value)
    assert names(into) == []


def test_a_range_of_thousands_of_digits_is_refused(standin: Standin, into: Path) -> None:
    lie = {"Content-Range": f"bytes {'1' * 5000}-{'2' * 5000}/{'3' * 5000}"}
    standin.replies["/a.bin"] = Reply(CONTENT, 206, lie)
    with pytest.raises(WeightsError, match="a part of it, though not asked for"):
        download(f"{standin.url}/a.bin", into)


def test_a_page_whose_bytes_come_one_at_a_time_is_refused(standin: Standin, into: Path) -> None:
    standin.replies["/a.bin"] = Reply(b"<!DOCTYPE html><title>Busy</title>", pause=0.005)
    with pytest.raises(Unreachable, match="a web page came in place of the file, titled 'Busy'"):
        download(f"{standin.url}/a.bin", into)
    assert names(into) == []


def test_no_link_is_written_through(standin: Standin, into: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"kept")
    (into / "a.bin.part").symlink_to(other)
    standin.replies["/a.bin"] = Reply(CONTENT)
    assert download(f"{standin.url}/a.bin", into).read_bytes() == CONTENT
    assert other.read_bytes() == b"kept"
