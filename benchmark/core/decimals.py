"""Numbers as a user types them."""

from __future__ import annotations

import re

_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)


def parse_number(text: str) -> float:
    """A decimal number such as "1.5" or "1e-3"; NaN for anything else.

    Python's own `float` also takes "1_5", which is a slip for 1.5 and means 15.
    """
    return float(text) if _DECIMAL.fullmatch(text) else float("nan")
