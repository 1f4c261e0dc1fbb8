"""Optional dependencies (extras): installed versions, import errors, install commands."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

from benchmark.core.errors import BadInput, ExternalError

_OPTION = re.compile(r"([a-z]+)=(.*)", re.DOTALL)


def install_line(extra: str) -> str:
    """Return the pip command that installs the packages of an extra.

    It names the packages themselves, so that it works for a checkout and a wheel alike; the project
    itself need not be on an index.

    Args:
        extra: a key of `project.optional-dependencies` in pyproject.toml.
    """
    from packaging.requirements import Requirement

    known = [Requirement(line) for line in requires("safepaint-bench") or ()]
    wanted = [one for one in known if one.marker and one.marker.evaluate({"extra": extra})]
    return "pip install " + " ".join(f"'{one.name}{one.specifier}'" for one in wanted)


def installed(library: str, *, how: str) -> str:
    """Return a library's version, as "name 1.2.3", without importing it.

    Args:
        library: its name on a package index.
        how: the command that installs it, for the message.

    Raises:
        ExternalError: if it is not installed.
    """
    try:
        return f"{library} {version(library)}"
    except PackageNotFoundError:
        raise ExternalError(f"{library} is not installed; get it with {how}") from None


@contextmanager
def importing(library: str, *, how: str) -> Iterator[None]:
    """Import parts of a library within the block; convert failures to `ExternalError`.

    Raises:
        ExternalError: if an import fails.
    """
    try:
        yield
    except Exception as error:  # a library may fail in any way with newer dependencies
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:150]
        raise ExternalError(f"{library} cannot be imported: {reason}; get it with {how}") from error


class SchemeArgument(NamedTuple):
    """The parsed argument of a scheme.

    Attributes:
        options: all known options with their values.
        name: the name that follows them.
    """

    options: dict[str, str]
    name: str


def options_of(argument: str, known: Mapping[str, str]) -> SchemeArgument:
    """Parse a scheme's argument "[OPTION=VALUE ...] NAME".

    Args:
        argument: the argument, quoted as for a shell.
        known: options and their defaults.

    Raises:
        BadInput: if it cannot be parsed, has an unknown option, or not exactly one name.
    """
    try:
        words = shlex.split(argument)
    except ValueError as error:
        raise BadInput(f"{argument!r}: {error}") from None
    given = dict(known)
    while words and (option := _OPTION.fullmatch(words[0])):
        name, value = option.groups()
        if name not in known:
            raise BadInput(f"{argument!r}: unknown option {name!r}. Known: {', '.join(known)}.")
        given[name] = value
        words.pop(0)
    if len(words) != 1:
        raise BadInput(f"{argument!r}: expected one name, got {len(words)}")
    return SchemeArgument(given, words[0])
