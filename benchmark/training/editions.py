"""Train an edition of weights: all models with a recipe of its name, optionally in parallel."""

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

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import BadInput, BenchError, TrainingError, UnknownName, WeightsError
from benchmark.training.options import DEFAULT_OPTIONS, TrainOptions
from benchmark.training.recipe import LEARNERS, Recipe, recipes_of
from benchmark.training.run import Folders, chosen_recipe, train
from benchmark.training.shutdown import graceful_shutdown, terminate_children

EDITIONS = ("mini",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """The result of training one model of an edition.

    Attributes:
        model: its name.
        weights: the exported file, or None if the training was interrupted or failed.
        steps: optimization steps.
        seconds: time spent in steps; 0 if the file existed already.
        failure: the error message, or "".
        stopped: whether the training was interrupted before its last step.
    """

    model: str
    weights: Path | None
    steps: int = 0
    seconds: float = 0.0
    failure: str = ""
    stopped: bool = False

    @property
    def line(self) -> str:
        """The result in one line."""
        if self.weights is None:
            reason = self.failure or f"stopped after {self.steps} steps"
            return f"{self.model}: {reason}"
        spent = f"{self.seconds:.0f} s" if self.seconds else "was there"
        size = self.weights.stat().st_size / 1e6
        digest = sha256_of(self.weights)[:12]
        return (
            f"{self.model}: {self.steps} steps, {spent}; {self.weights} ({size:.1f} MB, {digest})"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """Settings for training all models of an edition.

    Attributes:
        name: one of `EDITIONS`, and the name of the recipes.
        data: images and masks.
        out: a folder, with a subfolder for each model.
        running: device, data workers, and output.
        smoke: tiny networks and two steps per stage.
    """

    name: str
    data: Folders
    out: Path
    running: TrainOptions = DEFAULT_OPTIONS
    smoke: bool = False

    def file(self, model: str) -> Path:
        """The path of a model's exported weights."""
        return self.out / model / f"{model}.safetensors"


def train_edition(
    edition: Edition, *, names: Sequence[str] = (), jobs: int = 1
) -> Iterator[Member]:
    """Train all models of an edition; inpainters before detectors, which use their forgeries.

    A model whose weights exist, from the same recipe, is not trained again; an interrupted training
    resumes. The inpainters of a detector's forgeries use the weights in `edition.out`, if any.

    Args:
        edition: settings.
        names: train only these models; all by default.
        jobs: number of models that are trained in parallel, a process each, on one device.

    Yields:
        The result of each model, as soon as it ends. No model is started after an interrupted one.

    Raises:
        UnknownName: if there is no such edition, or it has no such model.
        BadInput: if both several jobs and several devices are requested.
        DataError: if the images or masks cannot be used.
        TrainingError: as DataError, from a model that is trained in parallel with others.
        OutputError: if `out` cannot be written.
    """
    if edition.name not in EDITIONS:
        raise UnknownName("edition", edition.name, EDITIONS)
    if jobs < 1 or (jobs > 1 and len(edition.running.torch_devices) > 1):
        raise BadInput("--jobs counts from 1, and packs models on one device: name one only")
    for group in _dependency_order(edition.name, names):
        parallel = jobs > 1
        ended = (
            train_in_processes(_train_member, edition, group, jobs)
            if parallel
            else _one_by_one(edition, group)
        )
        stopped = False
        for member in ended:
            stopped |= member.stopped
            yield member
        if stopped:
            return


def _one_by_one(edition: Edition, names: Sequence[str]) -> Iterator[Member]:
    for name in names:
        member = _train_member(edition, name)
        yield member
        if member.stopped:
            return


def _dependency_order(edition: str, names: Sequence[str]) -> list[list[str]]:
    """The models trained on images alone, then those trained on forgeries by the former."""
    known = [name for name in LEARNERS if edition in recipes_of(name)]
    for name in names:
        if name not in known:
            raise UnknownName(f"model of the {edition} edition", name, known)
    chosen = [name for name in known if not names or name in names]
    learned = {name: bool(_forgers(chosen_recipe(name, edition))) for name in chosen}
    return [[name for name in chosen if learned[name] == last] for last in (False, True)]


def _forgers(recipe: Recipe) -> set[str]:
    """The inpainters with mini weights that generate a recipe's forgeries."""
    return {one.name for stage in recipe.stages for one in stage.forgers if one.weights == "mini"}


def _train_member(edition: Edition, name: str) -> Member:
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
    """Whether exported weights exist that were trained with the same recipe."""
    if not file.is_file():
        return False
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as content:
            metadata = json.loads((content.metadata() or {}).get("bench", "{}"))
    except (SafetensorError, ValueError):
        return False
    try:
        # Validated again, so that keys added since then take their defaults.
        earlier = Recipe.model_validate(metadata.get("recipe"))
    except ValidationError:
        return False
    return earlier.undescribed() == recipe.undescribed()


TrainFunction = Callable[["Edition", str], "Member"]


def train_in_processes(
    train: TrainFunction, edition: Edition, names: Sequence[str], jobs: int
) -> Iterator[Member]:
    """Train models in parallel, each in its own process.

    Args:
        train: a module-level function.
        edition: its argument.
        names: the models.
        jobs: number of processes at a time.

    Yields:
        The result of each model, in the order in which they end. After an interrupted one no other
        is started, and those not started yield nothing.

    Raises:
        TrainingError: if the data cannot be used.
        KeyboardInterrupt: if it is interrupted before anything could be saved.
    """
    workers = edition.running.workers or 0  # default none: the trainings share the cores
    running = replace(edition.running, bar=False, workers=workers)  # bars would overlap
    lines = replace(edition, running=running)
    with graceful_shutdown(terminate_children) as stop, ThreadPoolExecutor(jobs) as threads:
        waiting = [threads.submit(_run_process, train, lines, name, stop) for name in names]
        try:
            for done in as_completed(waiting):
                member = done.result()
                if member is not None:
                    yield member
        except BaseException:
            stop.set()
            terminate_children()
            raise
    if stop.is_set():
        raise KeyboardInterrupt


def _run_process(
    train: TrainFunction, edition: Edition, name: str, stop: threading.Event
) -> Member | None:
    """Train one model in a process; None if it was interrupted before it returned a result."""
    if stop.is_set():
        return None
    spawn = multiprocessing.get_context("spawn")
    messages = spawn.SimpleQueue()
    process = spawn.Process(target=_in_process, args=(train, edition, name, messages))
    process.start()
    process.join()
    if messages.empty():
        if stop.is_set():
            return None
        raise TrainingError(f"{name}: the training process exited with status {process.exitcode}")
    kind, content = messages.get()
    if kind == "error":
        raise TrainingError(content)
    member: Member = content
    return member


def _in_process(train: TrainFunction, edition: Edition, name: str, messages: Any) -> None:  # noqa: ANN401 (a queue)
    try:
        messages.put(("member", train(edition, name)))
    except BenchError as error:
        messages.put(("error", str(error)))
