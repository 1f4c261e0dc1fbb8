"""What users bring: how it is written, what it is called, and which plugins are installed.

A word names one thing: "telea" of a table, "package.module:Class" of anybody's, "scheme:argument"
of a table of schemes, and before each of the last two an optional label, as in "mine=outputs:DIR".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points, packages_distributions, version
from pathlib import PurePath

from benchmark.core.errors import BadInput

WHOLE = "cmd"  # the scheme whose argument may hold commas: it takes all that follows
_LABEL = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")  # safe in file names, HTML and CSV
_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_COMMAND = re.compile(rf"([^,:=]*=)?{WHOLE}:")
_SCRIPTS = (".py", ".sh")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryEntry:
    """Where one thing is, and what it is called.

    Attributes:
        name: what tables and files call it.
        target: where its class is, as "module:Class"; "" where a run's files alone know of it.
        argument: what follows the colon of a scheme, for the class; None where there is no scheme.
        scheme: the scheme, or "".
        distribution: the installed distribution it comes from, as "name version", or "".
        built_in: whether it is in a table of this project, or was once.
        retired: whether it was once and cannot be loaded any more.
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
    """An entry point of another distribution.

    Attributes:
        name: what it is called.
        target: where its class is, as "module:Class".
        distribution: whose it is, as "name version".
    """

    name: str
    target: str
    distribution: str


@cache
def plugins(group: str) -> tuple[Plugin, ...]:
    """The installed entry points of a group, in the order of their names; nothing is imported."""
    found = [
        Plugin(
            name=one.name,
            target=one.value.replace(" ", ""),
            distribution=f"{one.dist.name} {one.dist.version}" if one.dist else "",
        )
        for one in entry_points(group=group)
    ]
    return tuple(sorted(set(found), key=lambda one: (one.name, one.distribution)))


def split_label(word: str) -> tuple[str, str]:
    """A word's label, or "", and the rest.

    Raises:
        BadInput: if what stands before the "=" of a scheme or class cannot be a label.
    """
    before, equals, rest = word.partition("=")
    if not equals or ":" in before or ":" not in rest:
        return "", word
    if not is_label(before):
        raise BadInput(
            f"{word!r}: {before!r} cannot be a label: letters, digits and ._+- alone, at most 64"
        )
    return before, rest


def is_label(text: str) -> bool:
    """Whether a text can stand in tables, file names and HTML as it is."""
    return _LABEL.fullmatch(text) is not None


def is_class(text: str) -> bool:
    """Whether a text has the form "package.module:Class"."""
    return _CLASS.fullmatch(text) is not None


def default_label(scheme: str, argument: str) -> str:
    """What a model without a label is called: its scheme and its argument's last path part."""
    last = PurePath(_program(argument) if scheme == WHOLE else argument).name
    stem = last.removesuffix(".py").removesuffix(".sh")
    safe = re.sub(r"[^A-Za-z0-9._+-]+", "-", f"{scheme}-{stem}").strip("-")
    return safe[:64]


def _program(command: str) -> str:
    """The script that a command runs, or its first word that sets no option."""
    words = [word for word in command.split() if "=" not in word] or [""]
    return next((word for word in words if word.endswith(_SCRIPTS)), words[0])


def words_of(values: Iterable[str]) -> list[str]:
    """The words of an option that may be repeated; commas divide, but not behind "cmd:"."""
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
    """The distribution that a module was installed with, as "name version", or ""."""
    names = packages_distributions().get(module.split(".", maxsplit=1)[0], [])
    return f"{names[0]} {version(names[0])}" if names else ""
