"""The table of `bench weights`: per model what is here, what is missing, and how to get it."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from typing import Any

_WIDTH = 80
_HEAD = ("model", "mini", "authors' files", "how")
_LEGEND = (
    "verified: by a published checksum; installed: none is published, the file is unchanged since "
    "it was installed. 'bench show MODEL' prints files, addresses, licenses and checksums; --json "
    "prints all."
)


def weights_text(entries: Sequence[dict[str, Any]]) -> str:
    """Format the list of checkpoints: a row a model, and why some files cannot be downloaded.

    Args:
        entries: the result of `benchmark.install.weights_status`.
    """
    by_model: dict[str, list[dict[str, Any]]] = {}
    for entry in entries:
        by_model.setdefault(entry["name"], []).append(entry)
    rows = [_HEAD, *(_row(name, files) for name, files in by_model.items())]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = [
        "  ".join([*(f"{cell:<{wide}}" for cell, wide in zip(row, widths, strict=False)), row[3]])
        for row in rows
    ]
    reasons = [line for name, files in by_model.items() for line in _reason(name, files)]
    if reasons:
        lines += ["", "Not downloaded by 'bench weights fetch':", *reasons]
    lines += ["", *textwrap.wrap(_LEGEND, _WIDTH)]
    return "\n".join(line.rstrip() for line in lines)


def _row(name: str, files: Sequence[dict[str, Any]]) -> tuple[str, str, str, str]:
    mini = "here" if any(one["state"] == "shipped" for one in files) else "-"
    states = [one["state"] for one in files if one["state"] != "shipped"]
    how = next((one["how"] for one in files if one["how"]), "")
    return name, mini, _together(states), how


def _together(states: Sequence[str]) -> str:
    """Return the state of a model's files in one word, or how many of them are missing."""
    for state in ("altered", "missing"):
        if count := states.count(state):
            return state if count == len(states) else f"{count} of {len(states)} {state}"
    if not states:
        return "-"
    return "installed" if "installed" in states else "verified"


def _reason(name: str, files: Sequence[dict[str, Any]]) -> list[str]:
    """Say where the files of a model are that have no address, if one of them is missing."""
    wanted = [one for one in files if one["how"] and not one["address"]]
    if not wanted:
        return []
    return textwrap.wrap(
        f"{name}: {wanted[0]['source'] or 'not published'}",
        _WIDTH,
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
