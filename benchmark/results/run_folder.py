"""The one reader of a run's folder: finished runs from their files, others from the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.core.card import card_from
from benchmark.core.errors import BenchError, DataError, PlanError
from benchmark.core.registry import Registry
from benchmark.metrics.intervals import RULES
from benchmark.results.aggregate import aggregate
from benchmark.results.csv import read_results
from benchmark.results.record import External, Record, read_record, store_of
from benchmark.results.rows import ResultRow, SampleRow
from benchmark.results.samples import read_samples, sample_rows
from benchmark.results.sums import refuse_changed
from benchmark.runner.plan import Plan
from benchmark.runner.planning import PlanJobs
from benchmark.runner.setup import prepare
from benchmark.runner.shard import read_shard
from benchmark.runner.store import Store, is_store
from detectors import DETECTORS
from inpainters import INPAINTERS

RUNS = Path("runs")  # where `bench run` makes a folder if it is told no other


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """What a run left in its folder, or has come to so far.

    Attributes:
        path: the folder.
        plan: the plan.
        record: what record.json says, or None where the run has not ended.
        results: every number, in the plan's order.
        store: where the answers are.
        jobs: of a run that has not ended; None of a finished one, whose files say everything.
    """

    path: Path
    plan: Plan
    record: Record | None
    results: tuple[ResultRow, ...]
    store: str | Path
    jobs: PlanJobs | None = None

    @property
    def complete(self) -> bool:
        """Whether the run has ended; then its numbers come from its files alone."""
        return self.record is not None

    @property
    def old_intervals(self) -> bool:
        """Whether its intervals are an older version's, from the percentile bootstrap alone."""
        return self.record is not None and self.record.intervals != RULES

    @cached_property
    def samples(self) -> tuple[SampleRow, ...]:
        """Every row of samples.csv, read when it is first asked for and kept.

        Raises:
            DataError: if the file is gone, damaged or of another version.
        """
        return tuple(self._read_samples())

    def each_sample(self) -> Iterator[SampleRow]:
        """The rows of `samples` one after the other, none kept: a large run has a million.

        Raises:
            DataError: if the file is gone, damaged or of another version.
        """
        yield from vars(self).get("samples") or self._read_samples()

    def _read_samples(self) -> Iterator[SampleRow]:
        if self.jobs is None:
            refuse_changed(self.path, self.record.files if self.record else {}, ["samples.csv"])
            yield from read_samples(self.path / "samples.csv")
            return
        with Store(self.store, foreign=True) as store:
            yield from sample_rows(self.jobs, store)


def newest_run(root: Path = RUNS) -> Path:
    """The folder below `root` whose run was started last.

    Raises:
        DataError: if there is none.
    """
    plans = [path for path in root.glob("*/plan.toml") if path.is_file()]
    if not plans:
        raise DataError(f"no run below {root}/: 'bench run' makes one, or name its folder")
    return max(plans, key=lambda path: (path.stat().st_mtime_ns, path.parent.name)).parent


def read_run(path: str | Path, *, store: str | Path | None = None) -> RunFolder:
    """Read the folder of a run.

    A run that has not ended has its plan alone; its numbers so far come from the store, and no
    model is loaded.

    Args:
        path: the folder that `bench run --out` wrote.
        store: where the answers are; by default where its record says, and of a run that has not
            ended where `bench run` keeps them.

    Returns:
        The run.

    Raises:
        DataError: if the folder is no run's, a file in it is damaged or of another version, or the
            run has not ended and its store is not there.
    """
    folder = Path(path)
    answers = store or store_of(folder)
    record = read_record(folder)
    _remember(record.brought if record else {})
    plan = _plan(folder)
    if record is not None:
        refuse_changed(folder, record.files, ["results.csv"])
        rows, jobs = tuple(read_results(folder / "results.csv")), None
    else:
        jobs = _jobs_of(folder, plan, answers)
        with Store(answers, foreign=True) as there:
            rows = tuple(aggregate(jobs, there, ()))
    return RunFolder(path=folder, plan=plan, record=record, results=rows, store=answers, jobs=jobs)


def _plan(folder: Path) -> Plan:
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; name one that 'bench run --out' wrote")
    path = folder / "plan.toml"
    if not path.is_file():
        raise DataError(f"{folder}: no run in it (plan.toml is missing)")
    try:
        return Plan.load(path)
    except PlanError as error:
        raise DataError(f"{error} (a plan of another version, or damaged)") from None
    except BenchError as error:
        raise DataError(f"{path}: {error} (a plan of another version, or damaged)") from None


def _remember(external: Mapping[str, External]) -> None:
    """Know the cards of what the run brought, which need not be here any more."""
    for name, model in external.items():
        registry: Registry[Any] = INPAINTERS if model.kind == "inpainter" else DETECTORS
        if name not in registry:
            registry.remember(card_from(model.card))


def _jobs_of(folder: Path, plan: Plan, store: str | Path) -> PlanJobs:
    if not is_store(store):
        raise DataError(f"{folder}: its run has not ended, and {store} is no store; name --store")
    return PlanJobs(prepare(plan, read_shard(folder)))
