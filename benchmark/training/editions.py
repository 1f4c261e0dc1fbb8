"""Train an edition of weights: every model with a recipe of its name, one or several at a time."""

from __future__ import annotations

import json
import multiprocessing
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from benchmark.core.checkpoints.resolve import sha256_of
from benchmark.core.errors import BadInput, BenchError, TrainingError, UnknownName, WeightsError
from benchmark.training.options import PLAIN, TrainOptions
from benchmark.training.recipe import LEARNERS, Recipe, recipes_of
from benchmark.training.run import Folders, chosen_recipe, train
from benchmark.training.shutdown import end_processes, stoppable

EDITIONS = ("mini",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What became of one model of an edition.

    Attributes:
        model: its name.
        weights: the exported file, or None where it was stopped or failed.
        steps: optimisation steps behind the file.
        seconds: time spent in steps; 0 where the file was there already.
        failure: why there is no file, or "".
        stopped: whether Ctrl-C ended the training before its last step.
    """

    model: str
    weights: Path | None
    steps: int = 0
    seconds: float = 0.0
    failure: str = ""
    stopped: bool = False

    @property
    def line(self) -> str:
        """What there is to say, in one line."""
        if self.weights is None:
            said = self.failure or f"stopped after {self.steps} steps"
            return f"{self.model}: {said}"
        spent = f"{self.seconds:.0f} s" if self.seconds else "was there"
        size = self.weights.stat().st_size / 1e6
        digest = sha256_of(self.weights)[:12]
        return (
            f"{self.model}: {self.steps} steps, {spent}; {self.weights} ({size:.1f} MB, {digest})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What every model of an edition is trained with.

    Attributes:
        name: a name of `EDITIONS`, which is that of the recipes.
        data: images and masks.
        out: a folder; each model has one of its name there.
        running: device, data workers, and what is told.
        smoke: tiny networks and two steps a stage.
    """

    name: str
    data: Folders
    out: Path
    running: TrainOptions = PLAIN
    smoke: bool = False

    def file(self, model: str) -> Path:
        """Where a model's weights are, or will be."""
        return self.out / model / f"{model}.safetensors"


def train_edition(
    edition: Edition, *, names: Sequence[str] = (), jobs: int = 1
) -> Iterator[Member]:
    """Train every model of an edition; those that others learn from come first.

    A model whose file is there, made by the same recipe, is not trained again, and a stopped one
    goes on. A detector's forgers take the weights that were trained here, where there are any.

    Args:
        edition: which, and with what.
        names: these models only; all by default.
        jobs: how many are trained side by side, a process each, on the one device.

    Yields:
        A model at a time, when it has ended. After a stopped one no other is begun.

    Raises:
        UnknownName: if there is no such edition, or a name is no model of it.
        BadInput: if several models should share several devices.
        DataError: if the images or masks cannot be used.
        TrainingError: the same, of a model that is trained beside others.
        OutputError: if `out` cannot be written.
    """
    if edition.name not in EDITIONS:
        raise UnknownName("edition", edition.name, EDITIONS)
    if jobs < 1 or (jobs > 1 and len(edition.running.places) > 1):
        raise BadInput("--jobs counts from 1, and packs models on one device: name one only")
    for wave in _waves(edition.name, names):
        packed = jobs > 1
        ended = side_by_side(_member, edition, wave, jobs) if packed else _in_turn(edition, wave)
        stopped = False
        for member in ended:
            stopped |= member.stopped
            yield member
        if stopped:
            return


def _in_turn(edition: Edition, names: Sequence[str]) -> Iterator[Member]:
    for name in names:
        member = _member(edition, name)
        yield member
        if member.stopped:
            return


def _waves(edition: str, names: Sequence[str]) -> list[list[str]]:
    """Models with such a recipe: those that learn from images alone, then from forgeries."""
    known = [name for name in LEARNERS if edition in recipes_of(name)]
    for name in names:
        if name not in known:
            raise UnknownName(f"model of the {edition} edition", name, known)
    chosen = [name for name in known if not names or name in names]
    learned = {name: bool(_forgers(chosen_recipe(name, edition))) for name in chosen}
    return [[name for name in chosen if learned[name] == last] for last in (False, True)]


def _forgers(recipe: Recipe) -> set[str]:
    """Inpainters with weights that the recipe's forgeries are made by."""
    return {one.name for stage in recipe.stages for one in stage.forgers if one.weights == "mini"}


def _member(edition: Edition, name: str) -> Member:
    recipe = chosen_recipe(name, edition.name, smoke=edition.smoke)
    file = edition.file(name)
    if made_by(file, recipe):
        return Member(model=name, weights=file, steps=recipe.steps)
    own = {one: edition.file(one) for one in _forgers(recipe)}
    try:
        done = train(
            name,
            recipe=recipe,
            data=edition.data,
            out=edition.out / name,
            running=edition.running,
            forgers={one: path for one, path in own.items() if path.is_file()},
        )
    except (TrainingError, WeightsError) as error:
        return Member(model=name, weights=None, failure=str(error))
    return Member(
        model=name,
        weights=done.weights,
        steps=done.steps,
        seconds=done.seconds,
        stopped=not done.finished,
    )


def made_by(file: Path, recipe: Recipe) -> bool:
    """Whether a finished file is there that the same recipe made."""
    if not file.is_file():
        return False
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as content:
            noted = json.loads((content.metadata() or {}).get("bench", "{}"))
    except (SafetensorError, ValueError):
        return False
    try:
        # Read anew, so that a key which came later, with a default, makes no difference.
        earlier = Recipe.model_validate(noted.get("recipe"))
    except ValidationError:
        return False
    return earlier.model_copy(update={"about": recipe.about}) == recipe


Train = Callable[["Edition", str], "Member"]


def side_by_side(
    train: Train, edition: Edition, names: Sequence[str], jobs: int
) -> Iterator[Member]:
    """Train models, each in a process of its own, so many at a time.

    Args:
        train: a function of a module.
        edition: what it gets.
        names: the models.
        jobs: processes at a time.

    Yields:
        What became of a model, in the order in which they end. Once one was stopped, no other is
        begun, and those that were not begun are left out.

    Raises:
        TrainingError: if the data cannot be used.
        KeyboardInterrupt: if it was stopped before anything could be saved.
    """
    workers = edition.running.workers or 0  # by default none: the trainings share the cores
    running = replace(edition.running, bar=False, workers=workers)  # bars would overlap
    lines = replace(edition, running=running)
    with stoppable(end_processes) as stop, ThreadPoolExecutor(jobs) as threads:
        waiting = [threads.submit(_one, train, lines, name, stop) for name in names]
        try:
            for done in as_completed(waiting):
                member = done.result()
                if member is not None:
                    yield member
        except BaseException:
            stop.set()
            end_processes()
            raise
    if stop.is_set():
        raise KeyboardInterrupt


def _one(train: Train, edition: Edition, name: str, stop: threading.Event) -> Member | None:
    """Train one in a process; None where it was stopped before it could say anything."""
    if stop.is_set():
        return None
    spawn = multiprocessing.get_context("spawn")
    told = spawn.SimpleQueue()
    process = spawn.Process(target=_in_process, args=(train, edition, name, told))
    process.start()
    process.join()
    if told.empty():
        if stop.is_set():
            return None
        raise TrainingError(f"{name}: its process ended with status {process.exitcode}")
    kind, answer = told.get()
    if kind == "error":
        raise TrainingError(answer)
    member: Member = answer
    return member


def _in_process(train: Train, edition: Edition, name: str, told: Any) -> None:  # noqa: ANN401 (a queue)
    try:
        told.put(("member", train(edition, name)))
    except BenchError as error:
        told.put(("error", str(error)))
