"""Remove what nobody needs: drafts and orphans of killed runs, and answers that no run asks for."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Set
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmark.core.errors import OutputError
from benchmark.core.locks import hold
from benchmark.core.paths import DRAFT
from benchmark.store.database import DATABASE, suffix_of
from benchmark.store.files import is_draft
from benchmark.store.recover import ASIDE, unfinished_recoveries
from benchmark.store.store import PREFIXES, Store, file_name

_YOUNG = 24 * 3600.0  # seconds: where no lock tells, a younger draft may be a living run's

Kind = Literal["draft", "orphan", "aside", "answer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """Something that was removed, or would be.

    Attributes:
        kind: "draft" of a file that never took its place, "orphan" that no row knows, "aside" for
            a damaged database that `bench check` put aside, "answer" that no run needs.
        where: the file, or the answer's key where it has no file.
        size: bytes of the file; 0 where there is none.
    """

    kind: Kind
    where: str
    size: int


def clean_store(
    store: Store, *, needed: Set[str] | None = None, dry_run: bool = False
) -> Iterator[Removal]:
    """Remove drafts, orphans and databases put aside; runs may go on meanwhile.

    Args:
        store: the store.
        needed: keys of the answers to keep; None keeps all. With it no run may be using the store:
            what a run that is going on has asked for would be missing at its end.
        dry_run: only tell.

    Raises:
        OutputError: if something cannot be removed, a run is using the store, or a damaged database
            is not saved yet.
    """
    if unfinished_recoveries(store.root):
        raise OutputError(
            f"{store.root}: the saving of its damaged database has not ended; finish it first: "
            f"bench check --store {store.place}"
        )
    with hold(store.root) if needed is not None else nullcontext() as held:
        if held is False:
            raise OutputError(
                f"{store.place}: a run is using this store; try again when it has ended"
            )
        for shelf in PREFIXES:
            yield from _clean_shelf(store, shelf, needed, dry_run=dry_run)
    yield from _clean_aside(store.root / ASIDE, dry_run=dry_run)


def _clean_aside(aside: Path, *, dry_run: bool) -> Iterator[Removal]:
    """Remove the databases put aside, but none whose saving has begun meanwhile."""
    if aside.is_symlink() or not aside.is_dir():
        return
    with hold(aside) as held:
        if held is False or unfinished_recoveries(aside.parent):
            return
        for folder in sorted(path for path in aside.glob("*") if not path.is_symlink()):
            size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
            if not dry_run:
                shutil.rmtree(folder, ignore_errors=True)
            yield Removal(kind="aside", where=str(folder), size=size)


def clean_folder(folder: Path, *, dry_run: bool = False) -> Iterator[Removal]:
    """Remove the drafts that a killed run left in its folder; those of a run that goes on stay.

    Raises:
        OutputError: if one cannot be removed.
    """
    if not folder.is_dir():
        return
    with hold(folder) as held:
        if held is False:
            return  # a run is going on there
        for path in _drafts(folder):
            with suppress(FileNotFoundError):
                found = path.lstat()
                if held is None and time.time() - found.st_mtime < _YOUNG:
                    continue  # it may be a run's that goes on
                size = _size(path)
                if not dry_run:
                    _remove(path)
                yield Removal(kind="draft", where=str(path), size=size)


def _drafts(folder: Path) -> Iterator[Path]:
    """Drafts in a run's folder and below, but not in a store; links are not followed.

    Folders are among them: those in which programs were given their images.
    """
    for place, folders, files in os.walk(folder):
        if DATABASE in files:
            folders.clear()  # other runs may be using it; it is cleaned as a store
            continue
        yield from (Path(place, name) for name in sorted(files) if name.startswith(DRAFT))
        yield from (Path(place, name) for name in sorted(folders) if name.startswith(DRAFT))
        folders[:] = [name for name in folders if not name.startswith(DRAFT)]


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _size(path: Path) -> int:
    """Bytes of a file, or of all files below a folder."""
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


def _clean_shelf(
    store: Store, shelf: str, needed: Set[str] | None, *, dry_run: bool
) -> Iterator[Removal]:
    found: list[Removal] = []
    with store.table.writing():  # a run writes files and their rows under the same lock
        files = store.files.shelf(shelf)
        rows = store.table.below(shelf)
        surplus = [row for row in rows if needed is not None and row.key not in needed]
        own = {file_name(row.key, suffix_of(row)): row.key for row in rows}
        for row in surplus:
            size = files.get(file_name(row.key, suffix_of(row)), 0)
            found.append(Removal(kind="answer", where=row.key, size=size))
        for name in (name for name in files if name not in own):
            kind: Kind = "draft" if is_draft(name) else "orphan"
            found.append(Removal(kind=kind, where=store.files.where(name), size=files[name]))
        if not dry_run:
            store.table.drop(row.key for row in surplus)
            dropped = {row.key for row in surplus}
            store.files.remove(name for name in files if own.get(name) in (None, *dropped))
    yield from found
