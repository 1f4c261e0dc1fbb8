"""Settings of a run: everything that changes how it runs, and no number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmark.runner.executor import Executor
from benchmark.runner.shard import Shard
from benchmark.runner.stages import Notify, ignore_progress


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How to run a plan, without effect on any number.

    Attributes:
        device: a torch device such as "cpu", or several separated by commas.
        batch: samples per batch.
        shrink: whether a batch that does not fit into memory is halved; otherwise it ends the run.
        executor: where jobs run; by default this process, or one process per device if there are
            several.
        shard: share of the plan's images, or None for all.
        strict: whether an image or mask that cannot be used, or a model that fails on one, ends
            the run.
        cmd_timeout: seconds that an external program may take for a batch of images.
        env: environment variables passed to such programs although they look like secrets.
        logs: folder for the output of such programs, or None.
        notify: called with the progress.
        tell: called before the run with lines that say which image gets which mask, and what was
            left out.
    """

    device: str = "cpu"
    batch: int = 1
    shrink: bool = False
    executor: Executor | None = None
    shard: Shard | None = None
    strict: bool = False
    cmd_timeout: float = 600.0
    env: tuple[str, ...] = ()
    logs: Path | None = None
    notify: Notify = ignore_progress
    tell: Callable[[str], None] = lambda _: None
