"""Names from outside: fit to be printed, and fit to be a folder."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b

LONGEST = 120  # bytes of a folder's name; file systems take 255
_MOVING = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))  # kinds of characters that are not shown
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


def printable(text: str) -> str:
    r"""A text on one line: what cannot be printed, a line break among it, as "\n" or "\x1b".

    Bytes of a file's name that are no UTF-8 become "\xff".
    """
    return "".join(char if char.isprintable() else _escape(char) for char in text)


def on_terminal(text: str) -> str:
    r"""A text of several lines as a terminal may get it: what would move its cursor, colour it or
    turn its direction as "\x1b"; line breaks stay.
    """
    if text.isascii() and not _CONTROL.search(text):
        return text
    return "".join(
        char if char == "\n" or unicodedata.category(char) not in _MOVING else _escape(char)
        for char in text
    )


def folder_names(names: Iterable[str]) -> dict[str, str]:
    """A folder's name for each of some samples, on every file system one of its own.

    Path separators and other odd characters become "_". A name that is too long, or that others
    would share where upper and lower case are the same, ends with 8 digits of its hash.
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
    """A sample's name as one folder name: separators and other odd characters become "_"."""
    text = "".join(char if char.isalnum() or char in "-._ " else "_" for char in name)
    return text.lstrip(".").rstrip(". ") or "_"


def cut_name(name: str) -> str:
    """The same for a name that is too long or not the only one: with 8 digits of its hash."""
    return f"{plain_name(name).encode()[:LONGEST].decode(errors='ignore')}-{_digest(name)}"


def file_part(name: str) -> str:
    """A name from outside as part of a file's name: it stays if it is safe on every file system.

    Else all but letters, digits, ".", "_", "+" and "-" become "_", and 8 digits of its hash follow.
    """
    if _SAFE.fullmatch(name):
        return name
    text = re.sub(r"[^A-Za-z0-9._+-]", "_", name).lstrip(".")[:LONGEST]
    return f"{text or '_'}-{_digest(name)}"


def _digest(name: str) -> str:
    try:
        content = name.encode(errors="surrogateescape")  # bytes of a file's name that are no UTF-8
    except UnicodeEncodeError:  # half a character, as JSON may have
        content = name.encode(errors="surrogatepass")
    return blake2b(content, digest_size=4).hexdigest()


def same_name(text: str) -> str:
    """A name without differences of Unicode composition (NFC) and case."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _folded(text: str) -> str:
    """The same for names that some file system takes for one."""
    return unicodedata.normalize("NFKC", text).casefold()


def _escape(char: str) -> str:
    """An escape of one character; of a byte that is no UTF-8, which Python reads as U+DC80 on."""
    if "\udc80" <= char <= "\udcff":
        return f"\\x{ord(char) - 0xDC00:02x}"
    return char.encode("unicode_escape").decode()
