"""Find and name the image files below a folder."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.filenames import printable
from benchmark.core.image_open import MOST_PIXELS, SUFFIXES, image_shape, open_image
from benchmark.core.walk import HIDDEN_FILES, LeftOut, walk

_SHOWN = 3  # example files per reason in `left_out`
_MULTI_FRAME = frozenset({".gif", ".tif", ".tiff", ".webp", ".apng"})
_FRAMES = "frames after the first"  # reason for what is left out of multi-frame files


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImages:
    """Image files below a folder, by name.

    Attributes:
        named: the files by name, sorted by name.
        left_out: what is in the folder and not used: a count and examples per reason, such as
            ".heic (1): b.heic".
    """

    named: dict[str, Path]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFiles:
    """Image files below a folder.

    Attributes:
        files: sorted by path.
        top: the folder, or the parent folder of a single file.
        left_out: as in `NamedImages`.
    """

    files: tuple[Path, ...]
    top: Path
    left_out: tuple[str, ...] = ()


def is_image(path: Path) -> bool:
    """Whether a file has an image's extension and is not hidden."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def find_images(folder: Path, *, without: Collection[Path] = ()) -> ImageFiles:
    """Find all image files below a folder.

    Args:
        folder: the folder, or a single image.
        without: files and folders to skip if they are below it.

    Raises:
        DataError: if the folder is missing, cannot be read, or has no image.
    """
    if folder.is_file() and not is_image(folder):
        _refuse_non_image(folder)
    found = walk(folder, without=without, results=False)
    top = folder.parent if folder.is_file() else folder
    files = [path for path in found.files if is_image(path) or path == folder]
    others = [path for path in found.files if not is_image(path) and path != folder]
    reasons = _group_by_reason(others, found.left_out)
    if framed := [path for path in files if _has_frames(path)]:
        reasons[_FRAMES] = framed
    left_out = _summarize(reasons, top)
    if not files:
        also = f"; left out: {'; '.join(left_out)}" if left_out else ""
        raise DataError(f"{folder}: no images ({', '.join(sorted(SUFFIXES))}) in this folder{also}")
    return ImageFiles(files=tuple(files), top=top, left_out=left_out)


def named_images(folder: Path) -> dict[str, Path]:
    """Return all image files below a folder by name; see `list_images`."""
    return list_images(folder).named


def list_images(folder: Path, *, without: Collection[Path] = ()) -> NamedImages:
    """List all image files below a folder by name: the relative path without its extension.

    Two files that differ only in the extension keep it in their names. Unprintable characters,
    such as a line break, are escaped. A single file counts as a folder of one.

    Args:
        folder: the folder, or a single image.
        without: files and folders to skip if they are below it.

    Raises:
        DataError: if the folder is missing, cannot be read, or has no image.
    """
    found = find_images(folder, without=without)
    stems = Counter(path.with_suffix("") for path in found.files)
    named: dict[str, Path] = {}
    for path in found.files:
        name = path.with_suffix("") if stems[path.with_suffix("")] == 1 else path
        text = printable(name.relative_to(found.top).as_posix())
        if text in named:  # a.png of a.png.png, beside a.png that keeps its extension
            text = printable(path.relative_to(found.top).as_posix())
        if text in named:
            raise DataError(f"{folder}: two images have the name {text!r}; rename one")
        named[text] = path
    return NamedImages(named=dict(sorted(named.items())), left_out=found.left_out)


def _has_frames(path: Path) -> bool:
    """Whether a file holds several frames; False if it cannot be read, which is raised later."""
    if path.suffix.lower() not in _MULTI_FRAME:
        return False
    try:
        state = path.stat()
        return _has_frames_cached(path, (state.st_size, state.st_mtime_ns))
    except (DataError, OSError):
        return False


@lru_cache(maxsize=1 << 16)
def _has_frames_cached(path: Path, state: tuple[int, int]) -> bool:
    with open_image(path, MOST_PIXELS) as file:
        return bool(getattr(file, "is_animated", False))


def _refuse_non_image(path: Path) -> None:
    """Refuse a single file that is not an image; its extension may be any."""
    try:
        image_shape(path)
    except DataError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise DataError(f"{path}: no images: neither a folder nor an image ({reason})") from None


def _group_by_reason(others: Iterable[Path], left_out: Iterable[LeftOut]) -> dict[str, list[Path]]:
    """Group unused files by reason; hidden files count only if they have an image's extension."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in others:
        found[path.suffix.lower() or "no ending"].append(path)
    for one in left_out:
        if one.reason != HIDDEN_FILES or one.path.suffix.lower() in SUFFIXES:
            found[one.reason].append(one.path)
    return found


def _summarize(reasons: dict[str, list[Path]], top: Path) -> tuple[str, ...]:
    lines = []
    for reason, paths in sorted(reasons.items()):
        shown = [printable(path.relative_to(top).as_posix()) for path in sorted(paths)[:_SHOWN]]
        more = ", ..." if len(paths) > _SHOWN else ""
        lines.append(f"{reason} ({len(paths)}): {', '.join(shown)}{more}")
    return tuple(lines)
