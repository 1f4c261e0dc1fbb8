"""Where things are kept on this machine."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile

from platformdirs import user_cache_path

from benchmark.core.errors import OutputError

DRAFT = ".draft-"  # begins the name of a file that has not taken its place yet


def home() -> Path:
    """The folder for stored answers and checkpoints: $BENCH_HOME, or the platform's cache."""
    chosen = os.environ.get("BENCH_HOME")
    return Path(chosen).expanduser() if chosen else user_cache_path("safepaint-bench")


def at_home(path: Path) -> Path:
    """A path whose first part may be "~", the home folder; other users' are left as they are."""
    return path.expanduser() if path.parts[:1] == ("~",) else path


def torch_checkpoints() -> Path:
    """Where torch keeps the checkpoints it downloads (by its own rules, without importing it)."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    root = os.environ.get("TORCH_HOME") or str(Path(cache) / "torch")
    return Path(root).expanduser() / "hub" / "checkpoints"


def make_folder(path: Path) -> Path:
    """Create a folder and its parents.

    Raises:
        OutputError: if that cannot be done.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path}: cannot make this folder ({error.strerror})") from None
    return path


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """A file to write beside `path` that takes its place when the block ends, or vanishes.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    draft: Path | None = None
    try:
        with NamedTemporaryFile(dir=path.parent, prefix=DRAFT, delete=False) as file:
            draft = Path(file.name)
        yield draft
        draft.chmod(0o644)
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a whole text file, or nothing.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    with atomic(path) as draft:
        draft.write_text(text, encoding="utf-8")
