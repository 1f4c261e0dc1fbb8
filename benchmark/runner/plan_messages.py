"""Values of a plan as given in Python, and messages about values that cannot be used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError

from benchmark.core.errors import expectation, quoted
from benchmark.core.external.spec import words_of
from benchmark.runner.forgery_plan import NOT_OF_FORGERIES, OF_FORGERIES_ONLY

_PYTHON_NAMES = {  # of options that a message may name
    "--images DIR": "images=DIR",
    "--images": "images",
    "--dataset folder": 'datasets="folder"',
    "--data-root": "data_root",
    "--launder": "launder",
    "--precision bf16": 'precision="bf16"',
    "--compile": "compile",
    "--engine": "engine",
    "--weights": "weights",
    "--prompts": "prompts",
    "--forgeries DIR": "forgeries=DIR",
    "--forgeries": "forgeries",
    "--black-forged": "black_forged",
    **{option: key for key, option in (NOT_OF_FORGERIES | OF_FORGERIES_ONLY).items()},
    "--size native": 'size="native"',
    "--size": "size",
    "--tile": "tile",
    "--overlap": "overlap",
}
_LISTS = (
    "datasets", "buckets", "inpainters", "detectors", "metrics", "composite", "retouch", "launder",
)  # fmt: skip


def split_lists(values: dict[str, Any]) -> dict[str, Any]:
    """Return a plan's values with texts for lists split, as the command line splits them."""
    found = dict(values)
    for name in _LISTS:
        if isinstance(found.get(name), str):
            models = name in {"inpainters", "detectors"}
            text = found[name]
            names = words_of([text]) if models else [one.strip() for one in text.split(",")]
            empty = names == ["none"] and name != "composite"  # of which "none" is a value
            found[name] = [] if empty else [one for one in names if one]
    if found.get("images") is not None and "datasets" not in found:
        found["datasets"] = ["folder"]
    return found


def python_names(message: str) -> str:
    """Return a message with options replaced by the names of arguments in Python."""
    for option, name in _PYTHON_NAMES.items():
        message = message.replace(option, name)
    return message


def first_error(error: ValidationError, keys: Iterable[str]) -> str:
    """Return the first error in one line.

    Args:
        error: what validation raised.
        keys: all keys of a plan.
    """
    found = error.errors()[0]
    key = ".".join(str(part) for part in found["loc"][:1]) or "plan"
    if found["type"] == "extra_forbidden":
        return f"unknown key {quoted(key)}. Known: {', '.join(sorted(keys))}."
    if key == "size":
        return (
            f"size: expected a side of 32 to 4096 pixels, or native, got {quoted(found['input'])}"
        )
    if found["type"] == "too_short":
        return f"{key}: expected at least one name, got none"
    if found["type"] == "value_error":  # a message of our own, which quotes the value
        return f"{key}: {found['ctx']['error']}"
    return f"{key}: {expectation(found)}, got {quoted(found['input'])}"
