"""Check a bundle: compare, score again and recompute as much of it as can be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.bundle.cards import check_cards
from benchmark.bundle.checked_run import CheckedRun, has_keys
from benchmark.bundle.enclosed import enclosed_samples
from benchmark.bundle.identity import check_files
from benchmark.bundle.image_scores import ImageScores
from benchmark.bundle.keys import check_keys
from benchmark.bundle.layout import NUMBERS
from benchmark.bundle.marks import Marker, Proved, base_of
from benchmark.bundle.masks import Masks
from benchmark.bundle.numbers import Numbers, put_numbers, put_undefined, read_numbers
from benchmark.bundle.proof import Findings, Mark, Proof
from benchmark.bundle.read import Opened, open_bundle
from benchmark.bundle.rerun import NOTHING, Rerun, Runner
from benchmark.bundle.samples import SampleList
from benchmark.bundle.score import Scorer, Scores, measurements
from benchmark.bundle.tables import (
    EXACT,
    RESULTS,
    SAMPLES,
    SIX_DECIMALS,
    Comparable,
    compare_results,
    compare_samples,
)
from benchmark.core.errors import BenchError, DataError
from benchmark.core.inspecting import inspecting
from benchmark.metrics import METRICS, revision_of
from benchmark.metrics.intervals import RULES
from benchmark.recomputed import Recomputed
from benchmark.results.aggregate import aggregate
from benchmark.results.csv import read_results
from benchmark.results.record import Record, read_record
from benchmark.results.recorded_jobs import RecordedJobs, recorded_jobs
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import read_plan
from benchmark.results.samples import sample_rows
from benchmark.store.store import Store

AGAIN = 5  # detections that run again by default, and images that are inpainted again


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Options of a proof: outputs to compute again, their seed, and where progress is told."""

    count: int
    seed: int
    progress: Callable[[str], object]


@inspecting()
def prove(
    path: str | Path,
    *,
    count: int = AGAIN,
    seed: int = 0,
    progress: Callable[[str], object] = str,
) -> Proof:
    """Check every number of a bundle that can be checked here.

    Nothing in it is executed: models and metrics are this project's own, with the weights that
    are installed here.

    Args:
        path: the bundle.
        count: number of detections to run again, and of images to inpaint again.
        seed: seed of the choice of these.
        progress: called with a line now and then.

    Returns:
        What is proved, and everything that contradicts.

    Raises:
        DataError: if it is no bundle, or its plan or record is damaged or of a later version.
    """
    with open_bundle(path) as opened:
        try:
            return _prove(opened, _Wanted(count, seed, progress))
        except BenchError as error:
            raise DataError(f"{path}: {_inside(opened, error)}") from None


def proof_of(path: str | Path) -> Proof | None:
    """Return the proof of a bundle without running a detector; None for the folder of a run.

    Raises:
        DataError: as `prove`.
    """
    return None if Path(path).is_dir() else prove(path, count=0)


def _prove(opened: Opened, wanted: _Wanted) -> Proof:
    record = read_record(opened.run)
    if record is None:
        raise DataError("record.json is missing")
    plan, findings = read_plan(opened.run, record), Findings()
    run = CheckedRun(
        opened=opened,
        plan=plan,
        record=record,
        findings=findings,
        keys=has_keys(opened.run / SAMPLES),
    )
    check_files(opened, record, plan, findings)
    same = check_cards(opened, record, plan, findings)
    with Store(opened.store) as store:
        try:
            return _check(run, store, same, wanted)
        except BenchError as error:
            said = _inside(opened, error)
            file = next((one for one in (RESULTS, NUMBERS) if one in said), SAMPLES)
            findings.differs(file, said.removeprefix(f"{file}: "))
            return _proof(run, marks=_claims(opened), samples=record.samples)


def _check(run: CheckedRun, store: Store, same: set[str], wanted: _Wanted) -> Proof:
    findings, record = run.findings, run.record
    jobs = recorded_jobs(run.plan, record, run.samples())
    if len(jobs.resolved.samples) != record.samples and record.samples:
        said = f"{len(jobs.resolved.samples)} samples, but record.json says {record.samples}"
        findings.differs(SAMPLES, said)
    exact = _put_numbers(run, store, jobs)
    metrics = _metrics(run)
    compare_samples(run.samples(), sample_rows(jobs, store), findings)
    cells = tuple(aggregate(jobs, store, record.failures))
    _compare_results(run, cells, metrics, exact=exact)
    masks = Masks(jobs, run.opened.manifest, findings)
    masks.check_names()
    samples = SampleList(jobs, record, findings)
    samples.check()
    if run.keys:
        check_keys(jobs, record, same, findings)
    images = ImageScores(jobs, store, metrics, findings)
    images.check_acc(exact=exact)
    places = enclosed_samples(jobs, run.samples, run.opened, findings) if run.keys else []
    masks.check(store, places)
    samples.check_enclosed(store, places, run.opened.outputs)
    scorer = Scorer(jobs, store, run.opened.outputs, metrics, findings, exact=exact)
    if metrics:
        scorer.run(places, wanted.progress)
        images.check_areas(places, run.opened.outputs, same, scorer.scores)
    runner = Runner(run, jobs, same, count=wanted.count, seed=wanted.seed)
    again = runner.run(places)
    bad = {one.row for one in findings.mismatches if one.file == RESULTS}
    proved = Proved(
        metrics=metrics,
        scores=scorer.scores,
        detections=again.detections.agreed,
        contradicted=bad,
        intervals=_has_same_intervals(record),
    )
    for reason, number in scorer.scores.left.items():
        findings.note(f"{number:,} numbers of enclosed samples were not scored again: {reason}.")
    return _proof(
        run,
        marks=tuple(Marker(jobs, store, record.failures, proved).marks(cells)),
        samples=len(jobs.resolved.samples),
        enclosed=len(places),
        scores=scorer.scores,
        again=again,
        numbers=scorer.stated(),
    )


def _proof(
    run: CheckedRun,
    *,
    marks: Sequence[Mark],
    samples: int,
    enclosed: int = 0,
    scores: Scores | None = None,
    again: Rerun = NOTHING,
    numbers: int = 0,
) -> Proof:
    return Proof(
        path=run.opened.path,
        name=run.plan.name,
        marks=tuple(marks),
        samples=samples,
        enclosed=enclosed,
        numbers={"all": numbers, "scored": scores.count if scores else 0},
        mismatches=tuple(run.findings.mismatches),
        notes=tuple(run.findings.notes),
        detections=_counts(again.detections),
        images=_counts(again.images),
    )


def _counts(again: Recomputed) -> dict[str, int]:
    return {"tried": again.tried, "agreed": len(again.agreed)}


def _put_numbers(run: CheckedRun, store: Store, jobs: RecordedJobs) -> bool:
    """Put the numbers of the samples into the store; return whether they have all digits."""
    path = run.opened.folder / NUMBERS
    numbers: Iterable[Numbers] = read_numbers(path) if path.is_file() else ()
    exact = put_numbers(store, run.samples(), numbers, run.record.metrics)
    if not exact:
        put_undefined(store, measurements(jobs), run.record.failures)
        run.findings.note(
            "numbers have six decimals, as in samples.csv: results are compared within "
            f"{SIX_DECIMALS:g}."
        )
    return exact


def _metrics(run: CheckedRun) -> set[str]:
    """Return the metrics of a run that are this project's, of the revision that is here."""
    found: set[str] = set()
    for name, revision in run.record.metrics.items():
        if name not in METRICS.built_in:
            run.findings.note(
                f"{name}: a metric that is not of this project; its results are claims."
            )
        elif revision != revision_of(name):
            run.findings.note(
                f"{name}: revision {revision[:20]} of the metric, here {revision_of(name)}; not "
                "compared."
            )
        else:
            found.add(name)
    if not run.record.metrics:
        run.findings.note("metrics: of an older version that records no revisions; not compared.")
    return found


def _compare_results(
    run: CheckedRun, cells: Sequence[ResultRow], metrics: set[str], *, exact: bool
) -> None:
    intervals = _has_same_intervals(run.record)
    if not intervals:
        run.findings.note(
            "intervals: made by the rules of another version; not compared, so that all results "
            "are claims."
        )
    names = {row.metric for row in cells if base_of(row.metric) in metrics}
    if not exact:
        names.discard("image_auc")  # scores that are equal in six decimals need not be
    comparable = Comparable(
        metrics=frozenset(names), intervals=intervals, within=EXACT if exact else SIX_DECIMALS
    )
    compare_results(run.opened.run / RESULTS, cells, comparable, run.findings)


def _has_same_intervals(record: Record) -> bool:
    return record.intervals == RULES


def _claims(opened: Opened) -> list[Mark]:
    """Return a mark for each result of a bundle whose samples cannot be used."""
    try:
        rows = list(read_results(opened.run / RESULTS))
    except BenchError:
        return []
    return [Mark(kind="" if row.value is None else "claim") for row in rows]


def _inside(opened: Opened, error: BenchError) -> str:
    """Return a message without the temporary folder."""
    return str(error).replace(f"{opened.run}/", "").replace(f"{opened.folder}/", "")
