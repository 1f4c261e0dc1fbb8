"""Paths in the plain values of a plan: made relative to a folder, absolute, or mapped.

Paths stand in `images`, `data_root`, `masks`, `forgeries`, `weights`, `prompts` before they are
read, in the folders of finished images and heatmaps and the files of networks among the models, and
in post-processing steps that read a network from a file.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmark.core.checkpoints.hub_files import is_hub_address
from benchmark.core.errors import BadInput
from benchmark.core.external.spec import default_label, split_label
from benchmark.core.inspecting import is_inspecting
from benchmark.core.paths import abbreviate_home, expand_home

_PLACES = ("images", "data_root", "masks", "forgeries", "prompts")  # keys whose text is a path
_PATH_SCHEMES = ("outputs", "heatmaps", "spandrel")  # schemes whose argument is a path
_EDITIONS = ("official", "mini")


def map_paths(values: dict[str, Any], function: Callable[[str], str]) -> dict[str, Any]:
    """Return a plan's plain values with `function` applied to every path in them."""

    def mapped(key: str, value: object) -> object:
        if key in _PLACES and isinstance(value, str):
            return function(value)
        if key == "weights" and isinstance(value, dict):
            return {
                name: function(one) if isinstance(one, str) and _is_path(one) else one
                for name, one in value.items()
            }
        if key in ("inpainters", "detectors") and isinstance(value, list):
            return [_map_model(one, function) if isinstance(one, str) else one for one in value]
        if key == "launder" and isinstance(value, list):
            return [_map_launder(one, function) if isinstance(one, str) else one for one in value]
        return value

    return {key: mapped(key, value) for key, value in values.items()}


def _is_path(weights: str) -> bool:
    return weights not in _EDITIONS and not is_hub_address(weights)


def _map_model(specifier: str, function: Callable[[str], str]) -> str:
    try:
        label, rest = split_label(specifier)
    except BadInput:  # reported when the plan is checked
        return specifier
    scheme, colon, path = rest.partition(":")
    if not colon or scheme not in _PATH_SCHEMES:
        return specifier
    new = function(path)
    name = default_label(scheme, path)
    label = label or (name if default_label(scheme, new) != name else "")
    return f"{label}={scheme}:{new}" if label else f"{scheme}:{new}"


def _map_launder(chain: str, function: Callable[[str], str]) -> str:
    """Map the paths in a chain of post-processing steps; an ID on the hub is none."""
    steps = []
    for step in chain.split("+"):
        kind, colon, argument = step.partition(":")
        scheme, path = kind.strip().lower(), argument.strip()
        is_path = scheme == "spandrel" or (scheme == "vae" and path.startswith((".", "/", "~")))
        steps.append(f"{kind}{colon}{function(path)}" if path and is_path else step)
    return "+".join(steps)


def from_file(text: str, folder: Path) -> str:
    """Return a path of a plan file relative to the current folder.

    Args:
        text: the path as it stands in the file.
        folder: the file's folder.

    Returns:
        The path below `folder`; unchanged if nothing exists there, as earlier versions wrote paths
        relative to the current folder.
    """
    path = Path(text)
    if expand_home(path).is_absolute():
        return text
    beside = folder / path
    if is_inspecting():  # do not touch the file system for a stranger's plan
        return os.path.normpath(beside)
    try:
        if not beside.exists():
            return text
        short = Path(os.path.normpath(beside))  # another file if the path goes through a link
        return str(short if short.exists() and short.samefile(beside) else beside)
    except (OSError, ValueError):  # not a valid file name: reported where it is used
        return text


def relative_to(text: str, folder: Path) -> str:
    """Return a path relative to a folder; absolute if they share only the root."""
    if expand_home(Path(text)).is_absolute():
        return abbreviate_home(expand_home(Path(text)))
    here, there = absolute(text), str(folder.resolve())
    if os.path.commonpath([here, there]) == Path(here).anchor:
        return here
    return Path(os.path.relpath(here, there)).as_posix()


def absolute(text: str) -> str:
    """Return an absolute, normalized path."""
    return os.path.normpath(expand_home(Path(text)).absolute())
