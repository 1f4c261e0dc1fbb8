"""Redirects are followed only where they may lead."""

from __future__ import annotations

import socket
import time

import pytest

from benchmark.core.errors import Unreachable, WeightsError
from benchmark.fetch import connection
from benchmark.fetch.connection import Session, open_file, read_page, refuse_redirect
from tests.unit.fetch.conftest import Reply, Standin

ADDRESSES = {
    "files.example": "93.184.215.14",
    "inside.example": "10.0.0.7",
    "localhost": "127.0.0.1",
    "six.example": "fe80::1%eth0",
}


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: str, *_: object) -> list[object]:
        if host not in ADDRESSES and not host[0].isdigit() and ":" not in host:
            raise socket.gaierror
        return [(None, None, None, "", (ADDRESSES.get(host, host), 0))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("file:///etc/hostname", "which is no web address"),
        ("ftp://files.example/a", "which is no web address"),
        ("http:///a", "which is no web address"),
        ("http://files.example/a", "from https to http://"),
        ("https://inside.example/a", "an address of a private network"),
        ("https://localhost/a", "an address of a private network"),
        ("https://127.0.0.1/a", "an address of a private network"),
        ("https://[::1]/a", "an address of a private network"),
        ("https://169.254.169.254/latest/meta-data", "an address of a private network"),
        ("https://six.example/a", "an address of a private network"),
    ],
)
def test_where_a_public_address_must_not_lead(url: str, said: str) -> None:
    with pytest.raises(WeightsError) as caught:
        refuse_redirect(url, "https://files.example/a.pth")
    assert said in str(caught.value)
    assert str(caught.value).startswith("https://files.example/a.pth: refused: redirected ")


@pytest.mark.usefixtures("names")
def test_where_an_address_may_lead() -> None:
    with pytest.raises(WeightsError, match="no web address"):  # urllib3 would ask 127.0.0.1
        refuse_redirect(r"http://127.0.0.1\@files.example/b", "http://files.example/a")
    refuse_redirect("https://files.example/b", "http://files.example/a")
    refuse_redirect("https://unknown.example/b", "https://files.example/a")
    refuse_redirect("http://127.0.0.1/b", "http://localhost/a")  # both are on this machine
    with pytest.raises(Unreachable, match="expected an http or https address"):
        refuse_redirect("file:///a", "file:///a")


def test_redirects_on_the_way(standin: Standin) -> None:
    here, there = standin.url, standin.url.replace("127.0.0.1", "localhost")
    standin.replies = {
        "/a": Reply(b"no end", 302, headers={"Location": "/b"}, length=None),
        "/b": Reply(status=307, headers={"Location": f"{there}/c"}),
        "/c": Reply(b"content"),
        "/file": Reply(status=302, headers={"Location": "file:///etc/hostname"}),
        "/damaged": Reply(status=302, headers={"Location": "http://[::1/a"}),
        "/loop": Reply(status=302, headers={"Location": "/loop"}),
    }
    with Session() as session:
        response = open_file(f"{here}/a", {"Authorization": "Bearer secret"}, session)
        assert read_page(response) == "content"
        sent = [headers.get("authorization") for _, _, headers in standin.asked]
        assert sent == ["Bearer secret", "Bearer secret", None]  # not to another host
        for path, said in (
            ("/file", "no web address"),
            ("/damaged", "no web address"),
            ("/loop", "more than 10 times"),
        ):
            with pytest.raises(WeightsError, match=said):
                open_file(here + path, {}, session)
    assert len(standin.asked) == 3 + 1 + 1 + 11


def test_a_slow_page_is_read_for_a_limited_time(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "READ", 0.2)
    since = time.monotonic()
    standin.replies["/a"] = Reply(
        b"<html>" + b"x" * 100, headers={"Content-Type": "text/html"}, pause=0.05
    )
    with Session() as session, pytest.raises(Unreachable, match="a web page came in place"):
        open_file(f"{standin.url}/a", {}, session)
    assert time.monotonic() - since < 2
