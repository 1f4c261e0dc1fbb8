"""Open image files through Pillow: bounded, and with one `DataError` for every way to fail."""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import IO

from PIL import Image, UnidentifiedImageError, features

from benchmark.core.errors import DataError, FileChanged
from benchmark.core.image_limits import (
    TimedBytes,
    TimedHeader,
    refuse_large,
    refuse_scans,
    refuse_strips,
    refuse_tiles,
)

# File extensions by Pillow's format; AVIF and JPEG 2000 only if this Pillow was built with them.
_EXTENSIONS = {
    "PNG": (".png", ".apng"),
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm"),
    **({"AVIF": (".avif",)} if features.check("avif") else {}),
    **({"JPEG2000": (".jp2", ".j2k", ".jpx")} if features.check("jpg_2000") else {}),
}
SUFFIXES = frozenset(ending for endings in _EXTENSIONS.values() for ending in endings)
_FORMATS = tuple(_EXTENSIONS)
MOST_PIXELS = 89_478_485  # Pillow's own limit: 256 MiB of RGB
_BROKEN = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, struct.error,
)  # fmt: skip  # exceptions that Pillow raises on damaged files
_PILLOW = r"PIL\."  # Pillow's modules
_LIMIT = Lock()  # guards Image.MAX_IMAGE_PIXELS, which is global
_ORIENTATION = 274  # EXIF tag
_SIDEWAYS = (5, 6, 7, 8)  # orientations that swap height and width
_WIDTH = 256  # TIFF tag of the stored width


@contextmanager
def open_image(
    path: Path, most: int, sha256: str = "", *, whole: bool = False
) -> Iterator[Image.Image]:
    """Open an image file, and raise `DataError` for everything that can be wrong with it.

    Args:
        path: the file.
        most: maximum number of pixels.
        sha256: expected SHA-256 of the file, or "" for any; compared if `whole`.
        whole: whether the image is about to be decoded; then its bytes are read once, and formats
            that decode for minutes are refused.

    Yields:
        The opened image; its pixels are not decoded yet.

    Raises:
        FileChanged: if the file's SHA-256 differs from `sha256`.
        DataError: if it is missing, damaged, not an image, or too large.
    """
    try:
        _ignore_pillow_warnings()
        refuse_large(path, most)
        content = _read_verified(path, sha256) if whole else b""
        opened = TimedBytes(content, path) if whole else TimedHeader(path)
        with opened, _open_unlimited(opened) as file:
            if file.width * file.height > most:
                size = f"{file.width}x{file.height}"
                raise DataError(
                    f"{path}: {size} pixels are more than {most:,}; not decoded (--max-pixels)"
                )
            if whole:
                _refuse_slow(file, content, path)
            yield file
    except FileNotFoundError:
        raise DataError(f"{path}: no such image") from None
    except UnidentifiedImageError:
        kinds = ", ".join(_FORMATS)
        raise DataError(f"{path}: {_unsupported_tiff(path) or f'not a {kinds} image'}") from None
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno:  # raised by the file system, not by Pillow
            raise DataError(f"{path}: cannot be read ({error.strerror})") from None
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: damaged or truncated image ({reason[:100]})") from None


def image_shape(path: Path, most: int = MOST_PIXELS) -> tuple[int, int]:
    """Return (height, width) of an image after EXIF rotation, as `open_upright` returns it.

    Raises:
        DataError: if the file is missing, not an image, or too large.
    """
    with open_image(path, most) as file:
        if file.format == "PNG" and "exif" not in file.info and not _has_late_metadata(path):
            tags = Image.Image.getexif(file)  # PngImageFile.getexif would decode the whole image
        else:
            tags = file.getexif()
        turned = tags.get(_ORIENTATION) in _SIDEWAYS
        if file.format == "TIFF" and file.width != file.tag_v2[_WIDTH]:  # type: ignore[attr-defined]
            turned = False  # Pillow has swapped the sides already
        return (file.width, file.height) if turned else (file.height, file.width)


def _has_late_metadata(path: Path) -> bool:
    """Whether a PNG file has metadata, such as its orientation, behind its pixels."""
    with path.open("rb") as file:
        file.seek(8)
        pixels = False
        while len(head := file.read(8)) == 8:
            length, kind = struct.unpack(">I4s", head)
            if pixels and kind in (b"eXIf", b"iTXt", b"tEXt", b"zTXt"):
                return True
            pixels = pixels or kind == b"IDAT"
            file.seek(length + 4, 1)
    return False


def _unsupported_tiff(path: Path) -> str:
    """Describe a TIFF file that Pillow cannot read; "" for other files."""
    with path.open("rb") as file:
        if file.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return ""
    return "an unsupported kind of TIFF, such as floating-point color; save it with 8 bits"


def _refuse_slow(file: Image.Image, content: bytes, path: Path) -> None:
    """Refuse images that decode for minutes although their size is small."""
    if file.format in ("JPEG", "MPO"):
        refuse_scans(content, path)
    elif file.format == "JPEG2000":
        refuse_tiles(content, path)
    elif file.format == "TIFF" and file.info.get("compression") == "jpeg":
        refuse_strips(content, len(file.tile), path)  # type: ignore[attr-defined]


def _read_verified(path: Path, sha256: str) -> bytes:
    """Read a file once, so that the bytes that are hashed are those that are decoded."""
    content = path.read_bytes()
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise FileChanged(path)
    return content


def _open_unlimited(file: IO[bytes]) -> Image.Image:
    """Read an image's header without Pillow's own limit; the caller's limit replaces it."""
    with _LIMIT:  # images are decoded in threads
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            return Image.open(file, formats=_FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _ignore_pillow_warnings() -> None:
    """Ignore Pillow's warnings about odd EXIF fields and palettes for the rest of the process.

    `catch_warnings` is not thread-safe, and images are decoded in threads: it would undo changes
    that other threads make to the warning filters meanwhile.
    """
    patterns = (getattr(one[3], "pattern", "") for one in warnings.filters)
    if _PILLOW not in patterns:
        warnings.filterwarnings("ignore", module=_PILLOW)
