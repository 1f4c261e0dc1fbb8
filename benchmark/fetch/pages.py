"""Say what a server sent in place of a file: a web page, or a status."""

from __future__ import annotations

import re
from html import unescape
from typing import Protocol

_PAGES = (  # first match counts; lower case
    (
        ("quota exceeded", "too many users have viewed or downloaded", "download quota"),
        "Google Drive's quota for this file is used up; try again in a day",
    ),
    (
        ("virus scan warning", "can't scan this file for viruses", 'id="download-form"'),
        "Google Drive's page that asks to confirm a download without a virus scan",
    ),
    (
        ("accounts.google.com", "sign-in", "sign in", "log in", "you need access",
         'type="password"'),
        "a page that asks to sign in",
    ),
    (
        ("404", "not found", "does not exist", "no longer exists"),
        "a page that says that there is no such file",
    ),
)  # fmt: skip
_STATUS = {
    401: "the server asks for a login",
    403: "the server refuses access",
    404: "there is no such file",
    410: "the file was removed",
    429: "too many requests; try again later",
}
_READ = 2**14  # characters; the time of the expressions grows with the square
_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.DOTALL | re.IGNORECASE)
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<!--.*?-->", re.DOTALL | re.IGNORECASE)


class _Response(Protocol):
    """The part of a response that is read here."""

    @property
    def status_code(self) -> int: ...

    @property
    def reason(self) -> str: ...


def no_file_in(page: str) -> str:
    """Describe a web page that came in place of a file, with its title.

    Args:
        page: the beginning of the page.
    """
    page = page[:_READ]
    text = _TAGS.sub(" ", page).lower()
    found = _TITLE.search(page)
    title = " ".join(unescape(found[1]).split())[:80] if found else ""
    titled = f", titled {title!r}" if title else ""
    for words, meaning in _PAGES:
        if any(word in text for word in words):
            return f"a web page came in place of the file{titled}: {meaning}"
    return f"a web page came in place of the file{titled}"


def reason_of_status(response: _Response) -> str:
    """Describe a status that is no success, as "HTTP 404: there is no such file"."""
    code = response.status_code
    meaning = _STATUS.get(code) or ("the server failed" if code >= 500 else response.reason or "?")
    return f"HTTP {code}: {str(meaning)[:80]}"
