"""Stages of a run: inpaint, detect, measure. Their progress and statistics."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from benchmark.runner.outcome import Failure

Stage = Literal["fill", "judge", "measure"]  # as in record.json: inpaint, detect, measure
STAGES: tuple[Stage, ...] = ("fill", "judge", "measure")


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Progress of one stage with one model.

    Attributes:
        stage: "fill" (inpaint), "judge" (detect) or "measure".
        model: the inpainter or detector, or what is measured.
        done: jobs completed in this run, those without an output among them.
        total: jobs that this run has to do in this stage with this model.
        later: jobs after these, by stage.
        without_output: jobs of `done` that failed, or were skipped because their image or mask
            cannot be used or an earlier job failed.
    """

    stage: Stage
    model: str
    done: int
    total: int
    later: Mapping[Stage, int] = field(default_factory=dict)
    without_output: int = 0


Notify = Callable[[Progress], None]


def ignore_progress(step: Progress) -> None:
    """Ignore progress: the default of `Settings.notify`."""


@dataclass(slots=True, kw_only=True)
class RunStats:
    """Statistics of a run, updated while it runs.

    Attributes:
        ran: number of completed jobs, per stage.
        stored: number of jobs whose output was in the store already, per stage.
        seconds: time per stage, in seconds.
        model_seconds: time inside models, per stage, in seconds.
        failures: jobs without an output.
        warned: messages of workers, so that each is shown once.
    """

    ran: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    stored: dict[str, int] = field(default_factory=lambda: dict.fromkeys(STAGES, 0))
    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    model_seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(STAGES, 0.0))
    failures: set[Failure] = field(default_factory=set)
    warned: set[str] = field(default_factory=set)
