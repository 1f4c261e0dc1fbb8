"""Files on Google Drive: gdown reads its pages, the download itself is `benchmark.fetch.transfer`.

gdown's own download has no size limit, follows redirects anywhere, and continues a part file of an
earlier call without comparing its version.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from urllib.parse import urlsplit

import requests

from benchmark.core.errors import BenchError, Unreachable
from benchmark.core.external.optional import needing
from benchmark.fetch.connection import (
    CONNECT,
    READ,
    Session,
    is_page,
    open_address,
    read_page,
    refuse_redirect,
    unreachable,
)
from benchmark.fetch.pages import no_file_in, reason_of_status

GDOWN = "gdown>=6.5"  # as in the extra `fetch` of pyproject.toml
HOST = "https://drive.google.com"
_FOLDER = re.compile(r"/drive/folders/([-\w]+)")
_BROWSER = {"User-Agent": "Mozilla/5.0"}  # as gdown does: Drive has other pages for programs
_PAGES = 3  # pages on the way to a file: one that asks to confirm, and one more


def is_drive(address: str) -> bool:
    """Whether an address is a file or folder on Google Drive."""
    return urlsplit(address).hostname in ("drive.google.com", "docs.google.com")


def id_of(address: str, file: str) -> str:
    """Return the id of a file on Google Drive.

    Args:
        address: address of the file, or of the folder that contains it.
        file: its name in the folder, or in a folder below it.

    Raises:
        Unreachable: if the folder cannot be read, or does not have exactly one such file.
        ExternalError: if gdown is not installed.
    """
    with needing(GDOWN):
        import gdown
        from gdown.parse_url import parse_url
    folder = _FOLDER.match(urlsplit(address).path)
    if folder is None:
        found = parse_url(address)[0]
        if not found:
            raise Unreachable(f"{address}: no address of a file on Google Drive")
        return str(found)
    try:
        listed = gdown.download_folder(
            id=folder[1], skip_download=True, quiet=True, use_cookies=False, timeout=(CONNECT, READ)
        )
    except Exception as error:  # the page may be any
        raise unreachable(address, error) from error
    fitting = [one.id for one in listed if PurePosixPath(one.path).name == file]
    if len(fitting) != 1:
        names = ", ".join(sorted(one.path for one in listed)[:10])[:300] or "nothing"
        raise Unreachable(
            f"{address}: expected one file {file} in this folder, found {len(fitting)}: {names}"
        )
    return str(fitting[0])


def open_drive(identity: str, headers: Mapping[str, str], session: Session) -> requests.Response:
    """Open a file on Google Drive, past the page that asks to confirm without a virus scan.

    Args:
        identity: id of the file.
        headers: additional headers of the request.
        session: the session, which keeps the cookies of the pages.

    Returns:
        The response with the file's content.

    Raises:
        Unreachable: if Drive has another page in its place (quota, sign in, no such file).
        WeightsError: if an address on the way is refused.
        ExternalError: if gdown is not installed.
    """
    with needing(GDOWN):
        from gdown.download import get_url_from_gdrive_confirmation
    start = url = f"{HOST}/uc?export=download&id={identity}"
    text = ""
    for _ in range(_PAGES):
        response = open_address(url, {**_BROWSER, **headers}, session)
        if response.status_code >= 400 and response.status_code != 416:
            reason = reason_of_status(response)
            page = f"; {no_file_in(read_page(response))}" if is_page(response) else ""
            response.close()
            raise Unreachable(f"{start}: cannot be downloaded ({reason}{page})")
        if not is_page(response):
            return response
        text = read_page(response)
        try:
            url = get_url_from_gdrive_confirmation(text)
            refuse_redirect(url, start)
        except BenchError:
            raise
        except Exception as error:  # the page may be any, and gdown's errors have many lines
            reason = no_file_in(text)
            raise Unreachable(f"{start}: cannot be downloaded ({reason})") from error
    raise Unreachable(f"{start}: cannot be downloaded ({no_file_in(text)})")
