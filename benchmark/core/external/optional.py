"""Optional dependencies (extras): installed versions, import errors, install commands."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version
from typing import NamedTuple

from benchmark.core.errors import BadInput, ExternalError, VersionWarning

_OPTION = re.compile(r"([a-z]+)=(.*)", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9._-]+")  # at the beginning of a requirement


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


def lacking(requirement: str) -> str:
    """Return why an optional package cannot be used and how to get it, or "" if it can.

    Args:
        requirement: the package and its versions, such as "pypatchmatch>=2.2,<2.3".
    """
    name, how = _NAME.findall(requirement)[0], f"get it with pip install '{requirement}'"
    found = _version(name)
    if not found:
        return f"{name} is not installed; {how}"
    from packaging.requirements import Requirement  # not imported for a missing package

    wanted = Requirement(requirement).specifier
    if wanted.contains(found, prereleases=True):
        return ""
    return f"{name} {found} is installed, but {wanted} is expected; {how}"


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


def warn_of_version(library: str, *, expected: str, how: str) -> None:
    """Warn if a library is installed in another version than the one expected.

    Args:
        library: its name on a package index.
        expected: the version that this project was written for; docs/others.md says what was tried.
        how: the command that installs the library.

    Warns:
        VersionWarning: with both versions.

    Raises:
        ExternalError: if it is not installed.
    """
    found = installed(library, how=how).rpartition(" ")[2]
    if found != expected:
        message = (
            f"{library} {found} is installed, expected {expected} (docs/others.md says what was "
            "tried with it); outputs have keys of their own"
        )
        warnings.warn(message, VersionWarning, stacklevel=2)


@contextmanager
def importing(library: str, *, how: str, expected: str = "") -> Iterator[None]:
    """Import parts of a library within the block; convert failures to `ExternalError`.

    Warnings of the library are ignored within the block.

    Args:
        library: its name on a package index.
        how: the command that installs it, for the message.
        expected: the version that this project was written for, for the message, or "".

    Raises:
        ExternalError: if an import fails.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except Exception as error:  # a library may fail in any way with newer dependencies
        reason = f"{type(error).__name__}: {error}".splitlines()[0][:150]
        found = f"{library} {_version(library)}".strip()
        known = f" (expected {expected})" if expected else ""
        raise ExternalError(
            f"{found} cannot be imported{known}: {reason}; get it with {how}"
        ) from error


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""


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


@contextmanager
def needing(requirement: str) -> Iterator[None]:
    """Import parts of a library within the block, which has to be of a version.

    Args:
        requirement: the library and its versions, as in pyproject.toml.

    Raises:
        ExternalError: if it is missing, of another version (both are named), or cannot be imported.
    """
    from packaging.requirements import Requirement

    wanted, how = Requirement(requirement), f"pip install '{requirement}'"
    try:
        found = version(wanted.name)
    except PackageNotFoundError:
        raise ExternalError(f"{wanted.name} is not installed; get it with {how}") from None
    if not wanted.specifier.contains(found, prereleases=True):
        raise ExternalError(
            f"{wanted.name} {found} is installed, {wanted.name}{wanted.specifier} is needed; get "
            f"it with {how}"
        )
    with importing(wanted.name, how=how):
        yield
