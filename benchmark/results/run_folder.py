"""Reader of run folders: finished runs from their files, unfinished ones from the store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmark.core.card import card_from
from benchmark.core.errors import BenchError, DataError, PlanError, UnknownName, quoted
from benchmark.core.inspecting import inspecting
from benchmark.core.registry import Registry
from benchmark.datasets import DATASETS
from benchmark.datasets.published import Published
from benchmark.metrics import METRICS
from benchmark.metrics.external import MetricCard, stand_in_for
from benchmark.metrics.intervals import RULES
from benchmark.postprocess import PostProcess, recorded
from benchmark.results.aggregate import aggregate
from benchmark.results.csv import read_results
from benchmark.results.file_hashes import refuse_changed_files
from benchmark.results.files import damaged
from benchmark.results.record import BEGUN, Record, read_record
from benchmark.results.recorded_jobs import RecordedJobs, recorded_jobs
from benchmark.results.rows import ResultRow, SampleRow
from benchmark.results.samples import BEGUN_SAMPLES, read_samples, sample_rows
from benchmark.results.store_location import store_of
from benchmark.runner.plan import Plan
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import resolve_plan
from benchmark.runner.shard import Shard, read_shard
from benchmark.store.store import Store, is_store
from detectors import DETECTORS
from inpainters import INPAINTERS

RUNS = Path("runs")  # default parent of run folders


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """A finished run, or the current state of an unfinished one.

    Attributes:
        path: folder of the run.
        plan: the plan.
        record: content of record.json, or None if the run has not ended.
        results: every cell, in the plan's order.
        store: location of the store.
        jobs: jobs of an unfinished run; None for a finished one, whose files are complete.
    """

    path: Path
    plan: Plan
    record: Record | None
    results: tuple[ResultRow, ...]
    store: str | Path
    jobs: PlanJobs | None = None

    @property
    def title(self) -> str:
        """The plan's name, or the folder's if the plan has the default name."""
        default = Plan.model_fields["name"].default
        return self.plan.name if self.plan.name != default else self.path.resolve().name

    @property
    def complete(self) -> bool:
        """Whether the run has ended, so that its numbers are read from its files alone."""
        return self.record is not None

    @property
    def old_intervals(self) -> bool:
        """Whether its intervals are of an older version, with the percentile bootstrap only."""
        return self.record is not None and self.record.intervals != RULES

    @cached_property
    def samples(self) -> tuple[SampleRow, ...]:
        """Every row of samples.csv, read on first access and cached.

        Raises:
            DataError: if the file is missing, damaged or of another version.
        """
        return tuple(self._read_samples())

    def each_sample(self) -> Iterator[SampleRow]:
        """Yield the rows of `samples` without caching them, as a large run has a million.

        Raises:
            DataError: if the file is missing, damaged or of another version.
        """
        cached = self.__dict__.get("samples")  # where `cached_property` keeps it
        yield from self._read_samples() if cached is None else cached

    def _read_samples(self) -> Iterator[SampleRow]:
        if self.jobs is None:
            refuse_changed_files(
                self.path, self.record.files if self.record else {}, ["samples.csv"]
            )
            yield from read_samples(self.path / "samples.csv")
            return
        with Store(self.store, read_only=True) as store:
            yield from sample_rows(self.jobs, store)


def newest_run(root: Path = RUNS) -> Path:
    """Return the folder below `root` whose run was started last.

    Raises:
        DataError: if there is none.
    """
    plans = [path for path in root.glob("*/plan.toml") if path.is_file()]
    if not plans:
        raise DataError(f"no run below {root}/; create one with 'bench run', or name its folder")
    return max(plans, key=lambda path: (path.stat().st_mtime_ns, path.parent.name)).parent


def read_run(path: str | Path, *, store: str | Path | None = None) -> RunFolder:
    """Read the folder of a run.

    An unfinished run has only its plan; its current numbers are computed from the store, and no
    model is loaded.

    Args:
        path: folder written by `bench run --out`.
        store: location of the store; by default the recorded one, and for an unfinished run the
            default of `bench run`.

    Returns:
        The run.

    Raises:
        DataError: if it is no run folder, a file in it is damaged or of another version, or the run
            is unfinished and its store is missing.
    """
    folder = Path(path)
    with inspecting():
        location = store or store_of(folder)
        record = read_record(folder)
        begun = record or read_record(folder, BEGUN)
        plan = read_plan(folder, begun)
        if record is not None:
            refuse_changed_files(folder, record.files, ["results.csv"])
            rows, jobs = _results(folder, record), None
        else:
            jobs = _jobs_of(folder, plan, begun, location)
            with Store(location, read_only=True) as there:
                rows = tuple(aggregate(jobs, there, ()))
    return RunFolder(path=folder, plan=plan, record=record, results=rows, store=location, jobs=jobs)


def refuse_forgeries(run: RunFolder, what: str) -> None:
    """Refuse a run of forgeries where only runs of inpainters can be read.

    Args:
        run: the run.
        what: what does not apply to it.

    Raises:
        DataError: if it is a run of forgeries.
    """
    if run.plan.forgeries is not None:
        raise DataError(
            f"{run.path}: a run of forgeries: {what}; its table.md and results.csv have intervals "
            "over originals, 'bench report' shows it, and 'bench compare A B' tests two such runs"
        )


def read_plan(folder: Path, record: Record | None) -> Plan:
    """Return the plan of a run, and register the plugins that its record describes.

    Args:
        folder: folder of the run.
        record: its record, or the one written at its start; None if it has neither.

    Raises:
        DataError: if it is no run folder, or the plan is damaged or of another version.
    """
    if not folder.is_dir():
        raise DataError(f"{folder}: no such folder; expected one that 'bench run --out' wrote")
    path = folder / "plan.toml"
    if not path.is_file():
        raise DataError(f"{folder}: not a run folder (plan.toml is missing)")
    if record is not None:
        _remember(record)
    try:
        return Plan.load(path)
    except PlanError as error:
        raise DataError(f"{error} (a plan of another version, or damaged)") from None
    except BenchError as error:
        raise DataError(f"{path}: {error} (a plan of another version, or damaged)") from None


def jobs_from_files(
    folder: Path, plan: Plan, record: Record, name: str = "samples.csv"
) -> RecordedJobs:
    """Return the jobs of a run from its own files.

    Args:
        folder: folder of the run.
        plan: plan of the run.
        record: record of the run.
        name: name of the file that contains the samples' keys.

    Raises:
        DataError: if the files do not contain the keys, as those of older versions.
    """
    try:
        return recorded_jobs(plan, record, read_samples(folder / name))
    except DataError as error:
        path = folder / name
        raise DataError(str(error) if str(path) in str(error) else f"{path}: {error}") from None


def jobs_from_plan(plan: Plan, shard: Shard | None) -> PlanJobs:
    """Return the jobs of a plan that uses nothing from outside this project.

    Raises:
        DataError: if it names a folder, a file, a plugin or a program: for safety, reading a run
            neither reads nor starts what its plan names.
    """
    if (what := names_outside(plan)) is not None:
        raise DataError(
            f"its plan names {what}, which is not opened as the run may be someone else's, and its "
            "files lack the keys; if you trust it, resume it by 'bench run' with its plan.toml "
            "and its folder as --out"
        )
    return PlanJobs(resolve_plan(plan, shard))


def names_outside(plan: Plan) -> str | None:
    """Return the first name in a plan that is not part of this project, or None."""
    places = {
        "images": plan.images,
        "data_root": plan.data_root,
        "masks": plan.masks,
        "forgeries": plan.forgeries,
    }
    files = [one for one in plan.weights.values() if one not in ("official", "mini")]
    words: list[tuple[Registry[Any], tuple[str, ...]]] = [
        (INPAINTERS, plan.inpainters),
        (DETECTORS, plan.detectors),
        (METRICS, plan.metrics),
        (DATASETS, plan.datasets if plan.forgeries is None else ()),
    ]
    external = [
        one for registry, names in words for one in names if not registry.find(one).built_in
    ]
    external += [one for one in plan.launder if PostProcess.parse(one).is_external]
    named = [key for key, place in places.items() if place is not None]
    return next(iter((*(f"its own {key}" for key in named), *map(repr, files + external))), None)


def _results(folder: Path, record: Record) -> tuple[ResultRow, ...]:
    """Read the cells; plugin metrics of older runs are registered by what they measure only."""
    path = folder / "results.csv"
    rows = tuple(read_results(path))
    needs = {row.metric: "verdict" if row.detector else "filled" for row in rows}
    for name in record.metrics:
        if name in needs and name not in (*METRICS.built_in, *record.described):
            stand_in_for(name, MetricCard.model_validate({"needs": needs[name]}))
    models = {(row.metric, row.inpainter, row.detector, row.weights): row for row in rows}
    for row in models.values():
        _refuse_unknown(path, row)
    return rows


def _refuse_unknown(path: Path, row: ResultRow) -> None:
    """Raise DataError for a row of an unknown model or metric."""
    try:
        METRICS.load(row.metric)
        inpainter = "" if row.of_forgeries else row.inpainter
        for registry, name in ((INPAINTERS, inpainter), (DETECTORS, row.detector)):
            if name:
                registry.card(name)
                row.edition(name)
    except UnknownName as error:
        raise damaged(path, str(error)) from None
    except (KeyError, ValueError):
        raise damaged(path, f"{quoted(row.weights)} lacks the weights of {name}") from None


def _remember(record: Record) -> None:
    """Register the plugins of a run from its record, without importing them."""
    for name, model in record.brought.items():
        registry: Registry[Any] = INPAINTERS if model.kind == "inpainter" else DETECTORS
        if name not in registry.built_in:
            registry.remember_card(replace(card_from(model.card), name=name))
    for name, card in record.described.items():
        stand_in_for(name, card)
    for post_processing in record.launders.values():
        recorded.stand_in_for(post_processing)
    for name in record.metrics:  # of an older version; the rows say what it measures
        if name not in (*METRICS.built_in, *record.described):
            stand_in_for(name, MetricCard(needs="verdict"))
    datasets = record.plan.get("datasets")
    for name in datasets if isinstance(datasets, list) else ():
        DATASETS.register_stand_in(str(name), Published)  # only its name is needed


def _jobs_of(folder: Path, plan: Plan, begun: Record | None, store: str | Path) -> PlanJobs:
    if not is_store(store):
        raise DataError(f"{folder}: the run has not ended and {store} is no store; use --store")
    if begun is not None:
        return jobs_from_files(folder, plan, begun, BEGUN_SAMPLES)
    try:
        return jobs_from_plan(plan, read_shard(folder))
    except DataError as error:
        raise DataError(f"{folder}: the run has not ended; {error}") from None
