"""Arrays from files that may be anything."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container
from io import BytesIO
from tokenize import TokenError
from typing import Any
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

_DAMAGED = (
    OSError, ValueError, EOFError, SyntaxError, TypeError, MemoryError, TokenError, BadZipFile,
    zlib.error, NotImplementedError, RuntimeError, LookupError, struct.error,
)  # fmt: skip


def decode_array(content: bytes) -> NDArray[Any] | None:
    """The array of a .npy file's bytes, or None where they are none; nothing in it is run."""
    try:
        found = np.load(BytesIO(content), allow_pickle=False)
    except _DAMAGED:
        return None
    return found if isinstance(found, np.ndarray) else None


def decode_arrays(content: bytes, names: Container[str]) -> dict[str, NDArray[Any]] | None:
    """Some arrays of a .npz file's bytes by name, or None where they are none; nothing is run."""
    try:
        with np.load(BytesIO(content), allow_pickle=False) as file:
            return {name: file[name] for name in file.files if name in names}
    except (*_DAMAGED, AttributeError):  # a .npy file has no such names
        return None
