"""The training loop: optimization steps, checkpoints, resuming, logging, validation.

A step depends only on the state before it, the recipe's seed and its number: data and torch's
random numbers are seeded from both. So a resumed run ends with the same numbers as an uninterrupted
one. Several processes split a batch in the same way as `accumulate` does: each term is the mean
over the parts, except for statistics over a whole batch (batch norm, the mean mask ratio).
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from benchmark.core.errors import TrainingError
from benchmark.core.seeds import seed_of
from benchmark.training.checkpoint import (
    CHECKPOINT,
    TrainState,
    refuse_other_origin,
    resume,
    save,
)
from benchmark.training.data.batches import BatchSource
from benchmark.training.data.loader import load_batches
from benchmark.training.distributed import SINGLE_PROCESS, ProcessGroup
from benchmark.training.learner import Learner
from benchmark.training.logger import LogColumns, TrainingLogger
from benchmark.training.lr_schedule import lr_of
from benchmark.training.optim import make_optimizers
from benchmark.training.options import DEFAULT_OPTIONS, TrainOptions
from benchmark.training.precision import autocast_networks
from benchmark.training.recipe import Recipe, Turn
from benchmark.training.shutdown import graceful_shutdown
from benchmark.training.validation import (
    MAX_MEASURED,
    SHEET_ROWS,
    finite_mean,
    measure,
    metric_of,
    sample_sheet,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainerOutcome:
    """The progress of a run at its end.

    Attributes:
        steps: completed steps, including those of the runs that it resumed.
        finished: whether all steps of the recipe are completed.
        seconds: time spent in these steps.
    """

    steps: int
    finished: bool
    seconds: float


class Trainer:
    """One training run in one folder.

    Args:
        recipe: settings of the run.
        learner: the training module.
        source: training and validation batches.
        out: folder for the checkpoint, logs and sample images.
        device: device of the batches.
        running: data workers, and output.
        process_group: the processes that share each batch; rank 0 writes files and logs.

    Raises:
        TrainingError: if the folder's checkpoint is of another recipe, or the recipe needs
            something that the model, the device or the process group does not support.
        OutputError: if the folder cannot be written.
    """

    def __init__(
        self,
        recipe: Recipe,
        learner: Learner,
        source: BatchSource,
        *,
        out: Path,
        device: torch.device,
        running: TrainOptions = DEFAULT_OPTIONS,
        process_group: ProcessGroup = SINGLE_PROCESS,
    ) -> None:
        self.recipe, self.learner, self.source = recipe, learner, source
        self.out, self.device, self.process_group = out, device, process_group
        self._phase, self._began = "", time.monotonic()
        _check_batches(recipe, process_group)
        self.state = TrainState(
            modules=learner.modules,
            optimizers=make_optimizers(recipe, learner.roles, learner.modules),
            ema=_copy_state(learner.network) if recipe.ema_decay else None,
        )
        if (out / CHECKPOINT).is_file():
            resume(self.state, recipe, out / CHECKPOINT)
            self.state.updates = self.state.updates or self._uncounted_updates()
        self._saved, self._wall_before = self.state.step, self.state.wall
        rest = range(self.state.step, recipe.steps)
        self._batches = load_batches(source, rest, process_group.shard, running.data_workers)
        self.logger = self._make_logger(running) if process_group.is_rank_zero else None

    def _make_logger(self, running: TrainOptions) -> TrainingLogger:
        columns = LogColumns(self.learner.terms, metric_of(self.recipe))
        step, seconds = self.state.step, self.state.seconds
        return TrainingLogger(
            self.out, self.recipe, columns, step=step, seconds=seconds, running=running
        )

    def set_origin(self, origin: Mapping[str, str]) -> None:
        """Say which weights and which set of forgeries the training is of (`TrainState.origin`).

        Raises:
            TrainingError: if the folder's checkpoint is of others.
        """
        if self.state.step:
            refuse_other_origin(self.state.origin, origin, self.out / CHECKPOINT)
        self.state.origin = dict(origin)

    def run(self) -> TrainerOutcome:
        """Train until the last step of the recipe, or until SIGINT or SIGTERM.

        Raises:
            TrainingError: if a loss or weight is NaN or infinite; the last checkpoint is kept.
            DataError: if an image or mask can no longer be read.
            OutputError: if the folder cannot be written; the last checkpoint is kept.
        """
        state, steps = self.state, self.recipe.steps
        with graceful_shutdown() as stop, self.logger or nullcontext():
            try:
                while state.step < steps and not self.process_group.any(stop.is_set()):
                    self._run_step()
            finally:
                self._batches.close()  # stops the data workers
            self._save()
        return TrainerOutcome(steps=state.step, finished=state.step == steps, seconds=state.seconds)

    def network_to_export(self) -> nn.Module:
        """The network, with its EMA weights where the recipe has an `ema_decay`."""
        if self.state.ema is not None:
            self.learner.network.load_state_dict(self.state.ema)
        return self.learner.network

    def _run_step(self) -> None:
        start, turn, state = time.monotonic(), self.recipe.at(self.state.step), self.state
        losses = self._train_step(turn)
        state.step += 1
        state.seconds += time.monotonic() - start
        last = state.step == self.recipe.steps
        if self.logger is not None:
            if state.step % self.recipe.log_every == 0 or last:
                rates = {
                    role: lr_of(self.recipe, role, turn, state.step - 1)
                    for role in self.learner.roles
                }
                self.logger.losses(
                    step=state.step, seconds=state.seconds, rates=rates, terms=losses
                )
            if state.step % self.recipe.sample_every == 0 or last:
                self._validate(self.logger, turn)
        if state.step % self.recipe.checkpoint_every == 0:
            self._save()

    def _train_step(self, turn: Turn) -> dict[str, float]:
        step, shard = self.state.step, self.process_group.shard
        images, masks = (part.to(self.device) for part in next(self._batches))
        rank = (shard.rank,) if shard.rank else ()  # different noise on each rank
        torch.manual_seed(seed_of(self.recipe.seed, "step", step, *rank))
        if self._phase != turn.stage.phase or turn.number == 0:
            self._begin(turn)
        count = self.recipe.accumulate
        parts = list(zip(images.chunk(count), masks.chunk(count), strict=True))
        losses: dict[str, float] = {}
        for role in self.learner.roles:
            losses |= self._step_role(role, turn, parts)
        self.process_group.average(_float_buffers(self.learner.modules.values()))
        self._update_ema()
        return losses

    def _begin(self, turn: Turn) -> None:
        """Begin a stage, or resume within it."""
        self.learner.begin(turn.stage.phase, fresh=turn.number == 0)
        self._phase = turn.stage.phase

    def _step_role(
        self, role: str, turn: Turn, parts: list[tuple[Tensor, Tensor]]
    ) -> dict[str, float]:
        """The optimizer step of one role: losses, gradients (accumulated over `parts`), update."""
        optimizer, losses = self.state.optimizers[role], dict[str, float]()
        lr = lr_of(self.recipe, role, turn, self.state.step)
        for group in optimizer.param_groups:
            group["lr"] = lr * group.get("scale", 1.0)
        optimizer.zero_grad()
        with self._others_frozen(role):
            for images, masks in parts:
                with autocast_networks(self.recipe.precision, self.device):
                    terms = self.learner.training_step(role, images, masks)
                if not terms:
                    return {}
                found = self.process_group.mean(
                    {name: float(term.detach()) for name, term in terms.items()}
                )
                self._check_finite(found)
                total = torch.stack(list(terms.values())).sum() / len(parts)
                total.backward()  # type: ignore[no-untyped-call]
                for name, value in found.items():
                    losses[name] = losses.get(name, 0.0) + value / len(parts)
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        self.process_group.average([p.grad for p in parameters if p.grad is not None])
        max_norm = self.recipe.optimizer_of(role).grad_clip_norm
        if max_norm:
            nn.utils.clip_grad_norm_(parameters, max_norm)
        optimizer.step()
        return losses

    @contextmanager
    def _others_frozen(self, role: str) -> Iterator[None]:
        """Freeze the parameters of all other roles; gradients still flow through their networks."""
        own = self.learner.roles[role]
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

    def _check_finite(self, losses: dict[str, float]) -> None:
        for name, value in losses.items():
            if not math.isfinite(value):
                raise self._diverged(
                    f"the {name} loss turned {value} at step {self.state.step + 1}"
                )

    def _diverged(self, what: str) -> TrainingError:
        kept = f"; {self.out / CHECKPOINT} keeps step {self._saved}" if self._saved else ""
        return TrainingError(f"{self.recipe.model}: {what}{kept}; lower the learning rate")

    def _uncounted_updates(self) -> dict[str, int]:
        """Updates by parameter, for a checkpoint of an earlier version, which did not count them.

        The EMA of a weight that was never trained is still the weight itself.
        """
        ema, parameters = self.state.ema, self.learner.network.named_parameters()
        if ema is None:
            return {}
        return {
            name: 0 if torch.equal(ema[name], weight) else self.state.step
            for name, weight in parameters
        }

    def _update_ema(self) -> None:
        """Update the exponential moving average; its decay is smaller in a weight's first updates.

        Updates are counted for each weight: a late stage may train weights for the first time
        (FcF's outer blocks) or initialize them again (SafePaint's stage II). Counted from the first
        step of the training, the EMA would keep a share of what was never trained, 64 % after 450
        updates at a decay of 0.999.
        """
        ema, updates, network = self.state.ema, self.state.updates, self.learner.network
        if ema is None:
            return
        parameters = dict(network.named_parameters(remove_duplicate=False))
        for name, value in network.state_dict().items():
            if not value.is_floating_point():
                ema[name].copy_(value)
                continue
            count = updates.get(name, 0) if name in parameters else self.state.step
            decay = min(self.recipe.ema_decay, (1 + count) / (10 + count))
            ema[name].lerp_(value, 1 - decay)
            if name in parameters and parameters[name].grad is not None:
                updates[name] = count + 1

    def _save(self) -> None:
        if not self.state.is_finite():
            raise self._diverged(f"a weight turned NaN or infinite by step {self.state.step}")
        self.state.wall = self._wall_before + time.monotonic() - self._began
        if self.process_group.is_rank_zero:
            save(self.state, self.recipe, self.out / CHECKPOINT)
        self._saved = self.state.step

    def _validate(self, logger: TrainingLogger, turn: Turn) -> None:
        """Validate on held-out images, with the weights that would be exported."""
        step, kind = self.state.step, metric_of(self.recipe)
        count = min(MAX_MEASURED, self.recipe.held_out) or SHEET_ROWS
        images, masks = self.source.held_out(step - 1, count)
        values: list[float] = []
        with self._using_ema():
            for first in range(0, len(images), SHEET_ROWS):
                some = slice(first, first + SHEET_ROWS)
                columns = self.learner.show(
                    images[some].to(self.device), masks[some].to(self.device)
                )
                if first == 0:
                    logger.sheet(step, sample_sheet(columns))
                values += measure(kind, columns, masks[some])
        self._phase = ""  # `show` leaves the networks in evaluation mode
        mean = finite_mean(values)
        if self.recipe.held_out and mean is not None:
            logger.measured(step=step, seconds=self.state.seconds, side=turn.stage.crop, value=mean)

    @contextmanager
    def _using_ema(self) -> Iterator[None]:
        """Swap in the EMA weights, if any, and restore the network's own afterwards."""
        if self.state.ema is None:
            yield
            return
        own = _copy_state(self.learner.network)
        self.learner.network.load_state_dict(self.state.ema)
        try:
            yield
        finally:
            self.learner.network.load_state_dict(own)


def _check_batches(recipe: Recipe, process_group: ProcessGroup) -> None:
    parts = recipe.accumulate * process_group.shard.world_size
    for stage in recipe.stages:
        if stage.batch % parts:
            raise TrainingError(
                f"recipe of {recipe.model}: a batch of {stage.batch} cannot be split into {parts} "
                f"equal parts ({recipe.accumulate} for each of "
                f"{process_group.shard.world_size} devices)"
            )


def _float_buffers(modules: Iterable[nn.Module]) -> list[Tensor]:
    """Floating-point buffers of networks, such as batch norm statistics."""
    return [b for network in modules for b in network.buffers() if b.is_floating_point()]


def _copy_state(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}
