"""Sample files (samples.csv): one row per sample and detector, streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import isnan, nan
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from benchmark.composite import split_treatment
from benchmark.core.errors import first_line
from benchmark.metrics import METRICS, OF_UNTOUCHED
from benchmark.results.files import damaged, is_of_forgeries, read_rows, write_rows
from benchmark.results.rounding import checked, stored
from benchmark.results.rows import SampleKeys, SampleRow
from benchmark.results.variants import InpainterVariant
from benchmark.runner.conditions import Condition, conditions_of, null_conditions
from benchmark.runner.forgeries import AS_PUBLISHED
from benchmark.runner.jobs import SampleRef
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan
from benchmark.runner.resolve_checks import COLUMNS, FORGERY_COLUMNS
from benchmark.store.store import Store
from inpainters import INPAINTERS

BEGUN_SAMPLES = "begun.csv"  # keys only, until the run has ended
BLOCK = 256
ACC, FPR = "acc", "fpr"
KEYS = tuple(name for name in COLUMNS if name.endswith("_key"))
FIXED = COLUMNS
FORGERY_FIXED = (  # of a run of forgeries
    "dataset", "launder", "sample", *FORGERY_COLUMNS, "mask", "detector", "score", *KEYS,
)  # fmt: skip
LATER = frozenset({"composite", "retouch", *KEYS})  # missing in some files
_TEXTS = tuple(name for name in FIXED if name not in ("mask_ratio_percent", *KEYS))

_ROW = TypeAdapter(SampleRow)
_Numbers = tuple[float, ...] | None


def sample_rows(jobs: PlanJobs, store: Store, *, exact: bool = False) -> Iterator[SampleRow]:
    """Yield a row per inpainter, treatment, detector, post-processing and sample.

    Metrics of the image alone are gaps if it was post-processed. Numbers are rounded as in the
    file, or with `exact` those of the store.
    """
    places = range(len(jobs.resolved.samples))
    for view in sample_conditions(jobs.resolved):
        for start in range(0, len(places), BLOCK):
            yield from _rows(jobs, store, view, places[start : start + BLOCK], exact=exact)


def write_samples(path: Path, jobs: PlanJobs, store: Store) -> None:
    """Write samples.csv: the rows of `sample_rows`, one number per column.

    Raises:
        OutputError: if the file cannot be written.
    """
    resolved = jobs.resolved
    heads = number_columns(jobs, store)
    columns = (*_fixed(resolved), *(head for name in heads for head in heads[name]))
    write_rows(path, columns, (_written(row, heads) for row in sample_rows(jobs, store)))


def write_keys(path: Path, jobs: PlanJobs) -> None:
    """Write the rows of samples.csv with keys only, at the start of a run.

    Raises:
        OutputError: if the file cannot be written.
    """
    places = range(len(jobs.resolved.samples))
    rows = (
        _row(jobs, view, place, keys)
        for view in sample_conditions(jobs.resolved)
        for place, keys in zip(places, _keys(jobs, view, places), strict=True)
    )
    write_rows(path, _fixed(jobs.resolved), (_written(row, {}) for row in rows))


def number_columns(jobs: PlanJobs, store: Store) -> dict[str, tuple[str, ...]]:
    """Return the columns of every metric of a run in samples.csv, by the metric's name."""
    return {name: _heads(name, jobs, store) for name in _names(jobs.resolved)}


def read_samples(path: Path) -> Iterator[SampleRow]:
    """Read samples.csv, including files of older versions.

    Raises:
        DataError: if the file is missing, damaged or of another version.
    """
    columns = FORGERY_FIXED if is_of_forgeries(path) else FIXED
    heads: list[tuple[str, str]] = []
    untouched = cache(_untouched)  # within one file, as registries change
    for number, row in enumerate(read_rows(path, columns, later=LATER), start=2):
        heads = heads or _metric_columns(row)
        try:
            yield _read(row, heads, untouched)
        except (ValidationError, ValueError) as error:
            raise damaged(path, f"line {number}: {first_line(error)}") from None


def _fixed(resolved: ResolvedPlan) -> tuple[str, ...]:
    """Return the columns before those of the metrics; that of composites only if there are some."""
    if resolved.plan.forgeries is not None:
        return FORGERY_FIXED
    return tuple(name for name in FIXED if name != "composite" or resolved.plan.composite)


def sample_conditions(resolved: ResolvedPlan) -> Iterator[Condition]:
    """Yield the plan's views, then those of authentic images that only the null needs."""
    yield from conditions_of(resolved, resolved.detectors or (None,), resolved.inpainters)
    if resolved.extra_null_inpainter is not None:
        for view in null_conditions(resolved):
            extra = resolved.extra_null_inpainter
            if view.detector in resolved.detectors_of(extra, view.treatment):
                yield view


def _names(resolved: ResolvedPlan) -> tuple[str, ...]:
    """Return every metric of any view of a plan, in the plan's order."""
    requested = dict.fromkeys(resolved.measured)
    own = (
        resolved.measured_of(view.inpainter, view.treatment) for view in sample_conditions(resolved)
    )
    found = requested | dict.fromkeys(name for names in own for name in names)
    if resolved.plan.forgeries is not None and ACC in found:
        found[FPR] = None
    return tuple(found)


def _rows(
    jobs: PlanJobs, store: Store, view: Condition, places: Sequence[int], *, exact: bool
) -> Iterator[SampleRow]:
    resolved = jobs.resolved
    heatmaps = jobs.detect_keys_of(view) if view.detector else None
    scores = store.scores(heatmaps.at(places)) if heatmaps else [None] * len(places)
    keys = list(_keys(jobs, view, places))
    measured = {
        name: _measured(jobs, store, (view, name), places, exact=exact)
        for name in resolved.measured_of(view.inpainter, view.treatment)
    }
    for row, (place, score) in enumerate(zip(places, scores, strict=True)):
        yield replace(
            _row(jobs, view, place, keys[row]),
            score=None if score is None else score if exact else float(stored(score)),
            numbers={
                _name_for(name, resolved.samples[place]): found
                for name, column in measured.items()
                if (found := column[row]) and (exact or _counts(found))
            },
        )


def _name_for(metric: str, sample: SampleRef) -> str:
    """Return the name of a metric for a sample: `fpr` replaces `acc` for authentic images."""
    authentic = sample.forgery is not None and sample.forgery.kind == "authentic"
    return OF_UNTOUCHED.get(metric, metric) if authentic else metric


def _row(jobs: PlanJobs, view: Condition, place: int, keys: SampleKeys) -> SampleRow:
    """Return a row without score and metrics."""
    sample = jobs.resolved.samples[place]
    composite, retouch = split_treatment(view.treatment)
    return SampleRow(
        dataset=sample.dataset,
        launder=view.launder,
        sample=sample.id,
        bucket=sample.bucket,
        mask=sample.mask,
        inpainter=view.inpainter.name,
        composite=composite,
        retouch=retouch,
        detector=view.detector.name if view.detector else "",
        score=None,
        keys=keys,
        forgery=sample.forgery,
    )


def _keys(jobs: PlanJobs, view: Condition, places: Iterable[int]) -> Iterator[SampleKeys]:
    images = jobs.inpaint_keys(view.inpainter, view.treatment)
    heatmaps = jobs.detect_keys_of(view) if view.detector else None
    for place in places:
        yield SampleKeys(
            original=jobs.image_keys()[place],
            mask=jobs.mask_keys()[place],
            image=images[place],
            heatmap=heatmaps[place] if heatmaps else "",
        )


def _measured(
    jobs: PlanJobs,
    store: Store,
    what: tuple[Condition, str],
    places: Sequence[int],
    *,
    exact: bool = False,
) -> list[_Numbers]:
    view, name = what
    needs_detector = METRICS.load(name).needs == "verdict"
    if (needs_detector and view.detector is None) or (view.launder and not needs_detector):
        return [None] * len(places)
    found = store.measurements(jobs.measure_keys_of(name, view).at(places))
    return [
        None
        if row is None
        else tuple(number if exact else float(stored(number)) for number in row.tolist())
        for row in found
    ]


def _heads(name: str, jobs: PlanJobs, store: Store) -> tuple[str, ...]:
    """Return the columns of a metric, "NAME" or "NAME.PART"; their number is read from the store.

    If its class does not name as many parts, they are "NAME.1", "NAME.2" and so on.
    """
    parts = METRICS.load(name).parts
    count = _count(name, jobs, store) or len(parts)
    if count != len(parts):
        parts = tuple(map(str, range(1, count + 1)))
    return tuple(f"{name}.{part}" if part else name for part in parts)


def _count(name: str, jobs: PlanJobs, store: Store) -> int:
    """Return the length of a metric's rows; 0 if the store has none."""
    places = range(len(jobs.resolved.samples))
    for view in sample_conditions(jobs.resolved):
        if name not in jobs.resolved.measured_of(view.inpainter, view.treatment):
            continue
        for start in range(0, len(places), BLOCK):
            some = places[start : start + BLOCK]
            found = _measured(jobs, store, (view, name), some, exact=True)
            if numbers := next((one for one in found if one), None):
                return len(numbers)
    return 0


def _written(row: SampleRow, heads: Mapping[str, Sequence[str]]) -> dict[str, object]:
    keys = row.keys
    said: dict[str, object] = {
        "dataset": row.dataset,
        "launder": row.launder,
        "sample": row.sample,
        "mask": row.mask,
        **_about(row),
        "detector": row.detector,
        "score": row.score,
        **dict(zip(KEYS, (keys.original, keys.mask, keys.image, keys.heatmap), strict=True)),
    }
    for name, numbers in row.numbers.items():
        said.update(zip(heads[name], numbers, strict=True))
    return {**said, "composite": row.composite} if row.composite else said


def _about(row: SampleRow) -> dict[str, object]:
    """Return the columns of an inpainted image, or those of a forgery."""
    if row.forgery is None:
        return {
            "mask_ratio_percent": row.bucket,
            "inpainter": row.inpainter,
            "retouch": row.retouch,
        }
    return {name: getattr(row.forgery, name) for name in FORGERY_COLUMNS}


def _forgery(row: Mapping[str, str]) -> dict[str, object]:
    """Return the values of a row of forgeries that the others have as columns."""
    if "kind" not in row or "inpainter" in row:
        return {}
    # the key of the image's pixels is not in the file: the keys made from it are
    about = {name: row[name] for name in FORGERY_COLUMNS}
    return {"inpainter": AS_PUBLISHED.name, "bucket": "", "forgery": {"image": "", **about}}


def _metric_columns(row: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return the columns of metrics, each with the name of its metric."""
    fixed = {*FIXED, *(FORGERY_FIXED if _forgery(row) else ())}
    return [(head, head.partition(".")[0]) for head in row if head not in fixed]


def _read(
    row: Mapping[str, str],
    heads: Iterable[tuple[str, str]],
    untouched: Callable[[str, str], bool],
) -> SampleRow:
    numbers: dict[str, list[float]] = {}
    forgery = _forgery(row)
    for head, metric in heads:
        # older versions: all numbers of a metric in one column, separated by spaces
        parts = row[head].split(" ")
        own = numbers.setdefault(metric, [])
        own.extend(checked(float(part)) if part else nan for part in parts)
    counted = {name: tuple(found) for name, found in numbers.items() if _counts(found)}
    if not forgery and ACC in counted and untouched(row["inpainter"], row.get("retouch", "")):
        counted[FPR] = counted.pop(ACC)  # its name in files of older versions
    return _ROW.validate_python(
        {
            **{name: row.get(name, "") for name in _TEXTS},
            "bucket": row.get("mask_ratio_percent", ""),
            **forgery,
            "keys": {name.removesuffix("_key"): row.get(name, "") for name in KEYS},
            "numbers": counted,
        }
    )


def _counts(numbers: Iterable[float]) -> bool:
    """Return whether any is not NaN; otherwise the sample is a gap."""
    return not all(map(isnan, numbers))


def _untouched(inpainter: str, retouch: str) -> bool:
    return inpainter in INPAINTERS and InpainterVariant(inpainter, retouch).untouched
