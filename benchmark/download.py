"""Download a file with limits on its size and on the time to connect."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from benchmark.core.errors import OutputError, Unreachable, WeightsError

CONNECT, READ = 4.0, 60.0  # timeouts in seconds: for each address of a host, for the next bytes
LARGEST = 4 * 2**30  # bytes of a file of unknown size


def download(url: str, folder: Path, *, most: int = 0) -> Path:
    """Download a file into a folder; the caller verifies its content.

    Args:
        url: the file's URL.
        folder: target folder; the file is named by the last part of the URL.
        most: expected size in bytes, or 0 if unknown.

    Returns:
        The file.

    Raises:
        Unreachable: if the URL cannot be reached, does not exist, or the download is interrupted.
        WeightsError: if the file is larger than expected.
        OutputError: if it cannot be written.
    """
    import pooch

    get = pooch.HTTPDownloader(
        progressbar=sys.stderr.isatty(), chunk_size=2**16, timeout=(CONNECT, READ)
    )
    path = folder / url.rsplit("/", 1)[-1]
    with _Limited(path, url, most or LARGEST) as file:
        try:
            get(url, file, None)
        except (OSError, ValueError) as error:  # base classes of what the libraries raise
            reason = str(error).splitlines()[0][:150]
            raise Unreachable(f"{url}: cannot be downloaded ({reason})") from None
    return path


class _Limited(io.RawIOBase):
    """A file that refuses to grow beyond a size limit."""

    def __init__(self, path: Path, url: str, most: int) -> None:
        self._path, self._url, self._most = path, url, most
        self._left = most
        self._file = path.open("wb", buffering=0)

    def writable(self) -> bool:
        return True

    def write(self, chunk: bytes) -> int:  # type: ignore[override]
        self._left -= len(chunk)
        if self._left < 0:
            raise WeightsError(f"{self._url}: rejected: expected at most {self._most:,} bytes")
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            raise OutputError(
                f"{self._path}: cannot be written ({error.strerror or error})"
            ) from None
        return len(chunk)

    def close(self) -> None:
        self._file.close()
        super().close()
