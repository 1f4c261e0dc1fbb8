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

import torch
from PIL import Image
from torch import Tensor, nn

from benchmark.core.checkpoint import read_checkpoint
from benchmark.core.errors import TrainingError
from benchmark.core.paths import atomic
from benchmark.core.pixels import to_pixels
from benchmark.core.seeds import seed_of
from benchmark.training.data import Source
from benchmark.training.export import write_torch
from benchmark.training.learner import Learner
from benchmark.training.log import Log, Progress
from benchmark.training.optimisers import make_optimisers
from benchmark.training.recipe import Recipe, Schedule, Turn, read_part

CHECKPOINT = "checkpoint.pt"
SHOWN = 6  # pictures on a sample sheet


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
        TrainingError: if the folder's checkpoint is another recipe's, or the recipe asks for what
            the model or the device has not.
    """

    def __init__(
        self, recipe: Recipe, learner: Learner, source: Source, *, out: Path, device: torch.device
    ) -> None:
        self.recipe, self.learner, self.source = recipe, learner, source
        self.out, self.device = out, device
        self.step, self.seconds, self._phase = 0, 0.0, ""
        _check_precision(recipe, device)
        self.optimisers = make_optimisers(recipe, learner.players, learner.modules)
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
            first = next(iter(self.learner.players))
            rate = self._rate(first, self.recipe.at(self.step - 1), self.step - 1)
            self.log.write(step=self.step, seconds=self.seconds, rate=rate, losses=losses)
            progress.show(step=self.step, seconds=self.seconds, losses=losses)
        if self.step % self.recipe.checkpoint_every == 0:
            self._save()
        if self.step % self.recipe.sample_every == 0 or last:
            self._sample()

    def _train_step(self, turn: Turn) -> dict[str, float]:
        images, masks = (part.to(self.device) for part in self.source.batch(self.step))
        torch.manual_seed(seed_of(self.recipe.seed, "step", self.step))
        if self._phase != turn.stage.phase or turn.number == 0:
            self.learner.begin(turn.stage.phase, fresh=turn.number == 0)
            self._phase = turn.stage.phase
        cut = self.recipe.accumulate
        parts = list(zip(images.chunk(cut), masks.chunk(cut), strict=True))
        losses: dict[str, float] = {}
        for player in self.learner.players:
            losses |= self._move(player, turn, parts)
        self._follow()
        return losses

    def _move(
        self, player: str, turn: Turn, parts: list[tuple[Tensor, Tensor]]
    ) -> dict[str, float]:
        """One player's turn: its terms, its gradients and its optimiser's step."""
        optimiser, losses = self.optimisers[player], dict[str, float]()
        rate = self._rate(player, turn, self.step)
        for group in optimiser.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        optimiser.zero_grad()
        with self._others_frozen(player):
            for images, masks in parts:
                with torch.autocast(
                    "cuda", torch.bfloat16, enabled=self.recipe.precision == "bf16"
                ):
                    terms = self.learner.learn(player, images, masks)
                if not terms:
                    return {}
                found = {name: float(term.detach()) for name, term in terms.items()}
                self._refuse_nonsense(found)
                total = torch.stack(list(terms.values())).sum() / len(parts)
                total.backward()  # type: ignore[no-untyped-call]
                for name, value in found.items():
                    losses[name] = losses.get(name, 0.0) + value / len(parts)
        clip = self.recipe.optimiser_of(player).clip
        if clip:
            parameters = [p for group in optimiser.param_groups for p in group["params"]]
            nn.utils.clip_grad_norm_(parameters, clip)
        optimiser.step()
        return losses

    @contextmanager
    def _others_frozen(self, player: str) -> Iterator[None]:
        """While a player has its turn, gradients pass through the others' networks only."""
        own = self.learner.players[player]
        others = [
            parameter
            for name, network in self.learner.modules.items()
            if name not in own
            for parameter in network.parameters()
            if parameter.requires_grad
        ]
        for parameter in others:
            parameter.requires_grad_(False)
        try:
            yield
        finally:
            for parameter in others:
                parameter.requires_grad_(True)

    def _rate(self, player: str, turn: Turn, step: int) -> float:
        done, steps = step, self.recipe.steps
        if self.recipe.schedule.over == "stage":
            done, steps = turn.number, turn.stage.steps
        factor = rate_factor(self.recipe.schedule, done / steps, done)
        return self.recipe.optimiser_of(player).rate * turn.stage.rate * factor

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
            "optimisers": {name: one.state_dict() for name, one in self.optimisers.items()},
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
        if "optimisers" not in content:
            raise TrainingError(f"{path}: made by an earlier version; choose another --out")
        for name, network in self.learner.modules.items():
            network.load_state_dict(content["modules"][name])
        for player, optimiser in self.optimisers.items():
            optimiser.load_state_dict(content["optimisers"][player])
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


def _check_precision(recipe: Recipe, device: torch.device) -> None:
    if recipe.precision != "exact" and device.type != "cuda":
        raise TrainingError(
            f"recipe of {recipe.model}: precision {recipe.precision!r} takes a CUDA device, not "
            f'{device.type}; set precision = "exact" or choose another --device'
        )


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
