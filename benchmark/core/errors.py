"""Errors and warnings.

BenchError                  an error the user can fix: one line, exit status 2
├── BadInput                an argument or tensor of an unexpected shape, type or range
├── UnknownName             no model, metric or data set of that name
├── RetiredName             a model that was removed from this version
├── ExternalError           an external model, metric or data set that cannot be used
├── DataError               an image, mask or folder that cannot be used
│   └── FileChanged         a file that changed during a run
├── PlanError               a plan that is inconsistent or has an unknown key
├── WeightsError            a checkpoint that is missing, damaged, refused or of another model
│   ├── MissingWeights      a model without installed weights
│   └── Unreachable         a URL that cannot be downloaded
├── OutputError             a folder or disk that cannot be written
│   ├── DamagedOutput       a missing or damaged file of the store
│   └── DamagedStore        a store whose database is unreadable; 'bench check' recovers it
├── ExecutorError           workers that cannot be started or were lost
└── TrainingError           a recipe or training run that cannot continue
BenchWarning                a warning about a run, in one line
├── SizeWarning             an image of a size that the authors' program refuses
├── ScaleWarning            heatmaps that may be on another scale
├── CopyWarning             a module that exists twice, and which copy is used
├── VersionWarning          an optional library of another version than the tested one
├── PromptWarning           a prompt of which a pipeline reads only the beginning
├── BatchWarning            a batch that did not fit into memory
├── EngineNotice            what was done to run a network by an engine
└── WorkerWarning           a worker that died, and what happens to its work
BadOutput                   invalid model output (NaN): the sample fails and is counted
└── KnownRegionChanged      a finished image whose known pixels differ from the input image

Any other exception is a bug and keeps its traceback.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any


class BenchError(Exception):
    """An error the user can fix; the message says in one line what, where, and what to do."""


class BadInput(BenchError, ValueError):  # noqa: N818 (the field reads it as a phrase)
    """An argument or tensor of an unexpected shape, type or range."""


class UnknownName(BenchError, KeyError):  # noqa: N818 (as above)
    """An unknown name; the message suggests the nearest known one."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        names = sorted(known)
        self.message = (
            f"no {kind} named {name!r}.{did_you_mean(name, names)} Known: {', '.join(names)}."
        )
        super().__init__(self.message)

    def __str__(self) -> str:  # KeyError would show the message's repr
        return self.message


class RetiredName(BenchError):  # noqa: N818 (the field reads it as a phrase)
    """A model that was removed; the message names the last commit that has it."""


class ExternalError(BenchError):
    """An external model, metric or data set that cannot be used."""


class DataError(BenchError):
    """An image, mask or folder that cannot be used."""


class FileChanged(DataError):  # noqa: N818 (the field reads it as a phrase)
    """A file that changed after it was hashed, so that its content no longer matches the key."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{path}: changed while the run was going on; run again")


class PlanError(BenchError):
    """A plan that is inconsistent or has an unknown key."""


class WeightsError(BenchError):
    """A checkpoint that is missing, damaged, refused or of another model."""


class MissingWeights(WeightsError):  # noqa: N818 (as above)
    """A model without installed weights; the message says how to get them."""


class Unreachable(WeightsError):  # noqa: N818 (as above)
    """A URL that cannot be reached, or a download that was interrupted."""


class OutputError(BenchError):
    """A folder or disk that cannot be written."""


class DamagedStore(OutputError):  # noqa: N818 (the field reads it as a phrase)
    """A store whose database is damaged; `bench check` recovers what it can."""


class DamagedOutput(OutputError):  # noqa: N818 (as above)
    """A missing or damaged file of the store; `key` is its output's key."""

    def __init__(self, path: str, key: str) -> None:
        self.key = key
        super().__init__(path, key)

    def __str__(self) -> str:
        return (
            f"{self.args[0]}: missing or damaged in the store; run again to regenerate it ('bench "
            "check' finds all damaged files at once)"
        )


class ExecutorError(BenchError):
    """Workers that cannot be started or were lost."""


class TrainingError(BenchError):
    """A recipe or training run that cannot continue."""


class BenchWarning(UserWarning):
    """A warning about a run, in one line; the run continues."""


class SizeWarning(BenchWarning):
    """An image of a size that the authors' program refuses; this project's own rule applies."""


class ScaleWarning(BenchWarning):
    """Heatmaps of which none reaches half of the range of its data type."""


class CopyWarning(BenchWarning):
    """An installed module of which the current folder has a different copy."""


class VersionWarning(BenchWarning):
    """An optional library of another version than the one tested with this project."""


class PromptWarning(BenchWarning):
    """A prompt that is longer than a pipeline's text encoders read."""


class BatchWarning(BenchWarning):
    """A batch that did not fit into memory; it is retried in smaller batches."""


class EngineNotice(BenchWarning):
    """What was done to run a network by an engine: no cause for concern, printed as it is."""


class WorkerWarning(BenchWarning):
    """A worker that died; its tasks are retried."""


class BadOutput(Exception):  # noqa: N818 (neither a user's error nor a bug)
    """Invalid model output, such as NaN: the sample fails and is counted."""


class KnownRegionChanged(BadOutput):
    """An externally inpainted image differs from the input image outside the hole.

    Attributes:
        drift: largest and mean absolute difference over the known region, in 8-bit levels.
    """

    def __init__(self, drift: tuple[float, float]) -> None:
        self.drift = drift
        super().__init__(
            f"its known pixels differ by up to {drift[0]:.0f} gray levels, {drift[1]:.4g} on "
            "average; --recomposite restores the known region, --composite none keeps the image"
        )


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean 'NAME'?" with the nearest known name, or "" if none is near."""
    close = get_close_matches(name.lower(), sorted(known), n=1)
    return f" Did you mean {close[0]!r}?" if close else ""


def first_line(error: ValueError) -> str:
    """Describe the first validation error of a file's values in one line, with its field.

    Args:
        error: pydantic's `ValidationError`, or a plain `ValueError`.
    """
    errors = getattr(error, "errors", None)
    if errors is None:
        return str(error).partition("\n")[0]
    found = errors(include_url=False)[0]
    place = ".".join(str(part) for part in found["loc"])
    if found["type"] == "missing":
        return f"{place}: missing"
    message = f"{expectation(found)}, got {quoted(found['input'])}"
    return f"{place}: {message}" if place else message


def quoted(value: object) -> str:
    """Return a file's value as error messages quote it: at most 80 characters of any type."""
    if isinstance(value, int) and abs(value) >= 1 << 256:
        return "a number of more than 77 digits"  # Python may refuse to convert it
    if isinstance(value, str):
        return repr(value[:80]) + ("..." if len(value) > 80 else "")
    if isinstance(value, (list, tuple, dict)):
        return f"{type(value).__name__} of {len(value)}" if value else repr(value)
    return f"{value!r:.80}"


EXPECTED: Mapping[str, str] = MappingProxyType(  # messages by pydantic's error type
    {
        "bool": "expected true or false",
        "dict": "expected names with values",
        "extra": "unknown key",
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
    """Describe the expected value.

    Args:
        found: an error of pydantic's `ValidationError.errors()`.
    """
    kind, values = str(found["type"]), found.get("ctx", {})
    for name in (kind, kind.rpartition("_")[0], kind.partition("_")[0]):
        if name in EXPECTED:
            return EXPECTED[name].format(**values)
    return str(found["msg"]).replace("Input should be", "expected")


# Earlier names, for plugins.
BadAnswer = BadOutput
BroughtError = ExternalError
DamagedAnswer = DamagedOutput
KnownMoved = KnownRegionChanged
