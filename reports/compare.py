"""Two runs over the same pictures side by side: what moved, by how much, and is it noise."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from math import copysign
from pathlib import Path

import numpy as np

from benchmark.core.errors import BadInput, DataError
from benchmark.core.seeds import seed_of
from benchmark.metrics import METRICS
from benchmark.metrics.base import Metric
from reports.folder import ResultRow, RunFolder, SampleRow, read_run
from reports.formats.grid import number, signed
from reports.inference import Difference, paired_differences
from reports.statistics import Cell, Pictures, pictures_of

HEADS = ("data set", "laundered", "detector", "inpainter", "bucket", "metric", "first", "second",
         "change", "95 % interval", "beyond noise", "weights")  # fmt: skip
_LIMIT = re.compile(r"([a-z0-9_]+):([+-]\d*\.?\d+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One number in two runs.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the painted pictures, or "".
        detector: the detector's name, or "".
        inpainter: the inpainter's name.
        bucket: the hole's bucket.
        metric: the metric's name.
        first: the first run's number, or None for a gap.
        second: the second run's, or None for a gap.
        low: lower end of the paired 95 % bootstrap interval of second minus first, or None.
        high: upper end, or None.
        n: pictures that count in both.
        first_weights: the weights behind the first number, or "" where the run lacks the cell.
        second_weights: likewise of the second.
    """

    dataset: str
    launder: str
    detector: str
    inpainter: str
    bucket: str
    metric: str
    first: float | None
    second: float | None
    low: float | None
    high: float | None
    n: int
    first_weights: str
    second_weights: str

    @property
    def change(self) -> float | None:
        """Second minus first, or None where either is a gap."""
        if self.first is None or self.second is None:
            return None
        return self.second - self.first

    @property
    def beyond_noise(self) -> bool | None:
        """Whether the interval of the change leaves out 0; None where there is no interval."""
        if self.low is None or self.high is None:
            return None
        return not self.low <= 0 <= self.high

    @property
    def name(self) -> str:
        """The cell in words: inpainter, detector, metric, data set and bucket."""
        judge = f" on {self.detector}" if self.detector else ""
        laundered = f" after {self.launder}" if self.launder else ""
        where = f"{self.dataset} {self.bucket} %"
        return f"{self.inpainter}{judge}{laundered}: {self.metric} ({where})"

    @property
    def decimals(self) -> int:
        """Digits after the point that the metric is printed with."""
        return METRICS.load(_measured(self.metric)).decimals


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        first: the first run's folder.
        second: the second run's.
        changes: every cell of either run, in the first's order.
        failures: the cells that move as `fail_on` forbids, in a line each.
    """

    first: Path
    second: Path
    changes: tuple[Change, ...]
    failures: tuple[str, ...]

    def text(self) -> str:
        """The comparison for a terminal; ends with a line break."""
        rows = [HEADS, *self.rows()]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in rows
        ]
        said = [f"first: {self.first}, second: {self.second}", "", *lines, "", self.summary()]
        return "\n".join([*said, *(f"Failed: {line}" for line in self.failures)]) + "\n"

    def rows(self) -> Iterator[tuple[str, ...]]:
        """One text per heading of `HEADS` and cell."""
        for one in self.changes:
            yield (
                one.dataset,
                one.launder or "-",
                one.detector or "-",
                one.inpainter,
                one.bucket,
                one.metric,
                number(one.first, one.decimals),
                number(one.second, one.decimals),
                signed(one.change, one.decimals),
                _interval(one),
                {True: "yes", False: "no", None: "-"}[one.beyond_noise],
                _weights(one),
            )

    def summary(self) -> str:
        """What moved, in a line."""
        moved = sum(one.change is not None and one.change != 0 for one in self.changes)
        beyond = sum(bool(one.beyond_noise) for one in self.changes)
        gaps = sum(one.change is None for one in self.changes)
        return (
            f"{len(self.changes)} cells: {moved} moved, {beyond} of them beyond the noise, "
            f"{gaps} cannot be compared (a gap in either run)."
        )

    def html(self) -> str:
        """The comparison as an HTML table; rows beyond the noise have the class "moved"."""
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in HEADS)
        body = []
        for one, row in zip(self.changes, self.rows(), strict=True):
            mark = ' class="moved"' if one.beyond_noise else ""
            cells = "".join(f"<td>{escape(text)}</td>" for text in row)
            body.append(f"<tr{mark}>{cells}</tr>")
        return (
            f'<table class="comparison"><thead><tr>{heads}</tr></thead>\n<tbody>\n'
            + "\n".join(body)
            + "\n</tbody></table>\n"
        )

    def document(self) -> dict[str, object]:
        """The comparison as plain values for JSON."""
        return {
            "first": str(self.first),
            "second": str(self.second),
            "cells": [
                {**asdict(one), "change": one.change, "beyond_noise": one.beyond_noise}
                for one in self.changes
            ],
            "failures": list(self.failures),
        }


def compare_runs(
    first: str | Path, second: str | Path, fail_on: str = "", *, store: str | Path | None = None
) -> Comparison:
    """Set two runs over the same pictures side by side.

    Args:
        first: folder of the run that is compared with.
        second: folder of the run that may have moved.
        fail_on: limits such as "auc:+0.01,psnr:-0.2": a cell fails that rises, or falls, by more,
            or that the second run no longer has.
        store: where the answers of a run that has not ended are.

    Returns:
        The comparison.

    Raises:
        BadInput: if `fail_on` cannot be read or names a metric that neither run measured.
        DataError: if a folder is no run's, or the runs are over different pictures or holes.
    """
    runs = read_run(first, store=store), read_run(second, store=store)
    limits = _limits(fail_on, runs)
    _same_pictures(*runs)
    changes = tuple(_changes(*runs))
    failures = tuple(line for one in changes for line in _failed(one, limits))
    return Comparison(first=runs[0].path, second=runs[1].path, changes=changes, failures=failures)


def _limits(text: str, runs: Sequence[RunFolder]) -> dict[str, float]:
    measured = sorted({row.metric for run in runs for row in run.results})
    limits = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        found = _LIMIT.fullmatch(part)
        if found is None:
            raise BadInput(f"--fail-on: expected METRIC:+NUMBER or METRIC:-NUMBER, got {part!r}")
        if found[1] not in measured:
            known = ", ".join(measured)
            raise BadInput(f"--fail-on: no {found[1]!r} in these runs; they have {known}")
        limits[found[1]] = float(found[2])
    return limits


def _same_pictures(first: RunFolder, second: RunFolder) -> None:
    """Both runs' buckets of one data set must hold the same pictures with the same holes."""
    sides = _holes(first.each_sample()), _holes(second.each_sample())
    shared = sides[0].keys() & sides[1].keys()
    if not shared:
        raise DataError(f"{first.path} and {second.path}: no data set and bucket in common")
    for key in sorted(shared):
        odd = sorted(sides[0][key] ^ sides[1][key])
        if odd:
            dataset, bucket = key
            raise DataError(
                f"{first.path} and {second.path}: different pictures or holes of {dataset} at "
                f"{bucket} %, such as {odd[0][0]!r}; only runs over the same can be compared"
            )


def _holes(samples: Iterable[SampleRow]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in samples:
        found.setdefault((row.dataset, row.bucket), set()).add((row.sample, row.mask))
    return found


def _changes(first: RunFolder, second: RunFolder) -> Iterator[Change]:
    sides = [{_key(row): row for row in run.results} for run in (first, second)]
    pictures = [pictures_of(run.each_sample()) for run in (first, second)]
    for key in {**sides[0], **sides[1]}:
        yield _change(key, sides[0].get(key), sides[1].get(key), pictures, first.plan.seed)


def _key(row: ResultRow) -> tuple[Cell, str, str]:
    return Cell(row.dataset, row.launder, row.detector, row.bucket), row.inpainter, row.metric


def _change(
    key: tuple[Cell, str, str],
    first: ResultRow | None,
    second: ResultRow | None,
    pictures: Sequence[Mapping[Cell, Pictures]],
    seed: int,
) -> Change:
    cell, inpainter, metric = key
    apart = None
    if first and second and first.value is not None and second.value is not None:
        apart = _apart(key, pictures, seed)
    known = apart is not None and not np.isnan(apart.interval.low)
    return Change(
        dataset=cell.dataset,
        launder=cell.launder,
        detector=cell.detector,
        inpainter=inpainter,
        bucket=cell.bucket,
        metric=metric,
        first=first.value if first else None,
        second=second.value if second else None,
        low=apart.interval.low if apart and known else None,
        high=apart.interval.high if apart and known else None,
        n=apart.n if apart else 0,
        first_weights=first.weights if first else "",
        second_weights=second.weights if second else "",
    )


def _apart(
    key: tuple[Cell, str, str], pictures: Sequence[Mapping[Cell, Pictures]], seed: int
) -> Difference | None:
    """Second minus first, picture by picture; None for a metric pooled over pictures."""
    cell, inpainter, name = key
    metric = METRICS.load(_measured(name))()
    if type(metric).reduce is not Metric.reduce:
        return None
    names = list(pictures[0][cell].rows[inpainter].names)
    before, after = (side[cell].values(inpainter, metric, names) for side in pictures)
    (found,) = paired_differences(after, before[:, None], seed=seed_of("interval", seed))
    return found


def _measured(metric: str) -> str:
    return "acc" if metric == "false_alarm" else metric


def _interval(one: Change) -> str:
    if one.low is None or one.high is None:
        return "-"
    return f"[{signed(one.low, one.decimals)}, {signed(one.high, one.decimals)}]"


def _weights(one: Change) -> str:
    return " -> ".join(dict.fromkeys(filter(None, (one.first_weights, one.second_weights))))


def _failed(one: Change, limits: Mapping[str, float]) -> Iterator[str]:
    limit = limits.get(one.metric)
    if limit is None or one.first is None:
        return
    if one.second is None or one.change is None:
        yield f"{one.name} is a gap in the second run"
    elif round((one.change - limit) * copysign(1, limit), 9) > 0:  # files have six decimals
        yield f"{one.name} moved by {one.change:+.6f}, the limit is {limit:+g}"
