"""Images that decode for minutes or exhaust the memory are refused."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core import image_limits as bounded
from benchmark.core.errors import DataError
from benchmark.core.images import image_shape, read_image
from benchmark.datasets import open_dataset
from tests.peak import LINUX, Peak, peaks_of


def progressive(side: int = 64) -> bytes:
    stream = BytesIO()
    levels = np.random.default_rng(1).integers(0, 256, (side, side, 3), dtype=np.uint8)
    Image.fromarray(levels).save(stream, "JPEG", progressive=True, quality=60)
    return stream.getvalue()


def scans(content: bytes) -> Iterator[tuple[int, int]]:
    """Return the first and last byte of each scan."""
    place = 2
    while content[place + 1] != 0xD9:
        end = place + 2 + int.from_bytes(content[place + 2 : place + 4], "big")
        if content[place + 1] == 0xDA:
            start = place
            while content[end] != 0xFF or content[end + 1] == 0:
                end += 1
            yield start, end
        place = end


def with_scans(content: bytes, count: int) -> bytes:
    """Return a JPEG whose second scan is repeated until it has this many."""
    found = list(scans(content))
    start, end = found[1]
    return content[:end] + content[start:end] * (count - len(found)) + content[end:]


@pytest.mark.parametrize("count", [bounded.MOST_SCANS, bounded.MOST_SCANS + 1, 1500])
def test_scans_of_a_jpeg_are_counted(count: int, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(with_scans(progressive(), count))
    assert image_shape(path) == (64, 64)
    if count <= bounded.MOST_SCANS:
        assert read_image(path).shape == (64, 64, 3)
        return
    with pytest.raises(DataError, match=r"a\.jpg: a JPEG of more than 100 scans"):
        read_image(path)


def test_what_only_looks_like_scans_does_not_count(tmp_path: Path) -> None:
    """In a preview within the file, and behind its end, as cameras write them."""
    plain = progressive()
    fake = b"\xff\xda" * 500
    comment = b"\xff\xfe" + struct.pack(">H", len(fake) + 2) + fake
    path = tmp_path / "a.jpg"
    path.write_bytes(plain[:2] + comment + plain[2:] + fake)
    assert read_image(path).shape == (64, 64, 3)


def test_scans_within_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    Image.new("RGB", (64, 64)).save(path, compression="jpeg")
    assert read_image(path).shape == (64, 64, 3)
    path.write_bytes(path.read_bytes() + b"\xff\xda" * 150)
    with pytest.raises(DataError, match="a TIFF of JPEGs of more than 100 scans"):
        read_image(path)


def chunk(kind: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content))
        + kind
        + content
        + struct.pack(">I", zlib.crc32(kind + content))
    )


def png(*chunks: bytes) -> bytes:
    head = struct.pack(">IIBBBBB", 8, 8, 8, 2, 0, 0, 0)
    pixels = zlib.compress(bytes(8 * 25))
    parts = [chunk(b"IHDR", head), *chunks, chunk(b"IDAT", pixels), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_time_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Headers of many segments, and images of many tiles."""
    path = tmp_path / "a.png"
    path.write_bytes(png(*[chunk(b"teXt", b"")] * 1000))
    assert image_shape(path) == (8, 8)
    assert read_image(path).shape == (8, 8, 3)
    monkeypatch.setattr(bounded, "LONGEST_HEADER", -1.0)
    with pytest.raises(DataError, match=r"a\.png: takes more than -1 s to read; refused"):
        image_shape(path)
    monkeypatch.setattr(bounded, "LONGEST", -1.0)
    with pytest.raises(DataError, match=r"a\.png: takes more than -1 s to read; refused"):
        read_image(path)


def test_a_large_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png())
    os.truncate(path, 12 * 2**30)  # sparse: it takes no room
    for call in (image_shape, read_image):
        with pytest.raises(DataError, match="12,884,901,888 bytes are more than 1,073,741,824"):
            call(path)
    with pytest.raises(DataError, match="not read"):
        open_dataset("folder", images=tmp_path, size=64).digest("a")


def test_a_pipe_is_no_image(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a.png")
    for call in (image_shape, read_image):
        with pytest.raises(DataError, match="not a regular file"):
            call(tmp_path / "a.png")


def bombs() -> dict[str, bytes]:
    packed = zlib.compress(bytes(300_000_000), 9)
    empty = zlib.compress(bytes(1_000_000), 9)
    one = b"\x2c" + struct.pack("<HHHHB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\x00\x3b"
    webp = BytesIO()
    frames = [Image.new("RGB", (32, 32), (level, 0, 0)) for level in range(9)]
    frames[0].save(webp, "WEBP", save_all=True, append_images=frames[1:])
    canvas = bytearray(webp.getvalue())
    at = canvas.index(b"VP8X")
    canvas[at + 12 : at + 18] = (16382).to_bytes(3, "little") * 2
    return {
        "a color profile": png(chunk(b"iCCP", b"x\0\0" + packed)),
        "a packed text": png(chunk(b"zTXt", b"x\0\0" + packed)),
        "many packed texts": png(*[chunk(b"iTXt", b"x\0\1\0\0\0" + empty)] * 300),
        "a GIF's screen": b"GIF89a"
        + struct.pack("<HHBBB", 65535, 65535, 128, 0, 0) + bytes(6) + one,
        "a WebP's canvas": bytes(canvas),
        "a BMP without pixels": b"BM" + struct.pack("<IHHI", 54, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, 90_000, 90_000, 1, 24, 0, 0, 0, 0, 0, 0),
        "a JPEG 2000 in tiles of a pixel": _tiled(),
    }  # fmt: skip


def _tiled() -> bytes:
    stream = BytesIO()
    Image.new("RGB", (64, 64)).save(stream, "JPEG2000")
    content = bytearray(stream.getvalue())
    size, head = content.index(b"\xff\x51"), content.index(b"ihdr")
    content[head + 4 : head + 12] = struct.pack(">II", 9000, 9000)
    content[size + 6 : size + 14] = struct.pack(">II", 9000, 9000)
    content[size + 22 : size + 30] = struct.pack(">II", 1, 1)
    return bytes(content)


BOMBS = bombs()


@pytest.fixture(scope="module")
def peaks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Peak]:
    """The peak of reading each bomb, a file `a.png` in a folder of its name."""
    paths = {}
    for name, content in BOMBS.items():
        paths[name] = tmp_path_factory.mktemp(name.replace(" ", "-"), numbered=False) / "a.png"
        paths[name].write_bytes(content)
    setup = "from pathlib import Path; from benchmark.core.images import read_image"
    return peaks_of(setup, "read_image(Path(word))", paths)


@pytest.mark.skipif(not LINUX, reason="peak memory is read from /proc")
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_are_refused_with_little_memory(name: str, peaks: dict[str, Peak]) -> None:
    peak = peaks[name]
    assert f"/{name.replace(' ', '-')}/a.png: " in peak.said
    assert "\n" not in peak.said
    assert peak.mebibytes < 90  # Pillow's own limit of texts is 64 MiB
