"""Read Google-style docstrings: the description and the `Attributes:` section."""

from __future__ import annotations

import inspect
import re

_SECTION = re.compile(r"^(Args|Attributes|Raises|Returns|Examples?):$", re.MULTILINE)
_ENTRY = re.compile(r"^    (\w+): ")


def description(thing: object) -> str:
    """Return the text before the first section."""
    return _SECTION.split(inspect.getdoc(thing) or "")[0].strip()


def summary(thing: object) -> str:
    """Return the first paragraph on one line."""
    return " ".join(description(thing).split("\n\n")[0].split())


def attributes(kind: type) -> dict[str, str]:
    """Return the entries of `Attributes:` of a class and its bases, each on one line."""
    found: dict[str, str] = {}
    for one in reversed(kind.__mro__):
        if one.__doc__:
            found.update(_attributes(one))
    return found


def _attributes(thing: object) -> dict[str, str]:
    parts = _SECTION.split(inspect.getdoc(thing) or "")
    text = dict(zip(parts[1::2], parts[2::2], strict=True)).get("Attributes", "")
    found: dict[str, str] = {}
    name = ""
    for line in text.strip("\n").splitlines():
        if entry := _ENTRY.match(line):
            name = entry[1]
            found[name] = line[entry.end() :].strip()
        elif name and line.strip():
            found[name] += f" {line.strip()}"
    return found
