"""Make untrusted names safe to print and to use as file or folder names."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

LONGEST = 120  # bytes of a folder's name; file systems allow 255
_MOVING = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # Unicode categories of invisible characters
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


def printable(text: str) -> str:
    r"""Escape unprintable characters and line breaks of a text, as "\n" or "\x1b".

    Bytes of a file name that are not UTF-8 become "\xff".
    """
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def on_terminal(text: str) -> str:
    r"""Escape what would move a terminal's cursor, change its color or text direction, as "\x1b".

    Line breaks stay.
    """
    if text.isascii() and not _CONTROL.search(text):
        return text
    return "".join(
        char if char == "\n" or unicodedata.category(char) not in _MOVING else _escape(char)
        for char in text
    )


def folder_names(names: Iterable[str]) -> dict[str, str]:
    """Assign each sample a folder name that is valid and unique on every file system.

    Path separators and other special characters become "_". A name that is too long, or not unique
    on a case-insensitive file system, ends with 8 digits of its hash.
    """
    plain = {name: plain_name(name) for name in names}
    times = Counter(map(_folded, plain.values()))
    fits = {
        name
        for name, text in plain.items()
        if times[_folded(text)] == 1 and len(text.encode()) <= LONGEST
    }
    return {name: text if name in fits else cut_name(name) for name, text in plain.items()}


def plain_name(name: str) -> str:
    """Return a sample's name as a folder name: separators and special characters become "_"."""
    text = "".join(char if char.isalnum() or char in "-._ " else "_" for char in name)
    return text.lstrip(".").rstrip(". ") or "_"


def cut_name(name: str) -> str:
    """Return `plain_name` truncated and with 8 digits of the name's hash, so that it is unique."""
    return f"{plain_name(name).encode()[:LONGEST].decode(errors='ignore')}-{_digest(name)}"


def file_part(name: str) -> str:
    """Return a name as part of a file name: unchanged if it is safe on every file system.

    Otherwise all but letters, digits, ".", "_", "+" and "-" become "_", and 8 digits of its hash
    are appended.
    """
    if _SAFE.fullmatch(name):
        return name
    text = re.sub(r"[^A-Za-z0-9._+-]", "_", name).lstrip(".")[:LONGEST]
    return f"{text or '_'}-{_digest(name)}"


def _digest(name: str) -> str:
    try:
        content = name.encode(errors="surrogateescape")  # file names may have non-UTF-8 bytes
    except UnicodeEncodeError:  # a lone surrogate, as JSON may have
        content = name.encode(errors="surrogatepass")
    return blake2b(content, digest_size=4).hexdigest()


def same_name(text: str) -> str:
    """Return a name normalized to NFC and case-folded, for comparison."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _folded(text: str) -> str:
    """Return a name normalized to NFKC and case-folded: equal if a file system may confuse them."""
    return unicodedata.normalize("NFKC", text).casefold()


def _escape(char: str) -> str:
    r"""Escape a character; non-UTF-8 bytes, which Python decodes to U+DC80 and up, as "\xff"."""
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()
