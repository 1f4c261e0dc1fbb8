"""Numbers of a run's samples as they were computed, with all digits (numbers.csv).

samples.csv has six decimals: means and intervals made from it could differ in the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from math import nan
from pathlib import Path

import numpy as np

from benchmark.core.errors import DataError
from benchmark.metrics import METRICS
from benchmark.results.files import read_rows, write_rows
from benchmark.results.rounding import LARGEST, checked
from benchmark.results.rows import SampleRow
from benchmark.results.samples import number_columns, sample_rows
from benchmark.runner.jobs import MeasureJob
from benchmark.runner.keys import measure_key
from benchmark.runner.outcome import Failure
from benchmark.runner.planning import JobColumn, PlanJobs
from benchmark.store.row import StoredRow
from benchmark.store.store import Store

SCORE = "score"
_ROWS = 512  # written to the store at once
Column = JobColumn[MeasureJob]
Numbers = Mapping[str, tuple[float, ...]]  # by metric, and the score


def write_numbers(path: Path, jobs: PlanJobs, store: Store) -> None:
    """Write numbers.csv: a row for each row of samples.csv, as the store has the numbers.

    Raises:
        OutputError: if the file cannot be written, or the store cannot be read.
    """
    heads = number_columns(jobs, store)
    columns = (SCORE, *(head for found in heads.values() for head in found))
    rows = (_written(row, heads) for row in sample_rows(jobs, store, exact=True))
    write_rows(path, columns, rows)


def _written(row: SampleRow, heads: Mapping[str, tuple[str, ...]]) -> dict[str, object]:
    found: dict[str, object] = {SCORE: "" if row.score is None else _text(row.score)}
    for name, numbers in row.numbers.items():
        found.update(zip(heads[name], map(_text, numbers), strict=True))
    return found


def _text(number: float) -> str:
    """Return the shortest text that is read as the same number, "nan" for NaN."""
    return repr(float(number))


def read_numbers(path: Path) -> Iterator[Numbers]:
    """Yield the numbers of each row; an undefined one (NaN) is a number, a missing one is not.

    Raises:
        DataError: if the file is missing or damaged.
    """
    for line, row in enumerate(read_rows(path, (SCORE,)), start=2):
        found: dict[str, list[float]] = {}
        try:
            for head, text in row.items():
                number = checked(float(text)) if text else nan
                found.setdefault(head.partition(".")[0], []).append(number)
        except ValueError:
            raise DataError(
                f"{path}: row {line}: {text[:40]!r} is not a number up to {LARGEST:g}"
            ) from None
        there = {head.partition(".")[0] for head, text in row.items() if text}
        yield {name: tuple(own) for name, own in found.items() if name in there}


def put_numbers(
    store: Store, rows: Iterable[SampleRow], exact: Iterable[Numbers], revisions: Mapping[str, str]
) -> bool:
    """Write the numbers of samples into a store, under the keys of the run.

    Args:
        store: the store.
        rows: rows of samples.csv, with keys.
        exact: the same rows of numbers.csv; of fewer the others are taken from samples.csv.
        revisions: revision of each metric of the run.

    Returns:
        Whether all numbers have all their digits, instead of the six decimals of samples.csv.

    Raises:
        UnknownName: if there is no metric of a name.
        DataError: if there are more rows of numbers than samples.
    """
    complete, every, others = True, iter(rows), iter(exact)
    while block := list(islice(every, _ROWS)):
        numbers = [next(others, {}) for _ in block]
        found: dict[str, StoredRow] = {}
        known = store.table.get([row.keys.heatmap for row in block])
        for row, own in zip(block, numbers, strict=True):
            for name in {**row.numbers, **own}.keys() - {SCORE}:
                said, digits = row.numbers.get(name), own.get(name)
                complete &= digits is not None
                key = _key(row, name, revisions)
                values = np.asarray(digits or said, dtype="<f8").tobytes()
                found[key] = StoredRow(key, None, values, "")
            (score,) = own.get(SCORE, (row.score,))
            complete &= SCORE in own or score is None
            if score is not None and row.keys.heatmap:
                there = known.get(row.keys.heatmap)
                file = there.file if there else ""
                found[row.keys.heatmap] = StoredRow(row.keys.heatmap, score, b"", file)
        with store.table.writing():
            store.table.put(found.values())
    if next(others, None) is not None:
        raise DataError("numbers.csv: has more rows than samples.csv")
    return complete


def put_undefined(store: Store, columns: Iterable[Column], failures: Iterable[Failure]) -> None:
    """Write NaN for numbers that samples.csv lacks though nothing failed: they are undefined.

    Args:
        store: the store, with all other numbers.
        columns: all measurements of the run.
        failures: failures of the run; numbers of their samples may be missing.
    """
    failed = {(one.dataset, one.sample) for one in failures}
    for column in columns:
        known = store.known(list(column.keys))
        jobs = (column.job(at) for at, key in enumerate(column.keys) if key not in known)
        rows = [
            StoredRow(job.key, None, _nan_row(job.metric), "")
            for job in jobs
            if (job.inpaint_job.sample.dataset, job.inpaint_job.sample.id) not in failed
        ]
        with store.table.writing():
            store.table.put(rows)


def _nan_row(metric: str) -> bytes:
    return np.full(len(METRICS.load(metric).parts), np.nan, dtype="<f8").tobytes()


def _key(row: SampleRow, name: str, revisions: Mapping[str, str]) -> str:
    kind = METRICS.load(name)
    metric = kind.of_untouched or name
    heatmap = row.keys.heatmap if kind.needs == "verdict" else ""
    return measure_key(metric, revisions.get(metric, ""), row.keys.image, heatmap)
