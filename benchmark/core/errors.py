"""The errors a user can meet.

BenchError                  a mistake the user can mend: one line, exit status 2
├── BadInput                an argument or tensor of another shape, type or range than expected
├── UnknownName             no model, metric or data set of that name
├── RetiredName             a model that this version no longer has
├── ExternalError            a model, metric or data set of the user's own that cannot be used
├── DataError               an image, mask or folder that cannot be used
│   └── FileChanged         one that changed while a run was going on
├── PlanError               a plan that contradicts itself or has an unknown key
├── WeightsError            a checkpoint that is missing, damaged, refused or of another model
│   ├── MissingWeights      a model that has no weights here
│   └── Unreachable         an address that gives no file
├── OutputError             a folder or disk that cannot be written
│   ├── DamagedOutput       a file of the store that is gone or damaged
│   └── DamagedStore        a store whose database cannot be read; 'bench check' saves what it can
├── ExecutorError           workers that cannot be had, or are gone
└── TrainingError           a recipe or a training run that cannot go on
BenchWarning                something to know about a run, in one line
├── SizeWarning             an image of a size that the authors' program refuses
├── ScaleWarning            heatmaps that may be on another scale
├── CopyWarning             a module that is there twice; which of them is used
├── BatchWarning            a batch that was too large for the memory
└── WorkerWarning           a worker that died, and what becomes of its work
BadOutput                   a model answered nonsense (NaN): that sample fails and is counted
└── KnownMoved              an image already made, whose known pixels are not the original's

Anything else is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any


class BenchError(Exception):
    """A mistake the user can mend: what was wrong, where, and what to do, in one line."""


class BadInput(BenchError, ValueError):  # noqa: N818 (the field reads it as a phrase)
    """An argument or tensor of another shape, type or range than expected."""


class UnknownName(BenchError, KeyError):  # noqa: N818 (as above)
    """No `kind` is called `name`; the message offers the nearest known name."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        close = get_close_matches(name.lower(), names, n=1)
        hint = f" Did you mean {close[0]!r}?" if close else ""
        self.message = f"no {kind} named {name!r}.{hint} Known: {', '.join(names)}."
        super().__init__(self.message)

    def __str__(self) -> str:  # KeyError would show the message's repr
        return self.message


class RetiredName(BenchError):  # noqa: N818 (the field reads it as a phrase)
    """A model that this version no longer has; the message names a commit that has it."""


class ExternalError(BenchError):
    """A model, metric or data set of the user's own that cannot be used."""


class DataError(BenchError):
    """An image, mask or folder that cannot be used."""


class FileChanged(DataError):  # noqa: N818 (the field reads it as a phrase)
    """A file that changed after its digest was taken: what it holds is of another key."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{path}: changed while the run was going on; run again")


class PlanError(BenchError):
    """A plan that contradicts itself or has an unknown key."""


class WeightsError(BenchError):
    """A checkpoint that is missing, damaged, refused or of another model."""


class MissingWeights(WeightsError):  # noqa: N818 (as above)
    """A model that has no weights here; the message names the ways to get them."""


class Unreachable(WeightsError):  # noqa: N818 (as above)
    """An address that cannot be reached, or breaks off before the file has ended."""


class OutputError(BenchError):
    """A folder or disk that cannot be written."""


class DamagedStore(OutputError):  # noqa: N818 (the field reads it as a phrase)
    """A store whose database is damaged; `bench check` saves what can be saved of it."""


class DamagedOutput(OutputError):  # noqa: N818 (as above)
    """A file of the store that is gone or damaged; `key` is whose."""

    def __init__(self, path: str, key: str) -> None:
        self.key = key
        super().__init__(path, key)

    def __str__(self) -> str:
        return (
            f"{self.args[0]}: missing or damaged in the store; run again to make it anew ('bench "
            "check' finds all that is damaged at once)"
        )


class ExecutorError(BenchError):
    """Workers that cannot be had, or are gone."""


class TrainingError(BenchError):
    """A recipe or a training run that cannot go on."""


class BenchWarning(UserWarning):
    """Something to know about a run, in one line; the run goes on."""


class SizeWarning(BenchWarning):
    """An image of a size that the authors' program refuses; what was done instead is our rule."""


class ScaleWarning(BenchWarning):
    """Heatmaps none of which reaches half of their type's scale."""


class CopyWarning(BenchWarning):
    """A module that is installed and lies in the current folder as well, and is not the same."""


class BatchWarning(BenchWarning):
    """A batch that was too large for the memory; smaller ones are tried."""


class WorkerWarning(BenchWarning):
    """A worker that died; what it held is tried again."""


class BadOutput(Exception):  # noqa: N818 (it is no mistake of the user's, and no bug of ours)
    """A model answered nonsense, such as NaN: the sample fails and is counted."""


class KnownRegionChanged(BadOutput):
    """An image that was made elsewhere differs from the original outside the hole.

    Attributes:
        drift: largest and mean absolute difference over the known region, in grey levels.
    """

    def __init__(self, drift: tuple[float, float]) -> None:
        self.drift = drift
        super().__init__(
            f"its known pixels moved by up to {drift[0]:.0f} grey levels, {drift[1]:.4g} on "
            "average; --recomposite pastes the known region back"
        )


def first_line(error: ValueError) -> str:
    """What is wrong with a value from a file, in a line: of pydantic's errors the first, by name.

    Args:
        error: pydantic's `ValidationError`, or a plain one.
    """
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error).partition("\n")[0]
    found = errors(include_url=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    if found["type"] == "missing":
        return f"{place}: missing"
    said = f"{expectation(found)}, got {quoted(found['input'])}"
    return f"{place}: {said}" if place else said


def quoted(value: object) -> str:
    """A value of a file as an error quotes it: its first 80 characters, whatever it is."""
    if isinstance(value, int) and abs(value) >= 1 << 256:
        return "a number of more than 77 digits"  # which Python may refuse to write
    if isinstance(value, str):
        return repr(value[:80]) + ("..." if len(value) > 80 else "")
    if isinstance(value, (list, tuple, dict)):
        return f"{type(value).__name__} of {len(value)}" if value else repr(value)
    return f"{value!r:.80}"


EXPECTED: Mapping[str, str] = MappingProxyType(  # pydantic's kinds of error, in our words
    {
        "bool": "expected true or false",
        "dict": "expected names with values",
        "extra": "not known here",
        "finite": "expected a finite number",
        "float": "expected a number",
        "greater_than": "expected more than {gt}",
        "greater_than_equal": "expected {ge} or more",
        "int": "expected a whole number",
        "less_than": "expected less than {lt}",
        "less_than_equal": "expected {le} or less",
        "list": "expected a list",
        "literal": "expected {expected}",
        "missing": "is missing",
        "path": "expected a path",
        "string": "expected text",
        "string_pattern": "expected text of the form {pattern}",
        "too_long": "expected {max_length} at most",
        "too_short": "expected {min_length} at least",
        "tuple": "expected a list",
    }
)


def expectation(found: Mapping[str, Any]) -> str:
    """What was expected instead of a value, in a phrase.

    Args:
        found: one of the errors of pydantic's `ValidationError`.
    """
    kind, values = str(found["type"]), found.get("ctx", {})
    for name in (kind, kind.rpartition("_")[0], kind.partition("_")[0]):
        if name in EXPECTED:
            return EXPECTED[name].format(**values)
    return str(found["msg"]).replace("Input should be", "expected")
