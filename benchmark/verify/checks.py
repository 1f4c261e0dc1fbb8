"""All that `bench verify` checks: one check per reference output case and per model with
weights.
"""

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
    """One thing that was checked, or could not be.

    Attributes:
        model: its name.
        what: "reference output case1", or the edition of the weights, such as "mini weights".
        state: "ok"; "drifted"; "skipped", nothing was compared; "recorded", the answer was stored.
        said: what came of it, in a line.
        point: the first point that moved, else the one nearest to its tolerance, or "".
        error: the largest difference there, or None.
        allowed: what is allowed there, or None.
        seconds: how long it took.
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
        """The check in a line."""
        took = f" [{self.seconds:.1f} s]" if self.seconds else ""
        return f"{self.state:<8}  {self.model} {self.what}: {self.said}{took}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to verify.

    Attributes:
        names: models; none for all that have reference outputs or weights.
        goldens: the folder of reference outputs, or None for the one beside here or the checkout.
        weights: by model, "official", "mini" or a path, in place of all that are here.
        answers: the file of stored answers; None for the user's own, then the shipped one.
    """

    names: tuple[str, ...] = ()
    goldens: Path | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    answers: Path | None = None

    @property
    def models(self) -> list[str]:
        """The models, in the order of the registries.

        Raises:
            UnknownName: if one is no model.
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
    """Verify what is requested, or record what will be verified.

    Raises:
        BenchError: if the request, the reference outputs or the file of answers cannot be used.
    """
    if record and request.goldens is not None:
        raise BadInput(
            "--record stores answers and plays no reference outputs; leave --goldens out"
        )
    return _record(request) if record else _verify(request)


def conclude(checks: Iterable[Check]) -> int:
    """The exit status that some checks come to: 1 if anything drifted, else 0.

    Raises:
        BadInput: if all were skipped, so that nothing was checked.
    """
    states = {check.state for check in checks}
    if states <= {"skipped"}:
        raise BadInput(
            "nothing could be checked; give --goldens DIR, --weights MODEL=PATH, or both"
        )
    return 1 if "drifted" in states else 0


def _verify(request: Request) -> Iterator[Check]:
    """Play the reference outputs, and compare answers under the weights that are here with stored
    ones.

    Args:
        request: what to verify.

    Yields:
        Each check as soon as it is made; those that could not be made are skipped and say why.

    Raises:
        BenchError: if the request, the reference outputs or the file of answers cannot be used.
    """
    goldens, models = find_references(request.goldens), request.models
    own = request.answers or default_answers()
    recorded = read_answers(own)
    stored = {**read_answers(SHIPPED), **recorded}
    if request.answers is not None and not own.is_file():
        raise BadInput(f"--answers: {own}: no such file; 'bench verify --record' writes it")
    check = partial(_compared, stored=stored, own=recorded)
    for name in models:
        if name in MODELS:
            yield from _golden_checks(name, goldens)
    for name in models:
        yield from _weights_checks(name, request.weights.get(name), check)


def _record(request: Request) -> Iterator[Check]:
    """Store what each model answers under the weights that are here.

    Args:
        request: for whom, and in which file.

    Yields:
        One check per model and edition, as soon as its answer is stored.

    Raises:
        BenchError: if the request or the file of answers cannot be used.
    """
    file = request.answers or default_answers()
    models = request.models
    read_answers(file)  # refused before anything is asked
    check = partial(_recorded, file=file)
    for name in models:
        yield from _weights_checks(name, request.weights.get(name), check)


def _golden_checks(name: str, goldens: Path | None) -> Iterator[Check]:
    if goldens is None:
        said = "no folder of reference outputs here; give --goldens DIR"
        yield Check(model=name, what="goldens", state="skipped", said=said)
        return
    files = cases(goldens, name)
    if not files:
        yield Check(model=name, what="goldens", state="skipped", said=f"none of it in {goldens}")
    for file in files:
        what = f"reference output {file.stem}"
        with _watched(name, what) as watch:
            watch.check = _played(goldens, name, file)
        yield watch.done


def _played(goldens: Path, name: str, file: Path) -> Check:
    asked = play(goldens, name, file)
    found = list(compare(reference_of(name), asked))
    # Whole numbers (a written image) are right or one off: no measure of how near a drift is.
    measured = [one for one in found if asked.expected[one.point].dtype.kind == "f"]
    return _judged(name, f"reference output {file.stem}", found, measured)


def _weights_checks(
    name: str, wanted: str | None, check: Callable[[str, str], Check]
) -> Iterator[Check]:
    """Make a check for each edition of a model's weights that is here, or say why there is none."""
    card = _card(name)
    if card.weightless:
        yield Check(model=name, what="weights", state="skipped", said="it needs none")
        return
    editions = [wanted] if wanted else [one for one in EDITIONS if _is_here(card, one)]
    if not editions:
        said = f"none here; give --weights {name}=PATH, or see 'bench weights'"
        yield Check(model=name, what="weights", state="skipped", said=said)
    for edition in editions:
        with _watched(name, f"{edition} weights", given=bool(wanted)) as watch:
            watch.check = check(name, edition)
        yield watch.done


def _is_here(card: Card, edition: str) -> bool:
    """Whether there is such an edition; one that was altered is."""
    try:
        find_weights(card, edition)
    except MissingWeights:
        return False
    except WeightsError:
        return True
    return True


def _compared(name: str, edition: str, stored: Answers, own: Answers) -> Check:
    model = model_of(name, edition)
    what = f"{model.weights.edition} weights"
    before = stored.get(key_of(model))
    if before is None and (other := _of_others(model, own)):
        said = f"other weights, sha256 {model.weights.sha256[:12]}, than those whose answer "
        said += f"was recorded, {other.sha256[:12]}"
        return Check(model=name, what=what, state="drifted", said=said)
    if before is None:
        said = f"no stored answer; 'bench verify --record {name}' stores it"
        return Check(model=name, what=what, state="skipped", said=said)
    found = list(deviations(model, before))
    return _judged(name, what, found, found)


def _of_others(model: Inpainter | Detector, own: Answers) -> StoredAnswer | None:
    """What the user recorded of this model under other weights in the place of these, if anything.

    A file of the user's own stands in the place of any.
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


def _recorded(name: str, edition: str, file: Path) -> Check:
    model = model_of(name, edition)
    write_answers(file, [answer_of(model)])
    what = f"{model.weights.edition} weights"
    return Check(model=name, what=what, state="recorded", said=f"in {file}")


def _judged(name: str, what: str, found: list[Deviation], measured: list[Deviation]) -> Check:
    """Drifted at the first point that moved, or well; then the point nearest to moving is named."""
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


class _Watch:
    """A check in the making: how long it takes, and what stopped it."""

    def __init__(self) -> None:
        self.check: Check | None = None
        self._start = time.perf_counter()

    @property
    def done(self) -> Check:
        """The check, with its time."""
        assert self.check is not None  # noqa: S101 (a bug of ours)
        return replace(self.check, seconds=round(time.perf_counter() - self._start, 2))


@contextmanager
def _watched(name: str, what: str, *, given: bool = False) -> Iterator[_Watch]:
    """Time a check; weights that no longer load, or an answer that is none, are a drift.

    Args:
        name: the model.
        what: what is checked.
        given: the weights are the user's own: that they do not load is the user's mistake.
    """
    watch = _Watch()
    try:
        yield watch
    except (WeightsError, BadOutput) as error:
        if given and isinstance(error, WeightsError):
            raise
        watch.check = Check(model=name, what=what, state="drifted", said=str(error))


def _card(name: str) -> Card:
    return INPAINTERS.card(name) if name in INPAINTERS else DETECTORS.card(name)
