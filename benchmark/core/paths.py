"""Where things are kept on this machine."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex

from platformdirs import user_cache_path

from benchmark.core.errors import OutputError

DRAFT = ".draft-"  # begins the name of a file that has not taken its place yet


def home() -> Path:
    """The folder for stored answers and checkpoints: $BENCH_HOME, or the platform's cache."""
    chosen = os.environ.get("BENCH_HOME")
    return Path(chosen).expanduser() if chosen else user_cache_path("safepaint-bench")


def expand_home(path: Path) -> Path:
    """A path whose first part may be "~", the home folder; other users' are left as they are."""
    try:
        return path.expanduser() if path.parts[:1] == ("~",) else path
    except RuntimeError:  # nobody knows where it is
        return path


def portable_path(path: Path) -> str:
    """A path as a file that others may get names it: from the current folder, from "~" or whole."""
    whole = path.absolute()
    if whole.is_relative_to(Path.cwd()):
        return whole.relative_to(Path.cwd()).as_posix()
    return abbreviate_home(path)


def abbreviate_home(path: Path) -> str:
    """A path with "~" for the home folder, which says who one is."""
    own = expand_home(Path("~"))
    if own.is_absolute() and own != Path(own.anchor) and path.is_relative_to(own):
        return (Path("~") / path.relative_to(own)).as_posix()
    return str(path)


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


def make_below(folder: Path, *names: str) -> Path:
    """Create folders in a folder, each in the one before; the folder itself may be a link.

    The folder may be a stranger's: a link in it could lead anywhere.

    Args:
        folder: made if need be.
        names: of the folders in it.

    Raises:
        OutputError: if that cannot be done, or one of them is a link.
    """
    for name in names:
        folder = refuse_link(make_folder(folder) / name)
    return make_folder(folder)


def refuse_link(path: Path) -> Path:
    """The path of a file or folder that is about to be written, unless it is a link.

    Raises:
        OutputError: if it is.
    """
    if path.is_symlink():
        raise OutputError(f"{path}: is a link, and none is followed in a run's folder; remove it")
    return path


def create_new_folder(path: Path) -> bool:
    """Create a folder, and its parents, that nobody has; False where it is there already.

    Of several processes that try it at once, one has it.

    Raises:
        OutputError: if that cannot be done.
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
def atomic(path: Path, *, durable: bool = False) -> Iterator[Path]:
    """A file to write beside `path` that takes its place when the block ends, or vanishes.

    Args:
        path: the file.
        durable: whether it has to outlive a power cut: then it is on the disk when the block has
            ended, file and name. That takes milliseconds, and is for what nothing can make anew.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    draft: Path | None = None
    try:
        draft = _new_draft(path.parent)
        yield draft
        if durable:
            sync(draft)
        draft.replace(path)
        if durable:
            sync(path.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def _new_draft(folder: Path) -> Path:
    """An empty file of a name that no other has, with the rights that new files have there."""
    while True:
        draft = folder / f"{DRAFT}{token_hex(6)}"
        with suppress(FileExistsError):
            make_file(draft)
            return draft


def make_file(path: Path) -> None:
    """Make an empty file that whoever may write there by umask or folder may write.

    Raises:
        OSError: if it is there, or cannot be made.
    """
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk.

    Raises:
        OSError: if the disk refuses.
    """
    folder = path.is_dir()
    if folder and os.name == "nt":  # where no folder can be opened
        return
    handle = os.open(path, os.O_RDONLY if folder else os.O_RDWR)
    try:
        os.fsync(handle)
    except OSError as error:
        if not folder or error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise  # some network drives sync no folders, and need not
    finally:
        os.close(handle)


def write_text(path: Path, text: str, *, durable: bool = False) -> None:
    """Write a whole text file, or nothing; `durable` as `atomic` has it.

    Raises:
        OutputError: if the disk is full or the folder cannot be written.
    """
    with atomic(path, durable=durable) as draft:
        draft.write_text(text, encoding="utf-8", errors="backslashreplace")  # half characters
