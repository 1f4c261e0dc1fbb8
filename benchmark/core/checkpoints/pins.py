"""SHA-256 of files whose authors publish none, written down at first use and checked afterwards."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import OutputError, WeightsError
from benchmark.core.locks import lock_folder
from benchmark.core.paths import home, make_folder, write_text

_FILE = "pinned.json"  # {address: SHA-256}
_WAIT = 10.0  # seconds for another process that writes it


def pinned(address: str) -> str | None:
    """Return the SHA-256 that was written down for an address, or None.

    Raises:
        WeightsError: if the file of pins is damaged.
    """
    return _read().get(address)


def check_pin(address: str, path: Path, name: str = "") -> str:
    """Compare a file with what it was at its first use, or write that down; return its SHA-256.

    A folder that cannot be written does not keep anything from being used.

    Args:
        address: where the file is from.
        path: the file.
        name: what `bench weights fetch` calls it; by default its address.

    Raises:
        WeightsError: if it is another one, with both hashes.
    """
    digest, known = sha256_of(path), pinned(address)
    if known is None:
        with suppress(OutputError):
            pin(address, digest)
    elif known != digest:
        raise differs(address, digest, known, name or address)
    return digest


def pin(address: str, digest: str) -> None:
    """Write down the SHA-256 of an address, in place of an earlier one.

    Raises:
        OutputError: if it cannot be written.
    """
    folder = make_folder(home() / "weights")
    with lock_folder(folder, wait=_WAIT):
        write_text(
            folder / _FILE, json.dumps({**_read(), address: digest}, indent=2) + "\n", durable=True
        )


def differs(address: str, digest: str, known: str, name: str) -> WeightsError:
    """Return the error of a file that is not what it was at its first use."""
    return WeightsError(
        f"{address}: not the file that it was: its SHA-256 is {digest}, at its first use it was "
        f"{known}; 'bench weights fetch {name} --replace' downloads it again and accepts what "
        "is there"
    )


def _read() -> dict[str, str]:
    path = home() / "weights" / _FILE
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return {str(address): str(digest) for address, digest in found.items()}
    except (OSError, ValueError, AttributeError, RecursionError):
        raise WeightsError(f"{path}: damaged; delete it, and files are pinned anew") from None
