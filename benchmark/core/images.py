"""From any image file to upright 8-bit RGB at evaluation size.

The rule, in order: the file's first frame; turned upright as its EXIF says (an orientation other
than 1 to 8 turns nothing); grey of more than 8 bits scaled to 8 as its largest level says
(`core.levels`), halves rounded up; 16-bit colour cut to its upper byte, which is how Pillow reads
it, and refused where that is all but black; palettes looked up; transparency laid over white; CMYK
and all other colour spaces as Pillow converts them; grey repeated to three channels. Colour
profiles are not applied.
"""

from __future__ import annotations

import hashlib
import struct
import warnings
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import IO

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError, features

from benchmark.core.errors import DataError, FileChanged
from benchmark.core.filenames import printable
from benchmark.core.image_limits import (
    TimedBytes,
    TimedHeader,
    refuse_large,
    refuse_scans,
    refuse_strips,
    refuse_tiles,
)
from benchmark.core.levels import full_level, is_deep, is_deep_colour, refuse_dark_colour
from benchmark.core.types import Pixels
from benchmark.core.walk import HIDDEN_FILES, LeftOut, walk

REVISION = 1  # raised whenever the same file gives other pixels
# Endings by Pillow's format; AVIF and JPEG 2000 only where this Pillow was built with them.
_ENDINGS = {
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
SUFFIXES = frozenset(ending for endings in _ENDINGS.values() for ending in endings)
_FORMATS = tuple(_ENDINGS)
MOST_PIXELS = 89_478_485  # Pillow's own limit: 256 MiB of RGB
_BROKEN = (
    ArithmeticError, AttributeError, EOFError, LookupError, OSError, RuntimeError, SyntaxError,
    TypeError, ValueError, struct.error,
)  # fmt: skip  # whatever Pillow raises at a damaged file
_PILLOW = r"PIL\."  # Pillow's modules
_LIMIT = Lock()  # of Pillow's own limit, one for the whole program
_ORIENTATION = 274  # of EXIF
_SIDEWAYS = (5, 6, 7, 8)  # orientations of images that lie on their side
_WIDTH = 256  # the TIFF tag of the width as stored
_SHOWN = 3  # files that a count names
_FRAMED = frozenset(
    {".gif", ".tif", ".tiff", ".webp", ".apng"}
)  # endings of files with several frames
_LATER = "frames after the first"  # what is left out of these


def is_image(path: Path) -> bool:
    """Whether a file's name says that it is an image; hidden files are none."""
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def read_image(path: Path, most: int = MOST_PIXELS, *, sha256: str = "") -> Pixels:
    """Read an image as upright 8-bit RGB, (H, W, 3) uint8.

    Args:
        path: the file.
        most: pixels; an image that has more is refused before it is decoded.
        sha256: of the bytes that are to be decoded, or "" for any.

    Raises:
        FileChanged: if it holds other bytes.
        DataError: if it is missing, truncated, no image, or too large to be one.
    """
    picture = open_upright(path, most, sha256=sha256)
    if is_deep(picture):
        return _from_deep_grey(picture, path)
    if "A" in picture.getbands() or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture)
    return np.asarray(picture.convert("RGB"))


def open_upright(path: Path, most: int = MOST_PIXELS, *, sha256: str = "") -> Image.Image:
    """Open and decode an image whole, turned upright as its EXIF says.

    Args:
        path: the file.
        most: pixels; an image that has more is refused before it is decoded.
        sha256: of the bytes that are to be decoded, or "" for any.

    Raises:
        FileChanged: if it holds other bytes.
        DataError: if it is missing, truncated, no image, or too large to be one.
    """
    with _opened(path, most, sha256, whole=True) as file:
        deep = is_deep_colour(file)
        file.load()
        if deep:
            refuse_dark_colour(file, path)
        return ImageOps.exif_transpose(file)


def is_transparent(path: Path, most: int = MOST_PIXELS) -> bool:
    """Whether an image can be seen through anywhere; one without transparency is not decoded.

    Raises:
        DataError: if it cannot be read as an image.
    """
    with _opened(path, most) as file:
        if "A" not in file.getbands() and "transparency" not in file.info:
            return False
        file.load()
        return bool((np.asarray(file.convert("RGBA"))[..., 3] != 255).any())


def image_shape(path: Path, most: int = MOST_PIXELS) -> tuple[int, int]:
    """Height and width of an image once upright, as `open_upright` turns it.

    Raises:
        DataError: if it is missing, no image, or too large to be one.
    """
    with _opened(path, most) as file:
        if file.format == "PNG" and "exif" not in file.info and not _told_late(path):
            tags = Image.Image.getexif(file)  # a PNG's own would decode it whole
        else:
            tags = file.getexif()
        turned = tags.get(_ORIENTATION) in _SIDEWAYS
        if file.format == "TIFF" and file.width != file.tag_v2[_WIDTH]:  # type: ignore[attr-defined]
            turned = False  # Pillow has turned the size of this one already
        return (file.width, file.height) if turned else (file.height, file.width)


def _told_late(path: Path) -> bool:
    """Whether a PNG file has something to say, such as its orientation, behind its pixels."""
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


def reading_of(path: Path, most: int = MOST_PIXELS) -> str:
    """What an image's bytes do not say of how they were read: it goes into a sample's key.

    Returns:
        "" for all but deep grey that holds no level above 255, which earlier versions read as
        black; only files that can be deep grey are decoded.
    """
    try:
        state = path.stat()
        return _reading_of(path, (state.st_size, state.st_mtime_ns), most)
    except (DataError, OSError):  # said where the image is read
        return ""


@lru_cache(maxsize=1 << 16)
def _reading_of(path: Path, state: tuple[int, int], most: int) -> str:
    if not _may_be_deep(path):
        return ""
    with _opened(path, most) as file:
        if not is_deep(file):
            return ""
    picture = open_upright(path, most)
    return " levels to 255" if full_level(np.asarray(picture), path) == 255 else ""


def _may_be_deep(path: Path) -> bool:
    """By its first bytes: PNG of 16 bits and grey, TIFF, JPEG 2000 and PGM."""
    with path.open("rb") as file:
        head = file.read(26)
    if head.startswith(b"\x89PNG"):
        return head[24:26] == b"\x10\x00"
    return head.startswith((b"II", b"MM", b"P2", b"P5", b"\0\0\0\x0cjP", b"\xff\x4f"))


def _has_frames(path: Path) -> bool:
    """Whether a file holds several images; no where it cannot be read, which is said later."""
    if path.suffix.lower() not in _FRAMED:
        return False
    try:
        state = path.stat()
        return _has_frames_of(path, (state.st_size, state.st_mtime_ns))
    except (DataError, OSError):
        return False


@lru_cache(maxsize=1 << 16)
def _has_frames_of(path: Path, state: tuple[int, int]) -> bool:
    with _opened(path, MOST_PIXELS) as file:
        return bool(getattr(file, "is_animated", False))


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedImages:
    """The images below a folder.

    Attributes:
        named: the files by their names, in name order.
        left_out: what lies there and is not used: a count for each reason, such as
            ".heic (1): b.heic".
    """

    named: dict[str, Path]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageFiles:
    """The image files below a folder.

    Attributes:
        files: in the order of their paths.
        top: the folder, or where the one file lies.
        left_out: as `NamedImages` has it.
    """

    files: tuple[Path, ...]
    top: Path
    left_out: tuple[str, ...] = ()


def find_images(folder: Path, *, without: Collection[Path] = ()) -> ImageFiles:
    """All image files below a folder, or the one that stands in its place.

    Args:
        folder: the folder, or one image.
        without: files and folders that are left out where they lie below it.

    Raises:
        DataError: if the folder is missing, cannot be read, or holds no image.
    """
    if folder.is_file() and not is_image(folder):
        _refuse_no_picture(folder)
    found = walk(folder, without=without, results=False)
    top = folder.parent if folder.is_file() else folder
    files = [path for path in found.files if is_image(path) or path == folder]
    others = [path for path in found.files if not is_image(path) and path != folder]
    reasons = _reasons(others, found.left_out)
    reasons |= {_LATER: framed} if (framed := [path for path in files if _has_frames(path)]) else {}
    left_out = _counted(reasons, top)
    if not files:
        also = f"; left out: {'; '.join(left_out)}" if left_out else ""
        raise DataError(f"{folder}: no images ({', '.join(sorted(SUFFIXES))}) in this folder{also}")
    return ImageFiles(files=tuple(files), top=top, left_out=left_out)


def named_images(folder: Path) -> dict[str, Path]:
    """All image files below a folder by name, as `list_images` finds them."""
    return list_images(folder).named


def list_images(folder: Path, *, without: Collection[Path] = ()) -> NamedImages:
    """All image files below a folder by name: the path in it without the ending.

    Where two files differ only in the ending, both keep it. Characters that cannot be printed, such
    as a line break, are written as escapes. A file in place of the folder is a folder of one.

    Args:
        folder: the folder, or one image.
        without: files and folders that are left out where they lie below it.

    Raises:
        DataError: if the folder is missing, cannot be read, or holds no image.
    """
    found = find_images(folder, without=without)
    stems = Counter(path.with_suffix("") for path in found.files)
    named: dict[str, Path] = {}
    for path in found.files:
        name = path.with_suffix("") if stems[path.with_suffix("")] == 1 else path
        text = printable(name.relative_to(found.top).as_posix())
        if text in named:  # a.png of a.png.png, beside a.png that keeps its ending
            text = printable(path.relative_to(found.top).as_posix())
        if text in named:
            raise DataError(f"{folder}: two images are called {text!r}; rename one")
        named[text] = path
    return NamedImages(named=dict(sorted(named.items())), left_out=found.left_out)


def _refuse_no_picture(path: Path) -> None:
    """Refuse a single file that is none; its ending may be any."""
    try:
        image_shape(path)
    except DataError as error:
        reason = str(error).removeprefix(f"{path}: ")
        raise DataError(f"{path}: no images: neither a folder of them nor one ({reason})") from None


def _reasons(others: Iterable[Path], left_out: Iterable[LeftOut]) -> dict[str, list[Path]]:
    """What is not used, by reason; hidden files count where they would be images."""
    found: dict[str, list[Path]] = defaultdict(list)
    for path in others:
        found[path.suffix.lower() or "no ending"].append(path)
    for one in left_out:
        if one.reason != HIDDEN_FILES or one.path.suffix.lower() in SUFFIXES:
            found[one.reason].append(one.path)
    return found


def _counted(reasons: dict[str, list[Path]], top: Path) -> tuple[str, ...]:
    told = []
    for reason, paths in sorted(reasons.items()):
        shown = [printable(path.relative_to(top).as_posix()) for path in sorted(paths)[:_SHOWN]]
        more = ", ..." if len(paths) > _SHOWN else ""
        told.append(f"{reason} ({len(paths)}): {', '.join(shown)}{more}")
    return tuple(told)


@contextmanager
def _opened(
    path: Path, most: int, sha256: str = "", *, whole: bool = False
) -> Iterator[Image.Image]:
    """An image file, and one line for everything that can be wrong with it.

    With `whole` it is about to be decoded: its bytes are compared with `sha256`, and bounded.
    """
    try:
        _hush()
        refuse_large(path, most)
        content = _checked(path, sha256) if whole else b""
        opened = TimedBytes(content, path) if whole else TimedHeader(path)
        with opened, _headed(opened) as file:
            if file.width * file.height > most:
                size = f"{file.width}x{file.height}"
                raise DataError(
                    f"{path}: {size} pixels are more than {most:,}; refused undecoded "
                    "(--max-pixels)"
                )
            if whole:
                _refuse_slow(file, content, path)
            yield file
    except FileNotFoundError:
        raise DataError(f"{path}: no such image") from None
    except UnidentifiedImageError:
        kinds = ", ".join(_FORMATS)
        raise DataError(f"{path}: {_tiff_of_its_own(path) or f'not a {kinds} image'}") from None
    except _BROKEN as error:
        if isinstance(error, OSError) and error.errno:  # the file system's word, and not Pillow's
            raise DataError(f"{path}: cannot be read ({error.strerror})") from None
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise DataError(f"{path}: damaged or truncated image ({reason[:100]})") from None


def _tiff_of_its_own(path: Path) -> str:
    """What to say of a TIFF that Pillow does not read; "" of any other file."""
    with path.open("rb") as file:
        if file.read(4) not in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return ""
    return "a TIFF of a kind that is not read, such as floats in colour; save it with 8 bits"


def _refuse_slow(file: Image.Image, content: bytes, path: Path) -> None:
    """Refuse what decodes for minutes though its size is small."""
    if file.format in ("JPEG", "MPO"):
        refuse_scans(content, path)
    elif file.format == "JPEG2000":
        refuse_tiles(content, path)
    elif file.format == "TIFF" and file.info.get("compression") == "jpeg":
        refuse_strips(content, len(file.tile), path)  # type: ignore[attr-defined]


def _checked(path: Path, sha256: str) -> bytes:
    """A file's bytes, read once: what is compared is what is decoded."""
    content = path.read_bytes()
    if sha256 and hashlib.sha256(content).hexdigest() != sha256:
        raise FileChanged(path)
    return content


def _headed(file: IO[bytes]) -> Image.Image:
    """An image file whose header was read: Pillow's limit gives way to the caller's."""
    with _LIMIT:  # images are decoded in threads
        before = Image.MAX_IMAGE_PIXELS
        Image.MAX_IMAGE_PIXELS = None
        try:
            return Image.open(file, formats=_FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _hush() -> None:
    """Odd EXIF fields and palettes are no news to a user.

    For good, and not with `catch_warnings`: images are decoded in threads, and that would take
    back what another thread does with warnings meanwhile.
    """
    patterns = (getattr(one[3], "pattern", "") for one in warnings.filters)
    if _PILLOW not in patterns:
        warnings.filterwarnings("ignore", module=_PILLOW)


def fit(pixels: Pixels, size: int | None) -> Pixels:
    """Crop to the centre square and resize by Pillow's bicubic filter, as the paper's program.

    Args:
        pixels: (H, W, 3) uint8.
        size: the side, or None to leave the image as it is.

    Returns:
        (size, size, 3) uint8, or the image itself.
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
    full = full_level(np.asarray(picture), path)
    if full == 1:
        values, full = np.clip(values, 0, 1) * 65535, 65535
    grey = np.floor(values / (full // 255) + 0.5).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
