"""Folders of this machine, portable path names, and atomic file writes."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from platformdirs import user_cache_path

from benchmark.core.errors import OutputError

DRAFT = ".draft-"  # prefix of temporary files that will replace their target


def home() -> Path:
    """Return the folder for stored outputs and checkpoints: $BENCH_HOME, or the user's cache."""
    chosen = os.environ.get("BENCH_HOME")
    return Path(chosen).expanduser() if chosen else user_cache_path("safepaint-bench")


def expand_home(path: Path) -> Path:
    """Expand a leading "~" to the home folder; "~user" is left unchanged."""
    try:
        return path.expanduser() if path.parts[:1] == ("~",) else path
    except RuntimeError:  # the home folder is unknown
        return path


def portable_path(path: Path) -> str:
    """Return a path for files that are shared: relative to the current folder, to "~", or whole."""
    whole = path.absolute()
    if whole.is_relative_to(Path.cwd()):
        return whole.relative_to(Path.cwd()).as_posix()
    return abbreviate_home(path)


def abbreviate_home(path: Path) -> str:
    """Replace the home folder, which contains the user's name, by "~"."""
    own = expand_home(Path("~"))
    if own.is_absolute() and own != Path(own.anchor) and path.is_relative_to(own):
        return (Path("~") / path.relative_to(own)).as_posix()
    return str(path)


def torch_checkpoints() -> Path:
    """Return torch's folder for downloaded checkpoints, without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    root = os.environ.get("TORCH_HOME") or str(Path(cache) / "torch")
    return Path(root).expanduser() / "hub" / "checkpoints"


def make_folder(path: Path) -> Path:
    """Create a folder and its parents.

    Raises:
        OutputError: if it cannot be created.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot make this folder ({error.strerror})") from None
    return path


def make_below(folder: Path, *names: str) -> Path:
    """Create nested folders in a folder without following links.

    The folder may come from an untrusted source: a link in it could point anywhere.

    Args:
        folder: created if missing; it may be a link itself.
        names: names of the nested folders.

    Raises:
        OutputError: if one cannot be created, or is a link.
    """
    for name in names:
        folder = refuse_link(make_folder(folder) / name)
    return make_folder(folder)


def refuse_link(path: Path) -> Path:
    """Return a path that is about to be written, unless it is a link.

    Raises:
        OutputError: if it is a link.
    """
    if path.is_symlink():
        raise OutputError(f"{path}: is a link, and none is followed in a run's folder; remove it")
    return path


def create_new_folder(path: Path) -> bool:
    """Create a new folder and its parents; False if it exists already.

    If several processes try at once, exactly one succeeds.

    Raises:
        OutputError: if it cannot be created.
    """
    make_folder(path.parent)
    try:
        path.mkdir()
    except FileExistsError:
        return False
    except OSError as error:
        raise OutputError(f"{path}: cannot make this folder ({error.strerror})") from None
    return True


@contextmanager
def atomic(path: Path, *, durable: bool = False, parents: bool = False) -> Iterator[Path]:
    """Yield a temporary file beside `path` that replaces it when the block succeeds.

    Args:
        path: the file.
        durable: whether to sync file and folder to the disk before the block ends, so that the file
            survives a power failure. It takes milliseconds; for what cannot be recomputed.
        parents: whether to create missing folders above the file, for one that a user named. If the
            block fails, those that were created are removed.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    draft: Path | None = None
    made = _make_missing(path.parent) if parents else []
    try:
        draft = _new_draft(path.parent)
        yield draft
        if durable:
            sync(draft)
        draft.replace(path)
        made = []
        if durable:
            sync(path.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
        for folder in reversed(made):
            with suppress(OSError):
                folder.rmdir()


def _make_missing(folder: Path) -> list[Path]:
    """Create a folder and its parents; return those that were missing, the highest first."""
    missing = [one for one in (folder, *folder.parents) if not one.exists()][::-1]
    make_folder(folder)
    return missing


def _new_draft(folder: Path) -> Path:
    """Create an empty file of a unique name, with the default permissions of new files there."""
    while True:
        draft = folder / f"{DRAFT}{token_hex(6)}"
        with suppress(FileExistsError):
            make_file(draft)
            return draft


def make_file(path: Path) -> None:
    """Create an empty file with the permissions that umask and folder grant to new files.

    Raises:
        OSError: if it exists or cannot be created.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def sync(path: Path) -> None:
    """Sync a file, or the entries of a folder, to the disk.

    Raises:
        OSError: if it fails.
    """
    folder = path.is_dir()
    if folder and os.name == "nt":  # folders cannot be opened on Windows
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if not folder or error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise  # some network drives cannot sync folders, and need not
    finally:
        os.close(handle)


def write_text(path: Path, text: str, *, durable: bool = False, parents: bool = False) -> None:
    """Write a text file atomically; `durable` and `parents` as in `atomic`.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    with atomic(path, durable=durable, parents=parents) as draft:
        draft.write_text(text, encoding="utf-8", errors="backslashreplace")  # lone surrogates
