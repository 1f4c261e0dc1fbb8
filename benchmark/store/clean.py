"""Clean a store or a run's folder: drafts and orphans of killed runs, and unneeded outputs."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Set
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.core.engines.files import engines_folder, is_current
from benchmark.core.errors import OutputError
from benchmark.core.locks import lock_folder
from benchmark.core.paths import DRAFT
from benchmark.store.database import DATABASE
from benchmark.store.files import is_draft
from benchmark.store.recover import ASIDE, unfinished_recoveries
from benchmark.store.row import suffix_of
from benchmark.store.store import PREFIXES, Store, file_name

_MIN_AGE = 24 * 3600.0  # seconds: without locks, a younger draft may belong to an active run

Kind = Literal["draft", "orphan", "aside", "answer", "network"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A file, row or folder that was removed, or would be in a dry run.

    Attributes:
        kind: "draft" of a file that was never completed, "orphan" without a row, "aside" for
            a damaged database that `bench check` moved aside, "answer" that no run needs,
            "network" converted for another version of an engine than the one installed.
        where: the file, or the key of an output without a file.
        size: bytes of the file; 0 without a file.
    """

    kind: Kind
    where: str
    size: int


def clean_store(
    store: Store, *, needed: Set[str] | None = None, dry_run: bool = False
) -> Iterator[Removal]:
    """Remove drafts, orphans and damaged databases that were moved aside; runs may be active.

    Args:
        store: the store.
        needed: keys of the outputs to keep; None keeps all. With it no run may use the store: an
            active run would miss outputs at its end that it found at its start.
        dry_run: only report.

    Raises:
        OutputError: if something cannot be removed, a run is using the store, or a damaged database
            is not recovered yet.
    """
    if unfinished_recoveries(store.root):
        raise OutputError(
            f"{store.root}: the recovery of its damaged database is unfinished; finish it first: "
            f"bench check --store {store.place}"
        )
    with lock_folder(store.root) if needed is not None else nullcontext() as held:
        if held is False:
            raise OutputError(f"{store.place}: a run is using this store; try again when it ends")
        for prefix in PREFIXES:
            yield from _clean_prefix(store, prefix, needed, dry_run=dry_run)
    yield from _clean_aside(store.root / ASIDE, dry_run=dry_run)


def _clean_aside(aside: Path, *, dry_run: bool) -> Iterator[Removal]:
    """Remove databases that were moved aside, unless a recovery has begun meanwhile."""
    if aside.is_symlink() or not aside.is_dir():
        return
    with lock_folder(aside) as held:
        if held is False or unfinished_recoveries(aside.parent):
            return
        for folder in sorted(path for path in aside.glob("*") if not path.is_symlink()):
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            if not dry_run:
                shutil.rmtree(folder, ignore_errors=True)
            yield Removal(kind="aside", where=str(folder), size=size)


def clean_engines(*, dry_run: bool = False) -> Iterator[Removal]:
    """Remove networks converted for another version of an engine, and drafts of killed runs.

    Raises:
        OutputError: if one cannot be removed.
    """
    folder = engines_folder()
    yield from clean_folder(folder, dry_run=dry_run)
    for path in sorted(folder.glob("*.zip")):
        if not is_current(path):
            size = _size(path)
            if not dry_run:
                _remove(path)
            yield Removal(kind="network", where=str(path), size=size)


def clean_folder(folder: Path, *, dry_run: bool = False) -> Iterator[Removal]:
    """Remove the drafts that a killed run left in its folder; those of an active run stay.

    Raises:
        OutputError: if one cannot be removed.
    """
    if not folder.is_dir():
        return
    with lock_folder(folder) as held:
        if held is False:
            return  # a run is active in this folder
        for path in _drafts(folder):
            with suppress(FileNotFoundError):
                found = path.lstat()
                if held is None and time.time() - found.st_mtime < _MIN_AGE:
                    continue  # may belong to an active run
                size = _size(path)
                if not dry_run:
                    _remove(path)
                yield Removal(kind="draft", where=str(path), size=size)


def _drafts(folder: Path) -> Iterator[Path]:
    """Yield drafts in a run's folder and below, but not in a store; links are not followed.

    Drafts include folders: those that held the images given to external programs.
    """
    for place, folders, files in os.walk(folder):
        if DATABASE in files:
            folders.clear()  # other runs may be using this store; `clean_store` cleans it
            continue
        yield from (Path(place, name) for name in sorted(files) if name.startswith(DRAFT))
        yield from (Path(place, name) for name in sorted(folders) if name.startswith(DRAFT))
        folders[:] = [name for name in folders if not name.startswith(DRAFT)]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _size(path: Path) -> int:
    """Return the bytes of a file, or of all files below a folder."""
    inside = path.rglob("*") if _is_folder(path) else [path]
    return sum(one.lstat().st_size for one in inside if not _is_folder(one))


def _remove(path: Path) -> None:
    try:
        if _is_folder(path):
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot be removed ({error.strerror})") from None


def _clean_prefix(
    store: Store, prefix: str, needed: Set[str] | None, *, dry_run: bool
) -> Iterator[Removal]:
    found: list[Removal] = []
    with store.table.writing():  # runs write files and their rows under the same lock
        files = store.files.list_files(prefix)
        rows = store.table.with_prefix(prefix)
        unneeded = [row for row in rows if needed is not None and row.key not in needed]
        own = {file_name(row.key, suffix_of(row)): row.key for row in rows}
        for row in unneeded:
            size = files.get(file_name(row.key, suffix_of(row)), 0)
            found.append(Removal(kind="answer", where=row.key, size=size))
        for name in (name for name in files if name not in own):
            kind: Kind = "draft" if is_draft(name) else "orphan"
            found.append(Removal(kind=kind, where=store.files.where(name), size=files[name]))
        if not dry_run:
            store.table.drop(row.key for row in unneeded)
            dropped = {row.key for row in unneeded}
            store.files.remove(name for name in files if own.get(name) in (None, *dropped))
    yield from found
