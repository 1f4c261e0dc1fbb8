"""The checks of `bench verify`: one per reference case, and one per model with weights."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Literal

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.errors import BadInput, BadOutput, MissingWeights, UnknownName, WeightsError
from benchmark.verify.golden import cases, compare, find_references, model_of, play, reference_of
from benchmark.verify.models import MODELS
from benchmark.verify.stored import (
    SHIPPED,
    Key,
    StoredAnswer,
    answer_of,
    default_answers,
    deviations,
    key_of,
    read_answers,
    write_answers,
)
from benchmark.verify.tolerance import Deviation
from detectors import DETECTORS
from detectors.base import Detector
from inpainters import INPAINTERS
from inpainters.base import Inpainter

State = Literal["ok", "drifted", "skipped", "recorded"]
EDITIONS = ("official", "mini")
Answers = Mapping[Key, StoredAnswer]


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """The result of one check; the field names are the keys of `bench verify --json`.

    Attributes:
        model: its name.
        what: the subject: "reference output case1", or the weights, such as "mini weights".
        state: "ok"; "drifted"; "skipped" (nothing was compared); "recorded" (outputs were stored).
        said: the result in one line.
        point: the first point out of tolerance, else the one closest to its tolerance, or "".
        error: the largest difference there, or None.
        allowed: the tolerance there, or None.
        seconds: duration of the check.
    """

    model: str
    what: str
    state: State
    said: str
    point: str = ""
    error: float | None = None
    allowed: float | None = None
    seconds: float = 0.0

    @property
    def line(self) -> str:
        """The check in one line."""
        took = f" [{self.seconds:.1f} s]" if self.seconds else ""
        return f"{self.state:<8}  {self.model} {self.what}: {self.said}{took}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """The arguments of `bench verify`.

    Attributes:
        names: models; empty for all that have reference outputs or weights.
        goldens: the folder of reference outputs; None searches near the working directory and the
            checkout.
        weights: by model, "official", "mini" or a path, instead of all installed ones.
        answers: the file of recorded outputs; None for the user's file, then the shipped one.
    """

    names: tuple[str, ...] = ()
    goldens: Path | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    answers: Path | None = None

    @property
    def models(self) -> list[str]:
        """The models, in the order of the registries.

        Raises:
            UnknownName: if a name is unknown.
        """
        known = [*INPAINTERS.usable(), *DETECTORS.usable()]
        for name in (*self.names, *self.weights):
            if name not in known:
                raise UnknownName("model", name, known)
        wanted = set(self.names) or {name for name in known if not _card(name).weightless}
        unasked = [name for name in self.weights if name not in wanted]
        if unasked:
            raise BadInput(f"--weights: {unasked[0]} is not among the models to verify")
        return [name for name in known if name in wanted]


def run(request: Request, *, record: bool = False) -> Iterator[Check]:
    """Run the requested checks, or record outputs for later checks.

    Raises:
        BenchError: if the request, the reference outputs or the recorded outputs are invalid.
    """
    if record and request.goldens is not None:
        raise BadInput("--record cannot be combined with --goldens")
    return _record(request) if record else _verify(request)


def conclude(checks: Iterable[Check]) -> int:
    """The exit status: 1 if anything drifted, else 0.

    Raises:
        BadInput: if all checks were skipped.
    """
    states = {check.state for check in checks}
    if states <= {"skipped"}:
        raise BadInput(
            "nothing could be checked; give --goldens DIR, --weights MODEL=PATH, or both"
        )
    return 1 if "drifted" in states else 0


def _verify(request: Request) -> Iterator[Check]:
    """Compare with the reference outputs, and compare installed weights with recorded outputs.

    Args:
        request: the arguments.

    Yields:
        Each check as soon as it is done; skipped checks state the reason.

    Raises:
        BenchError: if the request, the reference outputs or the recorded outputs are invalid.
    """
    goldens, models = find_references(request.goldens), request.models
    own = request.answers or default_answers()
    recorded = read_answers(own)
    stored = {**read_answers(SHIPPED), **recorded}
    if request.answers is not None and not own.is_file():
        raise BadInput(f"--answers: {own}: no such file; 'bench verify --record' writes it")
    check = partial(_compare_weights, stored=stored, own=recorded)
    for name in models:
        if name in MODELS:
            yield from _reference_checks(name, goldens)
    for name in models:
        yield from _weights_checks(name, request.weights.get(name), check)


def _record(request: Request) -> Iterator[Check]:
    """Record the outputs of each model under the installed weights.

    Args:
        request: the models and the output file.

    Yields:
        One check per model and edition, as soon as its outputs are stored.

    Raises:
        BenchError: if the request or the file of recorded outputs is invalid.
    """
    file = request.answers or default_answers()
    models = request.models
    read_answers(file)  # an invalid file is refused before any model runs
    check = partial(_record_weights, file=file)
    for name in models:
        yield from _weights_checks(name, request.weights.get(name), check)


def _reference_checks(name: str, goldens: Path | None) -> Iterator[Check]:
    if goldens is None:
        said = "no folder of reference outputs here; give --goldens DIR"
        yield Check(model=name, what="goldens", state="skipped", said=said)
        return
    files = cases(goldens, name)
    if not files:
        yield Check(
            model=name, what="goldens", state="skipped", said=f"no reference outputs in {goldens}"
        )
    for file in files:
        what = f"reference output {file.stem}"
        with _timed(name, what) as timer:
            timer.check = _reference_check(goldens, name, file)
        yield timer.done


def _reference_check(goldens: Path, name: str, file: Path) -> Check:
    asked = play(goldens, name, file)
    found = list(compare(reference_of(name), asked))
    # Integers (an 8-bit image) are exact or off by one: they do not show how close a drift is.
    measured = [one for one in found if asked.expected[one.point].dtype.kind == "f"]
    return _result_of(name, f"reference output {file.stem}", found, measured)


def _weights_checks(
    name: str, wanted: str | None, check: Callable[[str, str], Check]
) -> Iterator[Check]:
    """A check for each installed edition of a model's weights, or a skipped one with the reason."""
    card = _card(name)
    if card.weightless:
        yield Check(model=name, what="weights", state="skipped", said="it has no weights")
        return
    editions = [wanted] if wanted else [one for one in EDITIONS if _is_installed(card, one)]
    if not editions:
        said = f"none installed; give --weights {name}=PATH, or see 'bench weights'"
        yield Check(model=name, what="weights", state="skipped", said=said)
    for edition in editions:
        with _timed(name, f"{edition} weights", given=bool(wanted)) as timer:
            timer.check = check(name, edition)
        yield timer.done


def _is_installed(card: Card, edition: str) -> bool:
    """Whether the edition is installed, even if its file is damaged."""
    try:
        find_weights(card, edition)
    except MissingWeights:
        return False
    except WeightsError:
        return True
    return True


def _compare_weights(name: str, edition: str, stored: Answers, own: Answers) -> Check:
    model = model_of(name, edition)
    what = f"{model.weights.edition} weights"
    before = stored.get(key_of(model))
    if before is None and (other := _recorded_with_other_weights(model, own)):
        said = f"other weights, sha256 {model.weights.sha256[:12]}, than those whose answer "
        said += f"was recorded, {other.sha256[:12]}"
        return Check(model=name, what=what, state="drifted", said=said)
    if before is None:
        said = f"no stored answer; 'bench verify --record {name}' stores it"
        return Check(model=name, what=what, state="skipped", said=said)
    found = list(deviations(model, before))
    return _result_of(name, what, found, found)


def _recorded_with_other_weights(model: Inpainter | Detector, own: Answers) -> StoredAnswer | None:
    """The user's record of this model under different weights of the same edition, if any.

    Weights given as a file may replace those of any edition.
    """
    edition = model.weights.edition
    return next(
        (
            one
            for one in own.values()
            if one.name == model.card.name
            and (one.edition == edition or edition.startswith("sha256:"))
            and one.sha256 != model.weights.sha256
        ),
        None,
    )


def _record_weights(name: str, edition: str, file: Path) -> Check:
    model = model_of(name, edition)
    write_answers(file, [answer_of(model)])
    what = f"{model.weights.edition} weights"
    return Check(model=name, what=what, state="recorded", said=f"in {file}")


def _result_of(name: str, what: str, found: list[Deviation], measured: list[Deviation]) -> Check:
    """A check that names the first point out of tolerance, else the closest to its tolerance."""
    moved = next((one for one in found if one.moved), None)
    shown = moved or max(measured, key=lambda one: one.share)
    off = f"{shown.error:.2g} off at {shown.point}, {shown.allowed:.2g} allowed"
    return Check(
        model=name,
        what=what,
        state="drifted" if moved else "ok",
        said=f"the first point that moved: {off}" if moved else f"at most {off}",
        point=shown.point,
        error=shown.error,
        allowed=shown.allowed,
    )


class _Timer:
    """Times a check while it runs."""

    def __init__(self) -> None:
        self.check: Check | None = None
        self._start = time.perf_counter()

    @property
    def done(self) -> Check:
        """The check, with its duration."""
        assert self.check is not None  # noqa: S101 (an internal error)
        return replace(self.check, seconds=round(time.perf_counter() - self._start, 2))


@contextmanager
def _timed(name: str, what: str, *, given: bool = False) -> Iterator[_Timer]:
    """Time a check; weights that do not load, and non-finite outputs, count as a drift.

    Args:
        name: the model.
        what: the subject of the check.
        given: the user chose the weights, so that a failure to load them is raised instead.
    """
    timer = _Timer()
    try:
        yield timer
    except (WeightsError, BadOutput) as error:
        if given and isinstance(error, WeightsError):
            raise
        timer.check = Check(model=name, what=what, state="drifted", said=str(error))


def _card(name: str) -> Card:
    return INPAINTERS.card(name) if name in INPAINTERS else DETECTORS.card(name)
