"""Parse model specifiers and discover plugins.

A specifier is a registered name such as "telea", a class by path as "package.module:Class", or
"scheme:argument". The last two may have a label, as in "mine=outputs:DIR".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points, packages_distributions, version
from pathlib import PurePath
from typing import NamedTuple

from benchmark.core.errors import BadInput

WHOLE = "cmd"  # the scheme whose argument may contain commas: it extends to the end
_FILE = "spandrel"  # the scheme whose argument is a file: its ending is no part of the label
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")  # safe in file names, HTML and CSV
_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_COMMAND = re.compile(rf"([^,:=]*=)?{WHOLE}:")
_SCRIPTS = (".py", ".sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEntry:
    """A resolved specifier.

    Attributes:
        name: its name in tables and files.
        target: its class as "module:Class"; "" if it is known from a run's files only.
        argument: the scheme's argument, passed to the class; None without a scheme.
        scheme: the scheme, or "".
        distribution: its installed distribution, as "name version", or "".
        built_in: whether it is, or was, in a table of this project.
        retired: whether it was removed from that table and cannot be loaded.
    """

    name: str
    target: str
    argument: str | None = None
    scheme: str = ""
    distribution: str = ""
    built_in: bool = False
    retired: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plugin:
    """An entry point of an installed distribution.

    Attributes:
        name: its name.
        target: its class as "module:Class".
        distribution: the distribution, as "name version".
    """

    name: str
    target: str
    distribution: str


@cache
def plugins(group: str) -> tuple[Plugin, ...]:
    """Return the installed entry points of a group, sorted by name, without importing them."""
    found = [
        Plugin(
            name=one.name,
            target=one.value.replace(" ", ""),
            distribution=f"{one.dist.name} {one.dist.version}" if one.dist else "",
        )
        for one in entry_points(group=group)
    ]
    return tuple(sorted(set(found), key=lambda one: (one.name, one.distribution)))


class LabeledSpec(NamedTuple):
    """A specifier, split at its label.

    Attributes:
        label: the label, or "".
        spec: the specifier without it.
    """

    label: str
    spec: str


def split_label(word: str) -> LabeledSpec:
    """Split a specifier into its label, or "", and the rest.

    Raises:
        BadInput: if the text before the "=" of a scheme or class is not a valid label.
    """
    before, equals, rest = word.partition("=")
    if not equals or ":" in before or ":" not in rest:
        return LabeledSpec("", word)
    if not is_label(before):
        raise BadInput(
            f"{word!r}: {before!r} cannot be a label: expected letters, digits and ._+-, at most 64"
        )
    return LabeledSpec(before, rest)


def is_label(text: str) -> bool:
    """Whether a text is safe in tables, file names and HTML without escaping."""
    return _LABEL.fullmatch(text) is not None


def is_class(text: str) -> bool:
    """Whether a text has the form "package.module:Class"."""
    return _CLASS.fullmatch(text) is not None


def default_label(scheme: str, argument: str) -> str:
    """Return the default label of a scheme: its name and the last path part of its argument."""
    last = PurePath(_program(argument) if scheme == WHOLE else argument).name
    stem = last.removesuffix(".py").removesuffix(".sh")
    if scheme == _FILE:
        stem = PurePath(stem).stem
    safe = re.sub(r"[^A-Za-z0-9._+-]+", "-", f"{scheme}-{stem}").strip("-")
    return safe[:64]


def _program(command: str) -> str:
    """Return the script that a command runs, or its first word that is not an option."""
    words = [word for word in command.split() if "=" not in word] or [""]
    return next((word for word in words if word.endswith(_SCRIPTS)), words[0])


def words_of(values: Iterable[str]) -> list[str]:
    """Split the values of a repeatable option at commas, except after "cmd:"."""
    return [word for value in values for word in _divided(value)]


def _divided(value: str) -> Iterator[str]:
    rest = value
    while rest.strip():
        whole = rest.strip()
        if _COMMAND.match(whole):
            yield whole
            return
        word, _, rest = rest.partition(",")
        if word.strip():
            yield word.strip()


@cache
def distribution_of(module: str) -> str:
    """Return the installed distribution of a module, as "name version", or ""."""
    names = packages_distributions().get(module.split(".", maxsplit=1)[0], [])
    return f"{names[0]} {version(names[0])}" if names else ""
