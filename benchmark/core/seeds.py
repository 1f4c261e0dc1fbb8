"""Seeds derived from names, so that no output depends on order, batch or process."""

from __future__ import annotations

import hashlib


def seed_of(*parts: object) -> int:
    """Hash values to a 63-bit seed by their text; the same on every platform."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1
