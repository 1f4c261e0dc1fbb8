"""Location of a run's store: how record.json names it, and where it is on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.paths import abbreviate_home, expand_home, home, portable_path
from benchmark.results.record import BEGUN, read_record
from benchmark.store.store import is_address, is_store

OWN = "store"  # below the folder of a shard, a merged run or an unpacked bundle


def recorded_store(place: str | Path, folder: Path | None) -> str:
    """Return a store's location for record.json; relative paths are relative to the run."""
    if is_address(place):
        return str(place)
    whole = Path(place).absolute()
    if folder is not None and (
        not Path(place).is_absolute() or whole.is_relative_to(folder.absolute())
    ):
        return Path(os.path.relpath(whole, folder.absolute())).as_posix()
    return portable_path(whole) if folder is None else abbreviate_home(whole)


def store_of(folder: Path) -> str | Path:
    """Return the location of a run's store: the recorded one if it exists.

    A remote address counts only if this machine has its rows: a record by someone else makes no
    connection.

    A store inside the folder comes first: an unpacked bundle has one.

    Args:
        folder: folder of the run.

    Returns:
        The store inside the folder, the recorded store, or the default store.

    Raises:
        DataError: if the record is damaged, or of a later version.
    """
    if is_store(folder / OWN):
        return folder / OWN
    place = _recorded(folder)
    return place if place and is_store(place) else home() / "store"


def store_elsewhere(folder: Path) -> str:
    """Return the recorded store of a run if it is not on this machine; else ""."""
    try:
        place = _recorded(folder)
    except DataError:
        return ""
    return str(place) if place and not is_store(place) else ""


def _recorded(folder: Path) -> str | Path:
    record = read_record(folder) or read_record(folder, BEGUN)
    said = record.store if record else ""
    return said if not said or is_address(said) else folder / expand_home(Path(said))


def store_or_default(folder: Path) -> str | Path:
    """Return `store_of`, or the default store if the record is damaged."""
    try:
        return store_of(folder)
    except DataError:
        return home() / "store"
