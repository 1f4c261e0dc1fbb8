"""Download a file within limits, and continue an interrupted download of the same version."""

from __future__ import annotations

import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from urllib.parse import unquote, urlsplit

import requests
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from benchmark.core.checkpoints.resolve import is_web_page
from benchmark.core.errors import OutputError, Unreachable, WeightsError
from benchmark.core.filenames import plain_name, printable
from benchmark.fetch import connection
from benchmark.fetch.connection import FAILURES, LONGEST_PAGE, Open, Session, open_file, unreachable
from benchmark.fetch.pages import no_file_in, reason_of_status
from benchmark.fetch.parts import Part, Version

LARGEST = 4 * 2**30  # bytes of a file of unknown size
SLOWEST = 256  # bytes per second, on average over `connection.READ` seconds
_CHUNK = 2**18
_OK, _PARTIAL, _UNSATISFIABLE = 200, 206, 416
_RANGE = re.compile(r"bytes (\d{1,18})-(\d{1,18})/(\d{1,18})", re.ASCII)

Say = Callable[[str], object]


def download(
    address: str, folder: Path, *, most: int = 0, name: str = "", opened: Open | None = None,
    say: Say = lambda _: None,
) -> Path:  # fmt: skip
    """Download a file into a folder, or continue to; the caller verifies its content.

    If it is interrupted, what was received stays in `folder` as NAME.part, and the next call
    continues, provided that the server states the same version of the file.

    Args:
        address: where the file is published.
        folder: an existing folder.
        most: expected size in bytes, or 0 if unknown.
        name: name of the file; by default the last part of the address.
        opened: opens the address with additional headers; by default directly.
        say: called with a line if an earlier download is continued or started again.

    Returns:
        The file, `folder`/`name`.

    Raises:
        Unreachable: if the address cannot be reached, has no file, or breaks off.
        WeightsError: if the file is larger than `most`, or redirects are refused.
        OutputError: if it cannot be written.
    """
    with Session() as session:
        part = Part(folder, plain_name(name or _last(address)), address)
        opener = opened or (lambda headers: open_file(address, headers, session))
        kept = part.find()
        response = _continued(opener, part, kept, say)
        start = kept[1] - 1 if kept and response.status_code == _PARTIAL else 0
        try:
            return _receive(response, part, start, most or LARGEST)
        finally:
            response.close()


def _last(address: str) -> str:
    try:
        return unquote(urlsplit(address).path).rpartition("/")[2]
    except ValueError:
        return ""


def _continued(
    opener: Open, part: Part, kept: tuple[Version, int] | None, say: Say
) -> requests.Response:
    """Request the rest of a part file, from its last byte on, or the whole file."""
    if kept is None:
        return opener({})
    version, size = kept
    # From the last byte, so that a complete part has a rest too, and the seam can be compared.
    response = opener({"Range": f"bytes={size - 1}-", "If-Range": version.validator})
    if response.status_code == _PARTIAL and _is_rest(response, version, size):
        say(f"{part.complete.name}: continuing after {size:,} bytes")
        return response
    say(f"{part.complete.name}: another version, or it cannot be continued; starting again")
    if response.status_code in (_PARTIAL, _UNSATISFIABLE):
        response.close()
        return opener({})
    return response


def _is_rest(response: requests.Response, version: Version, size: int) -> bool:
    found = _RANGE.fullmatch(response.headers.get("content-range", ""))
    if found is None or int(found[1]) != size - 1 or version.total not in (-1, int(found[3])):
        return False
    now = Version.of(version.address, response.headers, int(found[3]))
    changed = now.etag and now.etag != version.etag if version.etag else False
    return not changed and now.modified in ("", version.modified)


def _receive(response: requests.Response, part: Part, start: int, most: int) -> Path:
    """Write a response's body to the part file from byte `start` on, and give it its name."""
    total = _total(response, part, start, most)
    version = Version.of(part.address, response.headers, total)
    try:
        _refuse_full_disk(part, total - start)
        part.note(version)
        with part.path.open("r+b" if start else "wb", buffering=0) as file:
            _write(response, file, part, start, total if total >= 0 else most)
        _check_size(part, total)
        _refuse_page(part)
    except OSError as error:
        part.remove()
        reason = error.strerror or error
        raise OutputError(f"{part.complete}: cannot be written ({reason})") from None
    except (Unreachable, KeyboardInterrupt):
        if not version.validator:
            part.remove()
        raise
    except BaseException:
        part.remove()
        raise
    return part.finish()


def _total(response: requests.Response, part: Part, start: int, most: int) -> int:
    """Return the stated size of the whole file, or -1; refuse responses that cannot be it.

    Raises:
        Unreachable: if the response is no file, or its headers are damaged.
        WeightsError: if it is compressed, a part that was not asked for, or too large.
    """
    address, headers = part.address, response.headers
    if response.status_code not in (_OK, _PARTIAL):
        raise Unreachable(f"{address}: cannot be downloaded ({reason_of_status(response)})")
    if (encoding := headers.get("content-encoding", "identity").lower()) != "identity":
        raise WeightsError(
            f"{address}: refused: compressed ({encoding[:40]}), though not asked for"
        )
    found = _RANGE.fullmatch(headers.get("content-range", ""))
    if response.status_code == _PARTIAL and (found is None or int(found[1]) != start):
        raise WeightsError(f"{address}: refused: a part of it, though not asked for")
    stated = found[3] if response.status_code == _PARTIAL and found else None
    stated = stated or headers.get("content-length", "-1")
    if not re.fullmatch(r"-1|\d{1,18}", stated):
        raise Unreachable(
            f"{address}: cannot be downloaded (its size is stated as {stated[:40]!r})"
        )
    total = int(stated)
    if total > most:
        part.remove()
        raise _too_large(address, most)
    return total


def _write(response: requests.Response, file: BinaryIO, part: Part, start: int, most: int) -> None:
    """Write the body into the open part file, from byte `start` on and up to `most` bytes.

    Raises:
        Unreachable: if the body breaks off, is too slow, or is another file's.
        WeightsError: if it is larger.
    """
    at, since = start, (time.monotonic(), start)
    last = _byte_at(file, start) if start else b""
    file.seek(start)
    with _progress(part.complete.name, start, most) as advance:
        for chunk in _chunks(response, part.address):
            if at == start and last and chunk[:1] != last:
                part.remove()
                raise Unreachable(f"{part.address}: another file since; run the command again")
            if at == 0 and is_web_page(chunk):
                page = chunk.decode("utf-8", "replace")
                part.remove()
                raise Unreachable(f"{part.address}: cannot be downloaded ({no_file_in(page)})")
            at += len(chunk)
            if at > most:
                raise _too_large(part.address, most)
            _write_whole(file, chunk)
            advance(at)
            since = _refuse_slow(part.address, since, at)


def _chunks(response: requests.Response, address: str) -> Iterator[bytes]:
    try:
        while chunk := response.raw.read1(_CHUNK):
            yield chunk
    except FAILURES as error:
        raise unreachable(address, error) from None


def _write_whole(file: BinaryIO, chunk: bytes) -> None:
    rest = memoryview(chunk)
    while rest:
        rest = rest[file.write(rest) :]


def _byte_at(file: BinaryIO, position: int) -> bytes:
    file.seek(position)
    return file.read(1)


def _refuse_slow(address: str, since: tuple[float, int], at: int) -> tuple[float, int]:
    """Return time and size of the last check; raise if too little came since."""
    now = time.monotonic()
    if now - since[0] < connection.READ:
        return since
    if at - since[1] < SLOWEST * (now - since[0]):
        raise Unreachable(f"{address}: too slow: under {SLOWEST} bytes per second")
    return now, at


def _refuse_full_disk(part: Part, needed: int) -> None:
    free = shutil.disk_usage(part.path.parent).free
    if needed > free:
        raise OutputError(
            f"{part.complete}: cannot be written: {needed:,} bytes are needed, {free:,} are free"
        )


def _check_size(part: Part, total: int) -> None:
    size = part.path.stat().st_size
    if total >= 0 and size != total:
        raise Unreachable(f"{part.address}: broke off after {size:,} of {total:,} bytes")


def _refuse_page(part: Part) -> None:
    """Refuse a web page, also one whose first bytes came one at a time."""
    with part.path.open("rb") as file:
        head = file.read(LONGEST_PAGE)
    if is_web_page(head):
        part.remove()
        page = no_file_in(head.decode("utf-8", "replace"))
        raise Unreachable(f"{part.address}: cannot be downloaded ({page})")


def _too_large(address: str, most: int) -> WeightsError:
    return WeightsError(f"{address}: rejected: expected at most {most:,} bytes")


@contextmanager
def _progress(name: str, start: int, total: int) -> Iterator[Callable[[int], object]]:
    """Show size, speed and time left on a terminal; yield a function of the bytes so far."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task(printable(name), total=total, completed=start)
        yield lambda at: bars.update(task, completed=at)
