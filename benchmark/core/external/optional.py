"""Libraries that an extra of this project brings: which version is here, and what to do without."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, requires, version

from benchmark.core.errors import BadInput, ExternalError

_OPTION = re.compile(r"([a-z]+)=(.*)", re.DOTALL)


def install_line(extra: str) -> str:
    """The pip command that installs what an extra of this project names.

    It names the packages themselves, so that it is true of a checkout and of a wheel alike; the
    project itself need not be on an index.

    Args:
        extra: a key of `project.optional-dependencies` in pyproject.toml.
    """
    from packaging.requirements import Requirement

    known = [Requirement(line) for line in requires("safepaint-bench") or ()]
    wanted = [one for one in known if one.marker and one.marker.evaluate({"extra": extra})]
    return "pip install " + " ".join(f"'{one.name}{one.specifier}'" for one in wanted)


def installed(library: str, *, how: str) -> str:
    """A library's version, as "name 1.2.3"; the library is not imported.

    Args:
        library: its name in package indexes.
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
    """Import parts of a library; what it lacks is said in a line.

    Raises:
        ExternalError: if one of its imports fails.
    """
    try:
        yield
    except Exception as error:  # whatever a library meets that was written for older ones
        said = f"{type(error).__name__}: {error}".splitlines()[0][:150]
        raise ExternalError(f"{library} cannot be imported: {said}; get it with {how}") from error


def options_of(argument: str, known: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Read "[OPTION=VALUE ...] NAME", the argument of a scheme.

    Args:
        argument: quoted as for a shell.
        known: options and what they are by default.

    Returns:
        All options, and the name.

    Raises:
        BadInput: if it cannot be read, has an unknown option, or there is not one name.
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
    return given, words[0]
