"""Reading a plan's TOML file, without checking its values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmark.core.errors import PlanError
from benchmark.core.toml import parse_toml
from benchmark.core.untrusted import read_limited

MAX_BYTES = 4 << 20  # of a plan's file


def read_values(path: Path) -> dict[str, Any]:
    """Return a plan's file as plain values, without checking any of them.

    Raises:
        PlanError: if it cannot be read, is too large, or is not TOML.
    """
    try:
        return parse_toml(read_limited(path, MAX_BYTES).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise PlanError(f"{path}: cannot be read as a plan ({reason})") from None
    except RecursionError:
        raise PlanError(f"{path}: not valid TOML: nested too deeply") from None
    except ValueError as error:  # a number of thousands of digits raises no TOMLDecodeError
        raise PlanError(f"{path}: not valid TOML: {error}") from None
