"""Parse untrusted TOML: dotted keys are limited, as parsing one takes quadratic time."""

from __future__ import annotations

import re
import tomllib
from typing import Any

MOST_PARTS = 100  # parts of a dotted key such as weights.trufor
_LONG_KEY = re.compile(
    r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+)"""
    f"{{{MOST_PARTS}}}"
)


def parse_toml(text: str) -> dict[str, Any]:
    """Parse a TOML document.

    Raises:
        tomllib.TOMLDecodeError: if it is invalid, or a key has more than `MOST_PARTS` parts.
    """
    if _LONG_KEY.search(text):
        raise tomllib.TOMLDecodeError(f"a key of more than {MOST_PARTS} parts")
    return tomllib.loads(text)
