"""The one reader of a run's folder: finished runs from their files, others from the store."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from sys import intern
from typing import Any, TextIO

from benchmark.core.card import card_from
from benchmark.core.errors import BenchError, DataError, PlanError
from benchmark.core.paths import home
from benchmark.core.registry import Registry
from benchmark.metrics.intervals import RULES
from benchmark.retouch import retouched_name
from benchmark.runner.cells import cells
from benchmark.runner.plan import Plan
from benchmark.runner.setup import Setup, prepare
from benchmark.runner.store import Store, is_store
from detectors import DETECTORS
from inpainters import INPAINTERS
from reports.results import COLUMNS, LATER, results_csv
from reports.samples import FIXED, write_samples

RUNS = Path("runs")  # where `bench run` makes a folder if it is told no other


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultRow:
    """One number of a run: a line of results.csv.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the painted picture before detection, or "".
        detector: the detector's name, or "" for a metric of the picture alone.
        inpainter: the inpainter's name.
        retouch: what was done to the hole after it, or "".
        bucket: the hole's bucket, such as "10-20".
        metric: the metric's name; `acc` on authentic pictures is called `false_alarm`.
        value: the number, or None for a gap.
        n: samples that count in it.
        expected: samples that should.
        low: lower end of the 95 % interval (docs/statistics.md), or None.
        high: upper end, or None.
        weights: the weights behind it, such as "safepaint=mini trufor=official".
        sees_hole: whether the inpainter looked at what the picture shows inside the hole.
        reason: why there is no number, or "".
    """

    dataset: str
    launder: str
    detector: str
    inpainter: str
    retouch: str = ""
    bucket: str
    metric: str
    value: float | None
    n: int
    expected: int
    low: float | None
    high: float | None
    weights: str
    sees_hole: bool
    reason: str

    @property
    def painter(self) -> str:
        """What tables call the inpainter, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.retouch)

    def edition(self, model: str) -> str:
        """The edition of one model's weights, such as "mini"; "none" for one without any."""
        return dict(part.split("=", 1) for part in self.weights.split())[model]


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleRow:
    """One picture with its hole, painted by one inpainter and judged by one detector.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the painted picture before detection, or "".
        sample: the picture's name.
        bucket: the hole's bucket.
        mask: what decided the mask, in words.
        inpainter: who painted.
        retouch: what was done to the hole then, or "".
        detector: who judged, or "".
        score: the detector's score in [0, 1], or None.
        numbers: per metric what it measured, one or several numbers; a gap has no entry.
    """

    dataset: str
    launder: str
    sample: str
    bucket: str
    mask: str
    inpainter: str
    retouch: str = ""
    detector: str
    score: float | None
    numbers: Mapping[str, tuple[float, ...]]

    @property
    def painter(self) -> str:
        """What tables call the inpainter, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.retouch)


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """What a run left in its folder, or has come to so far.

    Attributes:
        path: the folder.
        plan: the plan.
        record: what record.json says, or None where the run has not ended.
        results: every number, in the plan's order.
        store: where the answers of a run that has not ended are.
    """

    path: Path
    plan: Plan
    record: dict[str, Any] | None
    results: tuple[ResultRow, ...]
    store: str | Path

    @property
    def complete(self) -> bool:
        """Whether the run has ended; then its numbers come from its files alone."""
        return self.record is not None

    @property
    def old_intervals(self) -> bool:
        """Whether its intervals are an older version's, from the percentile bootstrap alone."""
        return self.record is not None and self.record.get("intervals") != RULES

    @cached_property
    def samples(self) -> tuple[SampleRow, ...]:
        """Every row of samples.csv, read when it is first asked for and kept.

        Raises:
            DataError: if the file is gone, damaged or of another version.
        """
        if self.complete:
            return tuple(self.each_sample())
        draft = StringIO()
        with Store(self.store) as store:
            write_samples(draft, prepare(self.plan), store)
        draft.seek(0)
        return tuple(_samples(draft, str(self.store)))

    def each_sample(self) -> Iterator[SampleRow]:
        """The rows of `samples` one after the other, none kept: a large run has a million.

        Raises:
            DataError: if the file is gone, damaged or of another version.
        """
        if not self.complete or "samples" in vars(self):
            yield from self.samples
            return
        with _opened(self.path / "samples.csv") as file:
            yield from _samples(file, str(file.name))


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
        store: where the answers are, for a run that has not ended; by default where `bench run`
            keeps them.

    Returns:
        The run.

    Raises:
        DataError: if the folder is no run's, a file in it is damaged or of another version, or the
            run has not ended and its store is not there.
    """
    folder, answers = Path(path), store or home() / "store"
    record = _record(folder)
    _remember(record or {})
    plan = _plan(folder)
    rows = _results(folder) if record is not None else _so_far(folder, plan, answers)
    return RunFolder(path=folder, plan=plan, record=record, results=rows, store=answers)


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


def _record(folder: Path) -> dict[str, Any] | None:
    path = folder / "record.json"
    if not path.exists():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: damaged ({error}); run the plan again to mend it") from None
    if not isinstance(found, dict) or "failures" not in found:
        raise DataError(f"{path}: damaged or of another version; run the plan again to mend it")
    return found


def _remember(record: Mapping[str, Any]) -> None:
    """Know the cards of what the run brought, which need not be here any more."""
    for name, model in record.get("brought", {}).items():
        registry: Registry[Any] = INPAINTERS if model["kind"] == "inpainter" else DETECTORS
        if name not in registry:
            registry.remember(card_from(model["card"]))


def _results(folder: Path) -> tuple[ResultRow, ...]:
    with _opened(folder / "results.csv") as file:
        return tuple(_numbers(file, str(file.name)))


def _so_far(folder: Path, plan: Plan, store: str | Path) -> tuple[ResultRow, ...]:
    if not is_store(store):
        raise DataError(f"{folder}: its run has not ended, and {store} is no store; name --store")
    setup: Setup = prepare(plan)
    with Store(store) as answers:
        text = results_csv(cells(setup, answers, ()))
    return tuple(_numbers(StringIO(text), str(store)))


def _opened(path: Path) -> TextIO:
    try:
        return path.open(encoding="utf-8", newline="")
    except OSError as error:
        reason = error.strerror
        raise DataError(f"{path}: {reason}; run the plan again to mend it") from None


def _numbers(lines: Iterable[str], where: str) -> Iterator[ResultRow]:
    for row in _rows(lines, COLUMNS, where):
        try:
            yield ResultRow(
                dataset=row["dataset"],
                launder=row["launder"],
                detector=row["detector"],
                inpainter=row["inpainter"],
                retouch=row.get("retouch", ""),
                bucket=row["mask_ratio_percent"],
                metric=row["metric"],
                value=_number(row["value"]),
                n=int(row["n"]),
                expected=int(row["expected"]),
                low=_number(row["low"]),
                high=_number(row["high"]),
                weights=row["weights"],
                sees_hole=row["sees_hole"] == "yes",
                reason=row["reason"],
            )
        except ValueError as error:
            raise _damaged(where, str(error)) from None


def _samples(lines: Iterable[str], where: str) -> Iterator[SampleRow]:
    for row in _rows(lines, FIXED, where):
        try:
            yield SampleRow(
                dataset=intern(row.pop("dataset")),  # the same few names in every row
                launder=intern(row.pop("launder")),
                sample=intern(row.pop("sample")),
                bucket=intern(row.pop("mask_ratio_percent")),
                mask=intern(row.pop("mask")),
                inpainter=intern(row.pop("inpainter")),
                retouch=intern(row.pop("retouch", "")),
                detector=intern(row.pop("detector")),
                score=_number(row.pop("score")),
                numbers={name: _several(text) for name, text in row.items() if text},
            )
        except ValueError as error:
            raise _damaged(where, str(error)) from None


def _rows(lines: Iterable[str], columns: Iterable[str], where: str) -> Iterator[dict[str, str]]:
    try:
        reader = csv.reader(lines)
        heads = next(reader, [])
        missing = [name for name in columns if name not in heads and name not in LATER]
        if missing:
            raise DataError(f"{where}: no column {missing[0]!r} (another version, or damaged)")
        for row in reader:
            if len(row) != len(heads):
                raise _damaged(where, f"line {reader.line_num}: not as many fields as headings")
            yield dict(zip(heads, row, strict=True))
    except (csv.Error, UnicodeDecodeError) as error:
        raise _damaged(where, str(error)) from None


def _number(text: str) -> float | None:
    return float(text) if text else None


def _several(text: str) -> tuple[float, ...]:
    if " " not in text:
        return (float(text),)
    return tuple(float(part) if part else float("nan") for part in text.split(" "))


def _damaged(where: str, reason: str) -> DataError:
    return DataError(f"{where}: damaged ({reason}); run the plan again to mend it")
