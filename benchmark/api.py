"""The one public call: run a plan and read its record."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import BadInput, BenchError, DataError, OutputError, WeightsError
from benchmark.core.locks import hold
from benchmark.core.paths import at_home, claim_new, home, write_text
from benchmark.core.secrets import pass_on, withheld
from benchmark.executors.choice import default_executor
from benchmark.results.aggregate import aggregate
from benchmark.results.checksums import with_file_hashes
from benchmark.results.csv import COLUMNS, result_rows, write_results
from benchmark.results.file_hashes import RECORD
from benchmark.results.files import unescape_formula
from benchmark.results.nulls import CellKey, stored_distances
from benchmark.results.provenance import known_pixels, record_of
from benchmark.results.record import BEGUN, Record
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import names_outside
from benchmark.results.samples import BEGUN_SAMPLES, sample_rows, write_keys, write_samples
from benchmark.results.significance import PairedTest
from benchmark.results.store_location import recorded_store
from benchmark.results.table import run_table
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan, as_begun, same_plan
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan, prepare, refuse_retired
from benchmark.runner.scheduler import Progress, Settings, Tally, execute, nobody
from benchmark.runner.shard import SHARD_FILE, Shard, shard_text
from benchmark.store.store import Store, is_address

if TYPE_CHECKING:  # pandas takes a while to load and only a notebook needs it
    import pandas as pd

_CLEANING = 2.0  # seconds that 'bench clean' may hold a folder


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What a run came to.

    Attributes:
        plan: the plan.
        cells: every number, in the plan's order.
        failures: jobs that gave no answer.
        document: the record as it is written to record.json.
        folder: where the run's files are, or None if none were asked for.
        store: where its images, heatmaps and numbers are.
        distances: how far every AUC lies from the null, paired by image.
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
        """One row per number, with the columns of results.csv."""
        import pandas as pd

        return pd.DataFrame(result_rows(self.cells), columns=list(COLUMNS))

    @property
    def samples(self) -> pd.DataFrame:
        """One row per sample, inpainter and detector, with the columns of samples.csv.

        Raises:
            BadInput: if the run has no folder.
        """
        import pandas as pd

        found = pd.read_csv(self._folder() / "samples.csv", keep_default_na=False, na_values=[""])
        for name in ("sample", "mask"):
            found[name] = found[name].astype(str)  # a name may look like a number
        names = found.select_dtypes(exclude="number").columns
        found[names] = found[names].map(
            lambda one: unescape_formula(one) if isinstance(one, str) else one
        )
        return found

    def _repr_html_(self) -> str:
        """The run's table, as a notebook shows it."""
        return run_table(self.cells, self.distances).html()

    def _folder(self) -> Path:
        if self.folder is None:
            raise BadInput("this run has no folder: give run() one with out=")
        return self.folder

    def report(self) -> Path:
        """Write the run's page, index.html, and its figures beside its other files.

        Returns:
            The page.

        Raises:
            BadInput: if the run has no folder.
            OutputError: if a file cannot be written.
        """
        from reports.page.write import write_report  # what a run never needs

        return write_report(self._folder(), store=self.store)

    @property
    def complete(self) -> bool:
        """Whether every sample has all its answers."""
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
    """Run what the store lacks of a plan, then read the plan's numbers from the store.

    Args:
        plan: what to run.
        out: folder for plan.toml, record.json, results.csv, samples.csv and table.md, or None.
        store: folder for images, heatmaps and rows, shared between runs, or an address such as
            s3://bucket/prefix for the files; by default below $BENCH_HOME or the platform's cache
            folder.
        device: a torch device such as "cpu" or "cuda:0"; with several ("cuda:0,cuda:1") a process
            works on each.
        settings: the rest that changes no number; `device` and `notify` replace its own.
        save_images: also write images, masks and heatmaps under readable names; needs `out`.
        notify: told of progress; by default a notebook shows bars, and nothing is shown elsewhere.

    Returns:
        The record, with every number of the plan or the reason why there is none.

    Raises:
        BenchError: one line about what cannot be used; nothing half-written is left.
    """
    settings = replace(settings or Settings(), device=device)
    settings = replace(settings, notify=notify) if notify else settings
    executor = settings.executor or default_executor(device)
    settings = replace(settings, executor=executor)
    for one in executor.devices:
        _check_device(one)
    out = at_home(Path(out)) if out is not None else None
    pass_on(settings.env)
    store = store if store is None or is_address(store) else at_home(Path(store))
    plan = _as_begun(plan, out)
    refuse_retired(plan)
    setup = prepare(plan, settings.shard)
    plan = setup.plan
    for line in (*setup.sources.lines(), *_kept_back(setup, settings)):
        settings.tell(line)
    _refuse_unused(setup, settings)
    if save_images:
        from benchmark.results.images import check_names

        check_names(setup)
    settings = replace(settings, logs=out / "logs") if out is not None else settings
    jobs = PlanJobs(setup)
    claim = claimed(out, plan, settings.shard, store)
    with claim as (folder, place), Store(place) as answers, answers.used():
        if folder is not None and names_outside(plan) is not None:
            _say_begun(folder, jobs, record_of(setup, settings, Tally(), {}), place)
        with _shown(settings) as shown:
            tally = execute(jobs, answers, executor, shown)
        known = known_pixels(jobs, answers, tally.failures)
        record = conclude(jobs, answers, record_of(setup, settings, tally, known), folder)
        if folder is not None and save_images:
            _save_images(folder / "images", jobs, answers)
    return record


def _kept_back(setup: ResolvedPlan, settings: Settings) -> Iterator[str]:
    """What a user's programs do not get of the environment."""
    programs = [one for one in setup.all_inpainters + setup.all_detectors if "cmd:" in one.word]
    if programs and (names := withheld(settings.env)):
        yield (
            f"Not passed to cmd: programs, as they look like secrets: {', '.join(names)}. "
            "--env NAME passes one on."
        )


@contextmanager
def _shown(settings: Settings) -> Iterator[Settings]:
    """The settings, with bars in a notebook where nobody else is told of progress."""
    from benchmark.progress import in_notebook, watch

    if settings.notify is not nobody or not in_notebook():
        yield settings
        return
    with watch() as notify:
        yield replace(settings, notify=notify)


def conclude(jobs: PlanJobs, answers: Store, record: Record, folder: Path | None) -> RunRecord:
    """Read a plan's numbers from a store and write a run's files.

    Args:
        jobs: the plan's.
        answers: where the rows are.
        record: what record.json is to say; its failures are those of the run.
        folder: of the run, or None for no files.

    Raises:
        DataError: if no sample could be used.
        OutputError: if a file cannot be written.
    """
    if not record.shard:
        _refuse_empty(jobs.setup, record.failures)
    record = record.model_copy(update={"store": recorded_store(answers.place, folder)})
    found = RunRecord(
        plan=jobs.setup.plan,
        cells=tuple(aggregate(jobs, answers, record.failures)),
        failures=record.failures,
        document=record.document(),
        folder=folder,
        store=answers.place,
        distances=stored_distances(jobs, answers),
    )
    if folder is not None:
        _write(folder, found, jobs, answers)
    return found


def _say_begun(folder: Path, jobs: PlanJobs, record: Record, place: str | Path) -> None:
    """Let the folder say which answers the run asks for: then who looks at it before it has ended
    needs nothing that the plan names.
    """
    said = record.model_copy(update={"store": recorded_store(place, folder)}).document()
    write_keys(folder / BEGUN_SAMPLES, jobs)
    write_text(folder / BEGUN, json.dumps(said, indent=2) + "\n")


def _save_images(folder: Path, jobs: PlanJobs, answers: Store) -> None:
    from benchmark.results.displayed import Images, displayed_samples
    from benchmark.results.images import write_images

    shown = displayed_samples(sample_rows(jobs, answers), jobs.setup.plan)
    write_images(folder, shown, answers, Images(answers, jobs))


@contextmanager
def claimed(
    out: str | Path | None, plan: Plan, shard: Shard | None, store: str | Path | None
) -> Iterator[tuple[Path | None, str | Path]]:
    """The run's folder with its plan, and where its store is.

    The plan is written first, so that what cannot be written shows at once. A user's mistake takes
    back what was made here; a stop leaves it, to be gone on with. The folder is held until the
    block ends: what is in it is one run's.

    Args:
        out: the folder, or None for none.
        plan: the plan.
        shard: the share of it that the folder is for, or None for all.
        store: the store's place; by default in the folder of a shard, else where all runs keep it.

    Raises:
        OutputError: if the folder cannot be written, is of another plan or shard, or another run is
            going on there.
    """
    own = Path(out) / "store" if out is not None and shard else home() / "store"
    place = store or own
    if out is None:
        yield None, place
        return
    folder = Path(out)
    made = claim_new(folder)
    if not folder.is_dir():
        raise OutputError(f"{folder}: is no folder; choose another --out")
    texts = {"plan.toml": _plan_text(folder, plan)}
    if shard:
        texts[SHARD_FILE] = shard_text(shard, folder, place)
    with hold(folder, wait=_CLEANING) as held:
        if held is False:
            raise OutputError(
                f"{folder}: another run is going on there; wait for its end, or choose another "
                "--out"
            )
        _refuse_another(folder, texts)
        names = (*texts, BEGUN, BEGUN_SAMPLES)
        fresh = [folder / name for name in names if not (folder / name).exists()]
        for name, text in texts.items():
            write_text(folder / name, text, durable=True)
        try:
            yield folder, place
        except BenchError:
            for path in fresh:
                path.unlink(missing_ok=True)
            if made:
                with suppress(OSError):
                    folder.rmdir()
            raise


def _as_begun(plan: Plan, out: str | Path | None) -> Plan:
    """The plan, with the defaults of the version that began the run in its folder."""
    path = Path(out) / "plan.toml" if out is not None else None
    if path is None or not path.is_file():
        return plan
    try:
        return as_begun(plan, Plan.load(path))
    except BenchError:
        return plan  # the folder is refused where it is claimed


def _plan_text(folder: Path, plan: Plan) -> str:
    """The plan for a run's folder: what stands there already if it says the same."""
    path = folder / "plan.toml"
    if path.is_file():
        try:
            if same_plan(plan, Plan.load(path)):
                return path.read_text(encoding="utf-8")
        except BenchError:
            pass  # the folder is refused where it is claimed
    return plan.dump(folder)


def _refuse_another(folder: Path, texts: dict[str, str]) -> None:
    for name, what in (("plan.toml", "plan"), (SHARD_FILE, "shard")):
        path, text = folder / name, texts.get(name, "")
        if path.exists() and path.read_text(encoding="utf-8", errors="replace") != text:
            raise OutputError(
                f"{folder}: holds the results of another {what}; choose another --out"
            )


def _check_device(device: str) -> None:
    if device != "cpu":
        from benchmark.core.model import check_device  # loads torch

        check_device(device)


def _refuse_unused(setup: ResolvedPlan, settings: Settings) -> None:
    for model in setup.absent if settings.strict else ():
        raise WeightsError(model.absent)
    for failure in setup.failures if settings.strict else ():
        raise DataError(f"{failure.sample}: {failure.reason}")
    for file, reason in setup.sources.unused if settings.strict else ():
        raise DataError(f"{file}: {reason}")


def _refuse_empty(setup: ResolvedPlan, failures: tuple[Failure, ...]) -> None:
    samples = {(one.dataset, one.id, one.bucket) for one in setup.samples}
    skipped = {
        (one.dataset, one.sample, one.bucket): one for one in failures if one.kind == "skipped"
    }
    if samples <= set(skipped):
        first = next(iter(skipped.values()))
        raise DataError(f"none of {len(skipped)} samples can be used; the first: {first.reason}")


def _write(folder: Path, record: RunRecord, jobs: PlanJobs, store: Store) -> None:
    write_results(folder / "results.csv", record.cells)
    write_text(
        folder / "table.md", run_table(record.cells, record.distances).markdown(), durable=True
    )
    write_samples(folder / "samples.csv", jobs, store)
    document = with_file_hashes(folder, record.document)
    write_text(folder / RECORD, json.dumps(document, indent=2) + "\n", durable=True)
    for name in (BEGUN, BEGUN_SAMPLES):
        (folder / name).unlink(missing_ok=True)
