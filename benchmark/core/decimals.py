"""Parse decimal numbers typed by a user."""

from __future__ import annotations

import re

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def parse_number(text: str) -> float:
    """Parse a decimal number such as "1.5" or "1e-3"; NaN for anything else.

    `float` would also accept "1_5", a typo for 1.5, as 15.
    """
    return float(text) if _DECIMAL.fullmatch(text) else float("nan")
