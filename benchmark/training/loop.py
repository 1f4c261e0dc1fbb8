"""The loop that every recipe uses: steps, checkpoints, resuming, the log and sample pictures.

A step depends on nothing but the state before it, the recipe's seed and its own number: data and
torch's random numbers are drawn anew from both. So a run that was stopped ends with the numbers of
one that was not.
"""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, ClassVar, Protocol

import torch
from PIL import Image
from pydantic import BaseModel
from torch import Tensor, nn

from benchmark.core.checkpoint import read_checkpoint
from benchmark.core.errors import TrainingError
from benchmark.core.paths import atomic
from benchmark.core.pixels import to_pixels
from benchmark.core.seeds import seed_of
from benchmark.training.data import Source
from benchmark.training.export import write_torch
from benchmark.training.log import Log, Progress
from benchmark.training.recipe import Optimiser, Recipe, Schedule, Turn, read_part

CHECKPOINT = "checkpoint.pt"
SMALL = 0.02  # what biases and norms, which start at 0 or 1, count as under relative rates
SHOWN = 6  # pictures on a sample sheet


class Learner(Protocol):
    """What the loop asks of a model that learns.

    Attributes:
        Losses: the recipe's `losses` table.
        tiny: replacements of the `network` and `losses` tables for a run of seconds.
        terms: names of all loss terms, of all phases; they are the log's columns.
        network: what is exported in the end.
        modules: all networks with a state, by name; `network` among them.
    """

    Losses: ClassVar[type[BaseModel]]
    tiny: ClassVar[dict[str, dict[str, Any]]]
    terms: ClassVar[tuple[str, ...]]
    network: nn.Module
    modules: dict[str, nn.Module]

    def __init__(self, network: dict[str, Any], losses: BaseModel, device: torch.device) -> None:
        """Build and initialise the networks from torch's random numbers."""

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Freeze what the phase does not train, and set training and evaluation modes.

        Called at the first step of a stage, which is `fresh`, and whenever networks may have been
        set otherwise since.
        """

    def learn(self, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted loss terms of one step; their sum is differentiated once."""

    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Pictures (N, 3, H, W) to look at, one list entry a column, in evaluation mode."""

    def config(self) -> dict[str, Any]:
        """The network's sizes, as its configuration names them."""

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The files of the authors' layout: what torch.save writes under each name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How far a run came.

    Attributes:
        steps: steps done, in this run and those it resumed.
        finished: whether that is all of the recipe's.
        seconds: time spent in steps, in this run and those it resumed.
    """

    steps: int
    finished: bool
    seconds: float


class Loop:
    """One training run in one folder.

    Args:
        recipe: what decides the run.
        learner: the model.
        source: its data.
        out: folder for checkpoint, log and sample pictures.
        device: where the batches go.

    Raises:
        TrainingError: if the folder's checkpoint is another recipe's.
    """

    def __init__(
        self, recipe: Recipe, learner: Learner, source: Source, *, out: Path, device: torch.device
    ) -> None:
        self.recipe, self.learner, self.source = recipe, learner, source
        self.out, self.device = out, device
        self.step, self.seconds, self._phase = 0, 0.0, ""
        self.optimiser = make_optimiser(recipe.optimiser, learner.modules)
        self.average = _copy(learner.network) if recipe.average else None
        if (out / CHECKPOINT).is_file():
            self._resume(out / CHECKPOINT)
        self.log = Log(out / "log.csv", learner.terms, step=self.step)

    def run(self) -> Outcome:
        """Train until the recipe's last step, or until SIGINT or SIGTERM asks to stop.

        Raises:
            TrainingError: if a loss turns NaN or infinite; the last checkpoint is kept.
            OutputError: if the folder cannot be written.
        """
        with _stoppable() as stop, Progress(self.recipe.model, self.recipe.steps) as progress:
            while self.step < self.recipe.steps and not stop.is_set():
                self._once(progress)
            self._save()
        finished = self.step == self.recipe.steps
        return Outcome(steps=self.step, finished=finished, seconds=self.seconds)

    def exported(self) -> nn.Module:
        """The network with its averaged weights, where the recipe averages them."""
        if self.average is not None:
            self.learner.network.load_state_dict(self.average)
        return self.learner.network

    def _once(self, progress: Progress) -> None:
        start = time.monotonic()
        losses = self._train_step(self.recipe.at(self.step))
        self.step += 1
        self.seconds += time.monotonic() - start
        last = self.step == self.recipe.steps
        if self.step % self.recipe.log_every == 0 or last:
            rate = self._rate(self.recipe.at(self.step - 1), self.step - 1)
            self.log.write(step=self.step, seconds=self.seconds, rate=rate, losses=losses)
            progress.show(step=self.step, seconds=self.seconds, losses=losses)
        if self.step % self.recipe.checkpoint_every == 0:
            self._save()
        if self.step % self.recipe.sample_every == 0 or last:
            self._sample()

    def _train_step(self, turn: Turn) -> dict[str, float]:
        images, masks = self.source.batch(self.step)
        torch.manual_seed(seed_of(self.recipe.seed, "step", self.step))
        if self._phase != turn.stage.phase or turn.number == 0:
            self.learner.begin(turn.stage.phase, fresh=turn.number == 0)
            self._phase = turn.stage.phase
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate(turn, self.step) * group.get("scale", 1.0)
        self.optimiser.zero_grad()
        terms = self.learner.learn(images.to(self.device), masks.to(self.device))
        losses = {name: float(term.detach()) for name, term in terms.items()}
        self._refuse_nonsense(losses)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        if self.recipe.optimiser.clip:
            parameters = [p for group in self.optimiser.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, self.recipe.optimiser.clip)
        self.optimiser.step()
        self._follow()
        return losses

    def _rate(self, turn: Turn, step: int) -> float:
        done, steps = step, self.recipe.steps
        if self.recipe.schedule.over == "stage":
            done, steps = turn.number, turn.stage.steps
        factor = rate_factor(self.recipe.schedule, done / steps, done)
        return self.recipe.optimiser.rate * turn.stage.rate * factor

    def _refuse_nonsense(self, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            if not math.isfinite(value):
                kept = f"; the checkpoint in {self.out} is the last good one" if self.step else ""
                raise TrainingError(
                    f"{self.recipe.model}: the {name} loss turned {value} at step {self.step + 1}"
                    f"{kept}; lower the learning rate"
                )

    def _follow(self) -> None:
        """Move the average towards the weights; while it is young, faster."""
        if self.average is None:
            return
        keep = min(self.recipe.average, (1 + self.step) / (10 + self.step))
        for name, value in self.learner.network.state_dict().items():
            if value.is_floating_point():
                self.average[name].lerp_(value, 1 - keep)
            else:
                self.average[name].copy_(value)

    def _save(self) -> None:
        content = {
            "model": self.recipe.model,
            "recipe": self.recipe.text(),
            "step": self.step,
            "seconds": self.seconds,
            "modules": {name: net.state_dict() for name, net in self.learner.modules.items()},
            "optimiser": self.optimiser.state_dict(),
            "average": self.average,
        }
        write_torch(content, self.out / CHECKPOINT)

    def _resume(self, path: Path) -> None:
        content = read_checkpoint(path)
        if content.get("model") != self.recipe.model:
            raise TrainingError(
                f"{path}: a checkpoint of {content.get('model')}, not of {self.recipe.model}; "
                "choose another --out"
            )
        # Read anew, so that a key which came later, with a default, does not end an older run.
        made_by = read_part(Recipe, json.loads(content["recipe"]), str(path))
        if made_by.model_copy(update={"about": self.recipe.about}) != self.recipe:
            raise TrainingError(f"{path}: made by another recipe; choose another --out")
        for name, network in self.learner.modules.items():
            network.load_state_dict(content["modules"][name])
        self.optimiser.load_state_dict(content["optimiser"])
        self.step, self.seconds = content["step"], content["seconds"]
        self.average = content["average"]

    def _sample(self) -> None:
        images, masks = self.source.held_out(self.step - 1, SHOWN)
        columns = self.learner.show(images.to(self.device), masks.to(self.device))
        rows = [
            torch.cat([column[i].cpu() for column in columns], dim=2) for i in range(len(images))
        ]
        sheet = to_pixels(torch.cat(rows, dim=1).clamp(0, 1)[None])[0]
        with atomic(self.out / f"sample-{self.step:07d}.png") as draft:
            Image.fromarray(sheet).save(draft, format="PNG")
        self._phase = ""  # `show` left the networks in evaluation mode


def make_optimiser(chosen: Optimiser, modules: dict[str, nn.Module]) -> torch.optim.Optimizer:
    """One optimiser over all parameters; decay acts on those with two or more axes only."""
    parameters = [p for network in modules.values() for p in network.parameters()]
    groups = _scaled(parameters, chosen) if chosen.relative else _plain(parameters, chosen)
    if chosen.kind == "sgd":
        return torch.optim.SGD(groups, lr=chosen.rate, momentum=chosen.momentum)
    if chosen.kind == "adamw":
        return torch.optim.AdamW(groups, lr=chosen.rate, betas=chosen.betas)
    return torch.optim.Adam(groups, lr=chosen.rate, betas=chosen.betas)


def _plain(parameters: list[nn.Parameter], chosen: Optimiser) -> list[dict[str, Any]]:
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": chosen.decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return [group for group in groups if group["params"]]


def _scaled(parameters: list[nn.Parameter], chosen: Optimiser) -> list[dict[str, Any]]:
    """A group for each tensor, with the factor on its rate."""
    return [
        {
            "params": [p],
            "weight_decay": chosen.decay if p.ndim >= 2 else 0.0,
            "scale": float(p.detach().square().mean().sqrt()) if p.ndim >= 2 else SMALL,
        }
        for p in parameters
    ]


def rate_factor(schedule: Schedule, done: float, step: int) -> float:
    """Factor on the learning rate.

    Args:
        schedule: warm-up and kind.
        done: share of the steps that are done, in [0, 1).
        step: steps done, for the warm-up.

    Returns:
        A factor in (0, 1].
    """
    warm = min(1.0, (step + 1) / (schedule.warmup + 1))
    if schedule.kind == "cosine":
        return warm * 0.5 * (1 + math.cos(math.pi * done))
    if schedule.kind == "polynomial":
        return warm * float((1 - done) ** schedule.power)
    return warm


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@contextmanager
def _stoppable() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, so that a step ends and is saved; main thread only."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def ask(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    kept = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in kept.items():
            signal.signal(number, handler)
