"""`run(plan)`: run a plan, write the run folder and return its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import BadInput, DataError, WeightsError
from benchmark.core.paths import expand_home
from benchmark.core.secrets import register_passed_variables, withheld_variables
from benchmark.executors.choice import default_executor
from benchmark.results.aggregate import aggregate
from benchmark.results.claim import as_begun, claimed
from benchmark.results.csv import columns_of, result_rows
from benchmark.results.files import unescape_formula
from benchmark.results.nulls import CellKey, stored_distances
from benchmark.results.provenance import known_pixels, record_of
from benchmark.results.record import Record
from benchmark.results.rows import ResultRow
from benchmark.results.run_files import write_begun, write_displayed, write_files
from benchmark.results.run_folder import names_outside
from benchmark.results.significance import PairedTest
from benchmark.results.store_location import recorded_store
from benchmark.results.tables import table_of
from benchmark.runner.engines import check_engines
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan
from benchmark.runner.plan_checks import check_heatmaps_laundered
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan, resolve_plan
from benchmark.runner.resolve_models import refuse_retired
from benchmark.runner.scheduler import execute
from benchmark.runner.scheme_options import check_scheme_options
from benchmark.runner.settings import Settings
from benchmark.runner.stages import Progress, RunStats, ignore_progress
from benchmark.store.store import Store, is_address

if TYPE_CHECKING:  # slow to import, and only needed for data frames
    import pandas as pd


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """The results of a run.

    Attributes:
        plan: the plan.
        cells: all result rows, in the order of the plan.
        failures: failed jobs.
        document: the content of record.json.
        folder: folder of the run, or None if nothing was written.
        store: store of its images, heatmaps and numbers.
        distances: paired tests of each AUC against its null, over images.
    """

    plan: Plan
    cells: tuple[ResultRow, ...]
    failures: tuple[Failure, ...]
    document: dict[str, Any]
    folder: Path | None
    store: str | Path
    distances: Mapping[CellKey, PairedTest] = field(default_factory=dict)

    @property
    def results(self) -> pd.DataFrame:
        """The result rows, with the columns of results.csv."""
        import pandas as pd

        return pd.DataFrame(result_rows(self.cells), columns=list(columns_of(self.cells)))

    @property
    def samples(self) -> pd.DataFrame:
        """One row per sample, inpainter and detector, with the columns of samples.csv.

        Raises:
            BadInput: if the run has no folder.
        """
        import pandas as pd

        found = pd.read_csv(
            self._folder() / "samples.csv",
            keep_default_na=False,
            na_values=[""],
            dtype=dict.fromkeys(("subset", "method", "group"), str),  # of forgeries
        )
        for name in ("sample", "mask"):
            found[name] = found[name].astype(str)  # a name can look like a number
        names = found.select_dtypes(exclude="number").columns
        found[names] = found[names].map(
            lambda one: unescape_formula(one) if isinstance(one, str) else one
        )
        return found

    def _repr_html_(self) -> str:
        """Return the table of results for notebooks."""
        return table_of(self.cells, self.distances).html()

    def _folder(self) -> Path:
        if self.folder is None:
            raise BadInput("this run has no folder: pass out= to run()")
        return self.folder

    def report(self) -> Path:
        """Write the HTML report, index.html, and its figures to the run folder.

        Returns:
            The path of index.html.

        Raises:
            BadInput: if the run has no folder.
            OutputError: if a file cannot be written.
        """
        from reports.page.write import write_report  # not needed by a run

        return write_report(self._folder(), store=self.store)

    @property
    def complete(self) -> bool:
        """Whether no job failed."""
        return not self.failures


def run(
    plan: Plan,
    *,
    out: str | Path | None = None,
    store: str | Path | None = None,
    device: str = "cpu",
    settings: Settings | None = None,
    save_images: bool = False,
    notify: Callable[[Progress], None] | None = None,
) -> RunRecord:
    """Run a plan: compute the outputs missing from the store, then collect all results from it.

    Args:
        plan: what to run.
        out: folder for plan.toml, record.json, results.csv, samples.csv and table.md, or None.
        store: store of outputs, shared between runs: a folder, or an address such as
            s3://bucket/prefix for the files; by default below $BENCH_HOME or the platform's cache
            folder.
        device: a torch device such as "cpu" or "cuda:0"; several ("cuda:0,cuda:1") get one process
            each.
        settings: other settings that change no number; `device` and `notify` override its fields.
        save_images: also write images, masks and heatmaps under readable names; requires `out`.
        notify: progress callback; by default, progress bars in a notebook and nothing elsewhere.

    Returns:
        The record, with every number of the plan, or the reason why it is missing.

    Raises:
        BenchError: if the plan cannot be run; no partially written file is left.
    """
    out = expand_home(Path(out)) if out is not None else None
    settings = replace(settings or Settings(), device=device)
    settings = replace(settings, notify=notify) if notify else settings
    settings = replace(settings, logs=out / "logs") if out is not None else settings
    executor = settings.executor or default_executor(device)
    settings = replace(settings, executor=executor)
    for one in executor.devices:
        _check_device(one)
    register_passed_variables(settings.env)
    store = store if store is None or is_address(store) else expand_home(Path(store))
    resolved = _resolved(as_begun(plan, out), settings, executor.devices)
    plan = resolved.plan
    _refuse_unused(resolved, settings)
    if save_images:
        _check_names(resolved)
    jobs, claim = PlanJobs(resolved), claimed(out, plan, settings.shard, store)
    with claim as (folder, place), Store(place) as outputs, outputs.used():

        def begin() -> None:
            if folder is not None and names_outside(plan) is not None:
                write_begun(folder, jobs, record_of(resolved, settings, RunStats(), {}), place)

        with _with_progress(settings) as shown:
            tally = execute(jobs, outputs, executor, shown, begin)
        known = known_pixels(jobs, outputs, tally.failures)
        record = conclude(jobs, outputs, record_of(resolved, settings, tally, known), folder)
        if folder is not None and save_images:
            write_displayed(folder / "images", jobs, outputs)
    return record


def _resolved(plan: Plan, settings: Settings, devices: tuple[str, ...]) -> ResolvedPlan:
    """Return the plan with models, images and masks, and say what a user should know of them.

    Raises:
        BenchError: if the plan cannot be run.
    """
    refuse_retired(plan)
    heatmap_lines = check_heatmaps_laundered(plan)
    resolved = resolve_plan(plan, settings.shard)
    prompt_lines = check_scheme_options(resolved.plan, devices)
    engine_lines = check_engines(
        resolved.plan.engine,
        inpainters=resolved.inpainters,
        detectors=resolved.detectors,
        devices=devices,
    )
    withheld = _withheld_lines(resolved, settings)
    sources = resolved.sources.lines()
    for line in (*heatmap_lines, *sources, *prompt_lines, *engine_lines, *withheld):
        settings.tell(line)
    return resolved


def _check_names(resolved: ResolvedPlan) -> None:
    from benchmark.results.images import check_names

    check_names(resolved)


def _withheld_lines(resolved: ResolvedPlan, settings: Settings) -> Iterator[str]:
    """Yield a line that names the environment variables withheld from `cmd:` programs."""
    programs = [
        one for one in resolved.all_inpainters + resolved.all_detectors if "cmd:" in one.word
    ]
    if programs and (names := withheld_variables(settings.env)):
        yield (
            f"Not passed to cmd: programs because they look like secrets: {', '.join(names)}. "
            "Use --env NAME to pass one."
        )


@contextmanager
def _with_progress(settings: Settings) -> Iterator[Settings]:
    """Yield the settings; in a notebook without a progress callback, with progress bars."""
    from benchmark.progress import in_notebook, watch

    if settings.notify is not ignore_progress or not in_notebook():
        yield settings
        return
    with watch() as notify:
        yield replace(settings, notify=notify)


def conclude(jobs: PlanJobs, outputs: Store, record: Record, folder: Path | None) -> RunRecord:
    """Collect the results of a plan from the store and write the run folder.

    Args:
        jobs: jobs of the plan.
        outputs: the store of outputs.
        record: content of record.json, with the failures of the run.
        folder: folder of the run, or None to write nothing.

    Raises:
        DataError: if no sample could be used.
        OutputError: if a file cannot be written.
    """
    if not record.shard:
        _refuse_empty(jobs.resolved, record.failures)
    record = record.model_copy(update={"store": recorded_store(outputs.place, folder)})
    found = RunRecord(
        plan=jobs.resolved.plan,
        cells=tuple(aggregate(jobs, outputs, record.failures)),
        failures=record.failures,
        document=record.document(),
        folder=folder,
        store=outputs.place,
        distances=stored_distances(jobs, outputs),
    )
    if folder is not None:
        write_files(folder, found.cells, found.distances, found.document, jobs, outputs)
    return found


def _check_device(device: str) -> None:
    if device != "cpu":
        from benchmark.core.model import check_device  # loads torch

        check_device(device)


def _refuse_unused(resolved: ResolvedPlan, settings: Settings) -> None:
    for model in resolved.absent if settings.strict else ():
        raise WeightsError(model.absent)
    for failure in resolved.failures if settings.strict else ():
        raise DataError(f"{failure.sample}: {failure.reason}")
    for file, reason in resolved.sources.unused if settings.strict else ():
        raise DataError(f"{file}: {reason}")


def _refuse_empty(resolved: ResolvedPlan, failures: tuple[Failure, ...]) -> None:
    samples = {(one.dataset, one.id, one.bucket) for one in resolved.samples}
    skipped = {
        (one.dataset, one.sample, one.bucket): one for one in failures if one.kind == "skipped"
    }
    if samples <= set(skipped):
        first = next(iter(skipped.values()))
        raise DataError(f"none of {len(skipped)} samples can be used; first reason: {first.reason}")
