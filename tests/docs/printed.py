"""Compare the output shown on a page with the real output."""

from __future__ import annotations

import re

import pytest

NUMBER = re.compile(r"[-+]?\d+\.\d+")


def alike(shown: str, printed: str) -> bool:
    """Whether two lines are the same but for the last digits of their numbers.

    Another processor adds up in another order.
    """
    if re.sub(r"\s+", " ", NUMBER.sub("#", shown)) != re.sub(r"\s+", " ", NUMBER.sub("#", printed)):
        return False
    pairs = zip(NUMBER.findall(shown), NUMBER.findall(printed), strict=True)
    return all(
        float(other) == pytest.approx(float(one), abs=2e-3 * max(1.0, abs(float(one))))
        for one, other in pairs
    )


def not_printed(shown: str, printed: str) -> list[str]:
    """The lines of `shown` that `printed` lacks, or has in another order."""
    left = iter(printed.splitlines())
    return [line for line in shown.splitlines() if not any(alike(line, one) for one in left)]
