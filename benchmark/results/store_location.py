"""Location of a run's store: how record.json names it, and where it is on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.paths import at_home, below_home, home, seen
from benchmark.results.record import BEGUN, read_record
from benchmark.store.store import is_address, is_store


def recorded_store(place: str | Path, folder: Path | None) -> str:
    """A store's place as a record names it: one given by a relative path as seen from the run."""
    if is_address(place):
        return str(place)
    whole = Path(place).absolute()
    if folder is not None and (
        not Path(place).is_absolute() or whole.is_relative_to(folder.absolute())
    ):
        return Path(os.path.relpath(whole, folder.absolute())).as_posix()
    return seen(whole) if folder is None else below_home(whole)


def store_of(folder: Path) -> str | Path:
    """Where the answers of a run are: as its record says, if they still are there.

    An address counts only where this machine has its rows: nothing is asked of a stranger's.

    Args:
        folder: the run's.

    Returns:
        The recorded store, else the one that runs share by default.

    Raises:
        DataError: if the record is damaged, or written by a later version.
    """
    place = _recorded(folder)
    return place if place and is_store(place) else home() / "store"


def store_elsewhere(folder: Path) -> str:
    """The store that the record of a run names, if it is not on this machine; else ""."""
    try:
        place = _recorded(folder)
    except DataError:
        return ""
    return str(place) if place and not is_store(place) else ""


def _recorded(folder: Path) -> str | Path:
    record = read_record(folder) or read_record(folder, BEGUN)
    said = record.store if record else ""
    return said if not said or is_address(said) else folder / at_home(Path(said))


def store_or_default(folder: Path) -> str | Path:
    """As `store_of`; of a run whose record is damaged the one that runs share by default."""
    try:
        return store_of(folder)
    except DataError:
        return home() / "store"
