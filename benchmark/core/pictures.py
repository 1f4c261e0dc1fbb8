"""From any picture file to upright 8-bit RGB at evaluation size.

The rule, in order: the file's first frame; turned upright as its EXIF says; 16-bit and deeper grey
scaled to 8 bits (65535 becomes 255, halves rounded up), 16-bit colour cut to its upper byte, which
is how Pillow reads it; palettes looked up; transparency laid over white; CMYK and all other colour
spaces as Pillow converts them; grey repeated to three channels. Colour profiles are not applied.
"""

from __future__ import annotations

import struct
import warnings
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from benchmark.core.errors import DataError
from benchmark.core.names import printable
from benchmark.core.types import Pixels

REVISION = 1  # raised whenever the same file gives other pixels
SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".bmp"})
_FORMATS = ("PNG", "JPEG", "WEBP", "TIFF", "BMP")
MOST_PIXELS = 89_478_485  # Pillow's own limit: 256 MiB of RGB
_BROKEN = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, struct.error,
)  # fmt: skip  # whatever Pillow raises at a damaged file
_PILLOW = r"PIL\."  # Pillow's modules
_LIMIT = Lock()  # of Pillow's own limit, one for the whole program
_ORIENTATION = 274  # EXIF; 5 to 8 lie on their side


def is_picture(path: Path) -> bool:
    """Whether a file's name says that it is a picture; hidden files are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_picture(path: Path, most: int = MOST_PIXELS) -> Pixels:
    """Read a picture as upright 8-bit RGB, (H, W, 3) uint8.

    Args:
        path: the file.
        most: pixels; a picture that has more is refused before it is decoded.

    Raises:
        DataError: if it is missing, truncated, no picture, or too large to be one.
    """
    picture = open_upright(path, most)
    if picture.mode.startswith(("I", "F")):
        return _from_deep_grey(picture, path)
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"))


def open_upright(path: Path, most: int = MOST_PIXELS) -> Image.Image:
    """Open and decode a picture whole, turned upright as its EXIF says.

    Raises:
        DataError: if it is missing, truncated, no picture, or too large to be one.
    """
    with _opened(path, most) as file:
        file.load()
        return ImageOps.exif_transpose(file)


def picture_shape(path: Path, most: int = MOST_PIXELS) -> tuple[int, int]:
    """Height and width of a picture once upright, from the file's header alone.

    Raises:
        DataError: if it is missing, no picture, or too large to be one.
    """
    with _opened(path, most) as file:
        turned = file.getexif().get(_ORIENTATION, 1) >= 5
        return (file.width, file.height) if turned else (file.height, file.width)


def named_pictures(folder: Path) -> dict[str, Path]:
    """All picture files below a folder by name: the path in it without the ending, in name order.

    Where two files differ only in the ending, both keep it. Characters that cannot be printed, such
    as a line break, are written as escapes.

    Raises:
        DataError: if the folder is missing, cannot be read, or holds no picture.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder")
    try:
        next(folder.iterdir(), None)
        files = sorted(path for path in folder.rglob("*") if is_picture(path) and path.is_file())
    except OSError as error:
        raise DataError(f"{folder}: cannot be read ({error.strerror})") from None
    if not files:
        raise DataError(f"{folder}: no pictures ({', '.join(sorted(SUFFIXES))}) in this folder")
    stems = Counter(path.with_suffix("") for path in files)
    named = {}
    for path in files:
        name = path.with_suffix("") if stems[path.with_suffix("")] == 1 else path
        text = printable(name.relative_to(folder).as_posix())
        if text in named:  # a.png of a.png.png, beside a.png that keeps its ending
            text = printable(path.relative_to(folder).as_posix())
        if text in named:
            raise DataError(f"{folder}: two pictures are called {text!r}; rename one")
        named[text] = path
    return dict(sorted(named.items()))


@contextmanager
def _opened(path: Path, most: int) -> Iterator[Image.Image]:
    """A picture file, and one line for everything that can be wrong with it."""
    try:
        _hush()
        with _headed(path) as file:
            if file.width * file.height > most:
                size = f"{file.width}x{file.height}"
                raise DataError(
                    f"{path}: {size} pixels are more than {most:,}; refused undecoded "
                    "(--max-pixels)"
                )
            yield file
    except FileNotFoundError:
        raise DataError(f"{path}: no such picture") from None
    except UnidentifiedImageError:
        raise DataError(f"{path}: not a PNG, JPEG, WebP, TIFF or BMP picture") from None
    except _BROKEN as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: damaged or truncated picture ({reason[:100]})") from None


def _headed(path: Path) -> Image.Image:
    """A picture file whose header was read: Pillow's limit gives way to the caller's."""
    with _LIMIT:  # pictures are decoded in threads
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            return Image.open(path, formats=_FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _hush() -> None:
    """Odd EXIF fields and palettes are no news to a user.

    For good, and not with `catch_warnings`: pictures are decoded in threads, and that would take
    back what another thread does with warnings meanwhile.
    """
    patterns = (getattr(one[3], "pattern", "") for one in warnings.filters)
    if _PILLOW not in patterns:
        warnings.filterwarnings("ignore", module=_PILLOW)


def fit(pixels: Pixels, size: int | None) -> Pixels:
    """Crop to the centre square and resize by Pillow's bicubic filter, as the paper's program.

    Args:
        pixels: (H, W, 3) uint8.
        size: the side, or None to leave the picture as it is.

    Returns:
        (size, size, 3) uint8, or the picture itself.
    """
    if size is None or pixels.shape[:2] == (size, size):
        return pixels
    square = centre_square(pixels)
    if square.shape[:2] == (size, size):
        return np.ascontiguousarray(square)
    resized = Image.fromarray(square).resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(resized)


def centre_square(pixels: Pixels) -> Pixels:
    """The largest square in the middle of (H, W, ...); an odd pixel more is left off at the end."""
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return pixels[top : top + side, left : left + side]


def _from_deep_grey(picture: Image.Image, path: Path) -> Pixels:
    values = np.asarray(picture).astype(np.float64)
    if picture.mode == "F" and values.min() >= 0 and values.max() <= 1:
        values = values * 65535
    if values.min() < 0 or values.max() > 65535 or not np.isfinite(values).all():
        raise DataError(f"{path}: expected grey levels of 16 bits, got others")
    grey = np.floor(values / 257 + 0.5).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
