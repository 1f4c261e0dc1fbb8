"""The loop that every recipe uses: steps, checkpoints, resuming, and what is told of them.

A step depends on nothing but the state before it, the recipe's seed and its own number: data and
torch's random numbers are drawn anew from both. So a run that was stopped ends with the numbers of
one that was not. Several processes share a batch as `accumulate` cuts one: each term is the mean of
its parts, but for what a network or loss takes over a whole batch (batch norm, a mean hole share).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmark.core.errors import TrainingError
from benchmark.core.seeds import seed_of
from benchmark.training.checkpoint import CHECKPOINT, State, resume, save
from benchmark.training.data.batches import Source
from benchmark.training.data.loader import feed
from benchmark.training.distributed import ALONE, ProcessGroup
from benchmark.training.learner import Learner
from benchmark.training.logger import TrainingLogger
from benchmark.training.lr_schedule import lr_of
from benchmark.training.optim import make_optimizers
from benchmark.training.options import PLAIN, TrainOptions
from benchmark.training.precision import computing
from benchmark.training.recipe import Recipe, Turn
from benchmark.training.shutdown import stoppable
from benchmark.training.validation import MEASURED, SHOWN, mean_of, measure, measure_of, sheet_of


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


class Trainer:
    """One training run in one folder.

    Args:
        recipe: what decides the run.
        learner: the model.
        source: its data.
        out: folder for checkpoint, log and sample images.
        device: where the batches go.
        running: data workers, and what is told.
        team: the processes that share each batch; the first of them writes.

    Raises:
        TrainingError: if the folder's checkpoint is another recipe's, or the recipe asks for what
            the model, the device or the team has not.
        OutputError: if the folder cannot be written.
    """

    def __init__(
        self,
        recipe: Recipe,
        learner: Learner,
        source: Source,
        *,
        out: Path,
        device: torch.device,
        running: TrainOptions = PLAIN,
        team: ProcessGroup = ALONE,
    ) -> None:
        self.recipe, self.learner, self.source = recipe, learner, source
        self.out, self.device, self.team = out, device, team
        self._phase, self._began = "", time.monotonic()
        _check_parts(recipe, team)
        self.state = State(
            modules=learner.modules,
            optimisers=make_optimizers(recipe, learner.players, learner.modules),
            average=_copy(learner.network) if recipe.average else None,
        )
        if (out / CHECKPOINT).is_file():
            resume(self.state, recipe, out / CHECKPOINT)
        self._saved, self._wall_before = self.state.step, self.state.wall
        rest = range(self.state.step, recipe.steps)
        self._batches = feed(source, rest, team.share, running.data_workers)
        self.journal = self._journal(running) if team.first else None

    def _journal(self, running: TrainOptions) -> TrainingLogger:
        columns = (self.learner.terms, measure_of(self.recipe))
        step, seconds = self.state.step, self.state.seconds
        return TrainingLogger(
            self.out, self.recipe, columns, step=step, seconds=seconds, running=running
        )

    def run(self) -> Outcome:
        """Train until the recipe's last step, or until SIGINT or SIGTERM asks to stop.

        Raises:
            TrainingError: if a loss or a weight turns NaN or infinite; the last checkpoint is kept.
            DataError: if an image or mask can no longer be read.
            OutputError: if the folder cannot be written; the last checkpoint is kept.
        """
        state, steps = self.state, self.recipe.steps
        with stoppable() as stop, self.journal or nullcontext():
            try:
                while state.step < steps and not self.team.any(stop.is_set()):
                    self._once()
            finally:
                self._batches.close()  # ends the workers
            self._save()
        return Outcome(steps=state.step, finished=state.step == steps, seconds=state.seconds)

    def exported(self) -> nn.Module:
        """The network with its averaged weights, where the recipe averages them."""
        if self.state.average is not None:
            self.learner.network.load_state_dict(self.state.average)
        return self.learner.network

    def _once(self) -> None:
        start, turn, state = time.monotonic(), self.recipe.at(self.state.step), self.state
        losses = self._train_step(turn)
        state.step += 1
        state.seconds += time.monotonic() - start
        last = state.step == self.recipe.steps
        if self.journal is not None:
            if state.step % self.recipe.log_every == 0 or last:
                rates = {
                    player: lr_of(self.recipe, player, turn, state.step - 1)
                    for player in self.learner.players
                }
                self.journal.losses(
                    step=state.step, seconds=state.seconds, rates=rates, terms=losses
                )
            if state.step % self.recipe.sample_every == 0 or last:
                self._show(self.journal, turn)
        if state.step % self.recipe.checkpoint_every == 0:
            self._save()

    def _train_step(self, turn: Turn) -> dict[str, float]:
        step, share = self.state.step, self.team.share
        images, masks = (part.to(self.device) for part in next(self._batches))
        own = (share.number,) if share.number else ()  # not the others' noise
        torch.manual_seed(seed_of(self.recipe.seed, "step", step, *own))
        if self._phase != turn.stage.phase or turn.number == 0:
            self.learner.begin(turn.stage.phase, fresh=turn.number == 0)
            self._phase = turn.stage.phase
        cut = self.recipe.accumulate
        parts = list(zip(images.chunk(cut), masks.chunk(cut), strict=True))
        losses: dict[str, float] = {}
        for player in self.learner.players:
            losses |= self._move(player, turn, parts)
        self.team.average(_statistics(self.learner.modules.values()))
        self._follow()
        return losses

    def _move(
        self, player: str, turn: Turn, parts: list[tuple[Tensor, Tensor]]
    ) -> dict[str, float]:
        """One player's turn: its terms, its gradients and its optimizer's step."""
        optimiser, losses = self.state.optimisers[player], dict[str, float]()
        rate = lr_of(self.recipe, player, turn, self.state.step)
        for group in optimiser.param_groups:
            group["lr"] = rate * group.get("scale", 1.0)
        optimiser.zero_grad()
        with self._others_frozen(player):
            for images, masks in parts:
                with computing(self.recipe.precision, self.device):
                    terms = self.learner.learn(player, images, masks)
                if not terms:
                    return {}
                found = self.team.mean({name: float(term.detach()) for name, term in terms.items()})
                self._refuse_nonsense(found)
                total = torch.stack(list(terms.values())).sum() / len(parts)
                total.backward()  # type: ignore[no-untyped-call]
                for name, value in found.items():
                    losses[name] = losses.get(name, 0.0) + value / len(parts)
        parameters = [p for group in optimiser.param_groups for p in group["params"]]
        self.team.average([p.grad for p in parameters if p.grad is not None])
        clip = self.recipe.optimiser_of(player).clip
        if clip:
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

    def _refuse_nonsense(self, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            if not math.isfinite(value):
                raise self._lost(f"the {name} loss turned {value} at step {self.state.step + 1}")

    def _lost(self, what: str) -> TrainingError:
        kept = f"; {self.out / CHECKPOINT} keeps step {self._saved}" if self._saved else ""
        return TrainingError(f"{self.recipe.model}: {what}{kept}; lower the learning rate")

    def _follow(self) -> None:
        """Move the average towards the weights; while it is young, faster."""
        average = self.state.average
        if average is None:
            return
        keep = min(self.recipe.average, (1 + self.state.step) / (10 + self.state.step))
        for name, value in self.learner.network.state_dict().items():
            if value.is_floating_point():
                average[name].lerp_(value, 1 - keep)
            else:
                average[name].copy_(value)

    def _save(self) -> None:
        if not self.state.sound():
            raise self._lost(f"a weight turned NaN or infinite by step {self.state.step}")
        self.state.wall = self._wall_before + time.monotonic() - self._began
        if self.team.first:
            save(self.state, self.recipe, self.out / CHECKPOINT)
        self._saved = self.state.step

    def _show(self, journal: TrainingLogger, turn: Turn) -> None:
        """Look at held-out images, and measure them, with the weights that would be exported."""
        step, kind = self.state.step, measure_of(self.recipe)
        count = min(MEASURED, self.recipe.held_out) or SHOWN
        images, masks = self.source.held_out(step - 1, count)
        values: list[float] = []
        with self._averaged():
            for first in range(0, len(images), SHOWN):
                some = slice(first, first + SHOWN)
                columns = self.learner.show(
                    images[some].to(self.device), masks[some].to(self.device)
                )
                if first == 0:
                    journal.sheet(step, sheet_of(columns))
                values += measure(kind, columns, masks[some])
        self._phase = ""  # `show` left the networks in evaluation mode
        mean = mean_of(values)
        if self.recipe.held_out and mean is not None:
            journal.measured(
                step=step, seconds=self.state.seconds, side=turn.stage.crop, value=mean
            )

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        """The network has its averaged weights, where there are any; afterwards its own again."""
        if self.state.average is None:
            yield
            return
        own = _copy(self.learner.network)
        self.learner.network.load_state_dict(self.state.average)
        try:
            yield
        finally:
            self.learner.network.load_state_dict(own)


def _check_parts(recipe: Recipe, team: ProcessGroup) -> None:
    parts = recipe.accumulate * team.share.of
    for stage in recipe.stages:
        if stage.batch % parts:
            raise TrainingError(
                f"recipe of {recipe.model}: a batch of {stage.batch} cannot be cut into {parts} "
                f"equal parts ({recipe.accumulate} for each of {team.share.of} devices)"
            )


def _statistics(modules: Iterable[nn.Module]) -> list[Tensor]:
    """What networks count besides their weights, such as a batch norm's means."""
    return [b for network in modules for b in network.buffers() if b.is_floating_point()]


def _copy(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}
