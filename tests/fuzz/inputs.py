"""Inputs that are nearly right: whole files with something changed, cut, doubled or put in."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

from hypothesis import strategies as st

NUMBERS = (0, 1, 2**15, 2**16 - 1, 100_000, 2**31 - 1, 2**31, 2**32 - 1)
WORDS = (b"\n", b'"', b"[", b"]", b"=", b"{", b"}", b",", b"nan", b"inf", b"-1", b"1e999", b"\xff",
         b"\0", b"null", b"true", b"..", b"/", b"c", b"R", b".", b"posix\nsystem\n")  # fmt: skip
_PNG = b"\x89PNG\r\n\x1a\n"
EDITS = ("flip", "cut", "word", "number", "double", "drop")


@st.composite
def nearly(draw: st.DrawFn, seeds: Sequence[bytes]) -> bytes:
    """One of some whole files after up to five edits; now and then random bytes."""
    if draw(st.integers(0, 19)) == 0:
        return draw(st.binary(max_size=300))
    content = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 5))):
        edit = draw(st.sampled_from(EDITS))
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        if draw(st.booleans()):
            at = min(at, draw(st.integers(0, 60)))  # where headers are
        _apply(draw, content, edit, at)
    if draw(st.booleans()):
        mend_png(content)
    return bytes(content)


def _apply(draw: st.DrawFn, content: bytearray, edit: str, at: int) -> None:
    if edit == "flip" and content:
        content[at] ^= draw(st.integers(1, 255))
    elif edit == "cut":
        del content[at:]
    elif edit == "word":
        content[at:at] = draw(st.sampled_from(WORDS))
    elif edit == "number":
        code = draw(st.sampled_from((">I", "<I", ">H", "<H", "<Q")))
        number = draw(st.sampled_from(NUMBERS)) % 2 ** (8 * struct.calcsize(code))
        content[at : at + struct.calcsize(code)] = struct.pack(code, number)
    elif edit == "double":
        content[at:at] = content[at : at + draw(st.integers(1, 200))]
    elif edit == "drop":
        del content[at : at + draw(st.integers(1, 50))]


def mend_png(content: bytearray) -> None:
    """Give a PNG's chunks checksums that fit, so that what is in them is looked at."""
    at = len(_PNG)
    while content.startswith(_PNG) and at + 12 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        end = at + 8 + length
        if end + 4 > len(content):
            return
        content[end : end + 4] = struct.pack(">I", zlib.crc32(content[at + 4 : end]))
        at = end + 4
