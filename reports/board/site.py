"""Folder of the site: written beside its place, then put there at once."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from benchmark.core.errors import OutputError
from benchmark.core.paths import DRAFT, make_folder, refuse_link
from benchmark.core.untrusted import read_json

MARKER = "board.json"  # says that a folder is a board, which a new one may replace
FORMAT = 1
_LARGEST_MARKER = 1 << 26


def check_target(out: Path, inputs: Sequence[Path]) -> None:
    """Check that a board may be written to a folder, before anything is computed.

    Args:
        out: the folder, which is new, empty, or an earlier board.
        inputs: the runs of the board.

    Raises:
        OutputError: if it is a link, a file, or a folder with anything else in it, or if a run lies
            in it.
    """
    refuse_link(out)
    for path in inputs:
        if path.resolve().is_relative_to(out.resolve()):
            raise OutputError(f"{out}: contains the run {path}; choose another folder for --out")
    if not out.exists():
        return
    if not out.is_dir():
        raise OutputError(f"{out}: a file; expected a folder for --out")
    if not any(out.iterdir()):
        return
    written = _written_files(out)
    if written is None:
        raise OutputError(
            f"{out}: a folder that 'bench board' did not write; choose another, or an empty one"
        )
    if others := sorted(_files(out) - written):
        raise OutputError(
            f"{out / others[0]}: not of this board, which would be replaced; move it elsewhere"
        )


def _written_files(folder: Path) -> frozenset[str] | None:
    """Return the files that an earlier board lists as its own, or None if it is no board."""
    try:
        found = read_json(folder / MARKER, _LARGEST_MARKER)
    except (OSError, ValueError):
        return None
    names = found.get("files") if isinstance(found, dict) and "board" in found else None
    return frozenset(map(str, names)) if isinstance(names, list) else None


def _files(folder: Path) -> set[str]:
    """Return all files below a folder, relative to it; a link is a file."""
    return {
        Path(place, name).relative_to(folder).as_posix()
        for place, folders, files in os.walk(folder)
        for name in (*files, *(one for one in folders if Path(place, one).is_symlink()))
    }


@contextmanager
def new_site(out: Path) -> Iterator[Path]:
    """Yield a new folder beside `out` that takes its place when the block succeeds.

    Raises:
        OutputError: if it cannot be written; an earlier board stays as it was.
    """
    make_folder(out.absolute().parent)
    draft = out.absolute().parent / f"{DRAFT}{token_hex(6)}"
    old = out.absolute().parent / f"{DRAFT}{token_hex(6)}"
    try:
        draft.mkdir()
        yield draft
        listed = {"board": FORMAT, "files": sorted({MARKER, *_files(draft)})}
        (draft / MARKER).write_text(json.dumps(listed) + "\n", encoding="utf-8")
        if out.exists():
            out.rename(old)
        draft.rename(out)
    except OSError as error:
        raise OutputError(f"{out}: cannot be written ({error.strerror or error})") from error
    finally:
        if old.exists() and not out.exists():  # also if it was interrupted between the two renames
            old.rename(out)
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
