"""Google Drive: a server on this machine has its pages, and the real gdown reads them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import pytest
import requests

from benchmark.core.errors import ExternalError, Unreachable, WeightsError
from benchmark.core.external import optional
from benchmark.fetch import drive
from benchmark.fetch.transports import fetch_file
from tests.unit.fetch.conftest import Reply, Standin

CONTENT, ID = bytes(range(256)) * 100, "1" + "a" * 32
ADDRESS = f"https://drive.google.com/file/d/{ID}"
FIRST = f"/uc?export=download&id={ID}"
HTML = {"Content-Type": "text/html; charset=utf-8"}
FILE = {"Content-Disposition": 'attachment; filename="a.pth"', "ETag": '"1"'}
CONFIRM = (  # as Drive has it for files too large for its virus scan
    "<!DOCTYPE html><html><head><title>Google Drive - Virus scan warning</title></head><body>"
    '<form id="download-form" action="{url}/download" method="get">'
    '<input type="hidden" name="id" value="{id}"><input type="hidden" name="confirm" value="t">'
    "</form></body></html>"
)
QUOTA = (
    "<html><head><title>Google Drive - Quota exceeded</title></head><body>\n"
    '<p class="uc-error-subcaption">Too many users have viewed or downloaded this file recently.'
    "</p></body></html>"
)


@pytest.fixture
def google(standin: Standin, monkeypatch: pytest.MonkeyPatch) -> Standin:
    pytest.importorskip("gdown", reason="gdown is not installed (extra fetch)")
    monkeypatch.setattr(drive, "HOST", standin.url)
    return standin


def test_a_file(google: Standin, into: Path) -> None:
    google.replies[FIRST] = Reply(CONTENT, headers=FILE)
    assert fetch_file(ADDRESS, "mine.pth", into) == into / "mine.pth"
    assert (into / "mine.pth").read_bytes() == CONTENT


def test_the_page_that_asks_to_confirm_is_passed_and_the_file_continues(
    google: Standin, into: Path
) -> None:
    page = CONFIRM.format(url=google.url, id=ID).encode()
    google.replies[FIRST] = Reply(page, headers=HTML)
    second = f"/download?id={ID}&confirm=t"
    google.replies[second] = Reply(CONTENT, headers=FILE, cut=9000, length=len(CONTENT))
    with pytest.raises(Unreachable, match="cannot be downloaded"):
        fetch_file(ADDRESS, "a.pth", into)
    google.replies[second] = Reply(CONTENT, headers=FILE)
    assert fetch_file(ADDRESS, "a.pth", into).read_bytes() == CONTENT
    assert google.asked[-1][2]["range"] == "bytes=8999-"


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(QUOTA.encode(), headers=HTML), "quota for this file is used up"),
        (Reply(QUOTA.encode(), 403, HTML), "HTTP 403: .*quota for this file is used up"),
        (Reply(b"<html><title>Sign in - Google Accounts</title>", headers=HTML), "to sign in"),
        (Reply(b"<html><title>Error 404 (Not Found)</title>", 404, HTML), "HTTP 404: .*no such"),
        (Reply(CONFIRM.format(url="{url}", id=ID).encode(), headers=HTML), "asks to confirm"),
    ],
    ids=["quota", "quota, status", "sign in", "no such file", "asks again and again"],
)
def test_pages_in_place_of_a_file(google: Standin, into: Path, reply: Reply, said: str) -> None:
    reply.content = reply.content.replace(b"{url}", google.url.encode())
    google.replies = {FIRST: reply, f"/download?id={ID}&confirm=t": reply}
    with pytest.raises(Unreachable, match=said) as caught:
        fetch_file(ADDRESS, "a.pth", into)
    assert "\n" not in str(caught.value)
    assert list(into.iterdir()) == []


def test_a_page_that_leads_to_a_file_of_this_machine(google: Standin, into: Path) -> None:
    google.replies[FIRST] = Reply(CONFIRM.format(url="file://", id=ID).encode(), headers=HTML)
    with pytest.raises(WeightsError, match="refused: redirected to file:///download"):
        fetch_file(ADDRESS, "a.pth", into)


def test_a_page_without_end_is_read_to_a_limit(google: Standin, into: Path) -> None:
    google.replies[FIRST] = Reply(b"<p>more</p>" * 1000, headers=HTML, length=None)
    with pytest.raises(Unreachable, match="a web page came in place of the file"):
        fetch_file(ADDRESS, "a.pth", into)


def test_a_file_in_a_folder(google: Standin, into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = requests.Session.get

    def get(session: requests.Session, url: str, **options: object) -> requests.Response:
        """Gdown asks for the folder's page at Google's address."""
        parts = urlsplit(url)
        here = parts.hostname == "drive.google.com"
        return real(session, f"{google.url}{parts.path}?{parts.query}" if here else url, **options)

    monkeypatch.setattr(requests.Session, "get", get)
    links = "".join(
        f'<a href="https://drive.google.com/file/d/{one}/view">{name}</a>'
        for one, name in ((ID, "G.pt"), ("2" * 33, "D.pt"), ("3" * 33, "D.pt"))
    )
    folder = "f" * 33
    google.replies = {
        f"/embeddedfolderview?id={folder}": Reply(
            f"<html><title>places2</title><body>{links}</body></html>".encode(), headers=HTML
        ),
        FIRST: Reply(CONTENT, headers=FILE),
    }
    address = f"https://drive.google.com/drive/folders/{folder}"
    assert fetch_file(address, "G.pt", into).read_bytes() == CONTENT
    for name, found in (("D.pt", 2), ("E.pt", 0)):
        with pytest.raises(Unreachable, match=rf"one file {name}.*, found {found}: D\.pt, D\.pt"):
            fetch_file(address, name, into)
    with pytest.raises(Unreachable, match="status code 404"):
        fetch_file(f"{address}x", "G.pt", into)
    with pytest.raises(Unreachable, match="no address of a file on Google Drive"):
        fetch_file("https://drive.google.com/open?what", "G.pt", into)


def test_without_gdown_or_with_another_version(into: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise optional.PackageNotFoundError(name)

    monkeypatch.setattr(optional, "version", missing)
    with pytest.raises(ExternalError) as caught:
        fetch_file(ADDRESS, "a.pth", into)
    assert str(caught.value) == "gdown is not installed; get it with pip install 'gdown>=6.5'"
    monkeypatch.setattr(optional, "version", lambda _: "5.2.0")
    with pytest.raises(ExternalError, match=r"gdown 5\.2\.0 is installed, gdown>=6\.5 is needed"):
        fetch_file(ADDRESS, "a.pth", into)
