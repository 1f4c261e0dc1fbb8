"""Open an address and follow its redirects, each of which is checked before it is followed."""

from __future__ import annotations

import ipaddress
import re
import socket
import time
from collections.abc import Callable, Mapping
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from benchmark.core.errors import Unreachable, WeightsError
from benchmark.fetch.pages import no_file_in, reason_of_status

CONNECT, READ = 4.0, 60.0  # timeouts in seconds: for each address of a host, for the next bytes
REDIRECTS = 10
LONGEST_PAGE = 2**16  # bytes that are read of a web page
FAILURES = (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError)
_SECRET = frozenset({"authorization", "cookie"})  # headers that are only for the first host
_POOL = re.compile(r"^<?[\w.]*HTTPS?Connection[^:]*: ")  # what urllib3 puts before a reason
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416

Open = Callable[[Mapping[str, str]], requests.Response]


class Session(requests.Session):
    """A session that leaves redirects to `open_address`.

    requests reads the whole body of a redirect, even of one that it does not follow.
    """

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: nothing is prepared for a redirect."""


def open_address(url: str, headers: Mapping[str, str], session: Session) -> requests.Response:
    """Request an address and return the response of the last redirect, whose body is not read.

    Args:
        url: an http or https address.
        headers: headers of the request; those with secrets are sent to the first host only.
        session: the session, which keeps cookies.

    Raises:
        Unreachable: if it does not respond.
        WeightsError: if it redirects to another scheme, from https to http, from a public to a
            private host, or too often.
    """
    first, sent = url, {"Accept-Encoding": "identity", **headers}
    for _ in range(REDIRECTS + 1):
        refuse_redirect(url, first)
        try:
            response = session.get(
                url, headers=sent, stream=True, allow_redirects=False, timeout=(CONNECT, READ)
            )
        except FAILURES as error:
            raise unreachable(first, error) from None
        if not response.is_redirect:
            return response
        response.close()
        before, url = url, _target(url, response.headers["location"])
        if urlsplit(before).netloc != urlsplit(url).netloc:
            sent = {name: value for name, value in sent.items() if name.lower() not in _SECRET}
    raise WeightsError(f"{first}: refused: redirected more than {REDIRECTS} times")


def open_file(url: str, headers: Mapping[str, str], session: Session) -> requests.Response:
    """Request a file as `open_address` does, and refuse what is none.

    Raises:
        Unreachable: if there is no file, with the reason; or a web page in its place.
        WeightsError: as `open_address`.
    """
    response = open_address(url, headers, session)
    if response.status_code not in (_OK, _PARTIAL, _UNSATISFIABLE):
        response.close()
        raise Unreachable(f"{url}: cannot be downloaded ({reason_of_status(response)})")
    if is_page(response):
        raise Unreachable(f"{url}: cannot be downloaded ({no_file_in(read_page(response))})")
    return response


def is_page(response: requests.Response) -> bool:
    """Whether a response states that it is a web page, and none to be saved as a file."""
    kind = response.headers.get("content-type", "").lower()
    return kind.startswith(("text/html", "application/xhtml")) and not response.headers.get(
        "content-disposition", ""
    ).lower().startswith("attachment")


def read_page(response: requests.Response) -> str:
    """Read the beginning of a web page, and close the response.

    At most `LONGEST_PAGE` bytes and what comes within `READ` seconds, as a page may come slowly.
    """
    text, end = b"", time.monotonic() + READ
    try:
        while (
            len(text) < LONGEST_PAGE
            and time.monotonic() < end
            and (chunk := response.raw.read1(LONGEST_PAGE))
        ):
            text += chunk
    except FAILURES:
        pass  # what was read so far is enough to classify it
    finally:
        response.close()
    return text[:LONGEST_PAGE].decode("utf-8", "replace")


def unreachable(url: str, error: BaseException) -> Unreachable:
    """Return the error of an address that does not respond, with the library's reason."""
    said = error.args[0] if error.args else ""
    said = getattr(said, "reason", said)
    text = _POOL.sub("", str(error if isinstance(said, int) else said)) or type(error).__name__
    return Unreachable(f"{url}: cannot be downloaded ({text.splitlines()[0][:150]})")


def _target(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:  # such as an IPv6 address that does not end
        raise WeightsError(
            f"{url}: refused: redirected to {location[:200]!r}, which is no web address"
        ) from None


def refuse_redirect(url: str, first: str) -> None:
    """Refuse an address that is none, or to which another one must not lead.

    Args:
        url: the address.
        first: the address that leads to it, or the same.

    Raises:
        Unreachable: if `first` itself is no web address.
        WeightsError: if `url` is none, or on a private network and `first` is not, or http and
            `first` is https.
    """
    try:
        start, end = urlsplit(first), urlsplit(url)
        end.port  # noqa: B018 (raises)
    except ValueError as error:
        raise unreachable(url, error) from None
    # Where a host ends at a backslash, urllib3 and urlsplit disagree: a private one would pass.
    if end.scheme not in ("http", "https") or not end.hostname or "\\" in end.netloc:
        if url == first:
            raise Unreachable(f"{url}: cannot be downloaded (expected an http or https address)")
        raise WeightsError(f"{first}: refused: redirected to {url[:200]}, which is no web address")
    if url == first:
        return
    if (start.scheme, end.scheme) == ("https", "http"):
        raise WeightsError(f"{first}: refused: redirected from https to {url[:200]}")
    other = end.hostname != start.hostname
    if other and _is_private(end.hostname) and not _is_private(str(start.hostname)):
        raise WeightsError(
            f"{first}: refused: redirected to {url[:200]}, an address of a private network"
        )


def _is_private(host: str) -> bool:
    """Whether a host is on this machine or a private network; False if its name is unknown."""
    try:
        found = {one[4][0] for one in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError):
        return False
    return any(not ipaddress.ip_address(str(one).partition("%")[0]).is_global for one in found)
