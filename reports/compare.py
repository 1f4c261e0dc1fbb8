"""Two runs over the same images side by side: what moved, by how much, and is it noise.

The tests of one detector, on one data set after one laundering, are a family: every number of both
runs that moved on any image. One that moved nowhere cannot be called a change, whatever the
others do, so it does not count in the family (Tarone 1990).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from html import escape
from math import copysign
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.core.errors import BadInput, DataError
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Values
from benchmark.results.checksums import check_run
from benchmark.results.rounding import GAP, kind_of, number, p_text, signed, signed_span
from benchmark.results.rows import ResultRow, SampleRow
from benchmark.results.run_folder import RunFolder, read_run
from benchmark.results.significance import Conclusion, PairedTest, corrected, paired_tests
from benchmark.results.training_exposure import MET, seen_in_training
from reports.paired import Cell, Pictures, images_of

HEADS = ("data set", "laundered", "detector", "inpainter", "bucket", "metric", "first", "second",
         "change", "95 % interval", "p (Holm)", "verdict", "weights")  # fmt: skip
LONGEST = 20  # characters of a folder's name that heads a column
RULE = (
    "Changes are second minus first, paired by image, with their 95 % intervals; tests are "
    "two-sided, corrected by Holm's rule over the numbers of a detector that moved "
    "(docs/statistics.md)."
)
MET_CHANGE = f"{MET} seen in training by the detector of either run."
POOLED = "a number of all images together has no value per image"
Key = tuple[Cell, str, str]  # where, whose and which number
_LIMIT = re.compile(r"([a-z0-9_]+):([+-]\d*\.?\d+)", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One number in two runs.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the inpainted images, or "".
        detector: the detector's name, or "".
        inpainter: the inpainter's name, with its retouching, such as "telea+grain:1.5".
        bucket: the hole's bucket.
        metric: the metric's name.
        first: the first run's number, or None for a gap.
        second: the second run's, or None for a gap.
        low: lower end of the paired 95 % interval of second minus first, or None.
        high: upper end, or None.
        p: two-sided p-value of a change, or None.
        p_holm: that p-value corrected for the tests of this detector, or None.
        n: images that count in both.
        verdict: whether the second run is better or worse, as `results.significance` says.
        reason: why nothing is tested, or "".
        first_weights: the weights behind the first number, or "" where the run lacks the cell.
        second_weights: likewise of the second.
        met: whether the detector of either run met the inpainter in training.
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
    p: float | None
    p_holm: float | None
    n: int
    verdict: Conclusion
    reason: str
    first_weights: str
    second_weights: str
    met: bool

    @property
    def change(self) -> float | None:
        """Second minus first, or None where either is a gap."""
        if self.first is None or self.second is None:
            return None
        return self.second - self.first

    @property
    def differs(self) -> bool:
        """Whether a change was shown."""
        return self.verdict in {"better", "worse"}

    @property
    def moved(self) -> bool:
        """Whether anything of it is another in the second run: number, gap or weights."""
        others = self.first_weights != self.second_weights
        return others or self.differs or self.first != self.second

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
        return kind_of(self.metric).decimals


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
        """The comparison for a terminal, what did not move left out; ends with a line break."""
        pairs = zip(self.changes, self.rows(), strict=True)
        moved = [row for one, row in pairs if one.moved]
        rows = [self.heads, *moved]
        widths = [max(len(row[column]) for row in rows) for column in range(len(HEADS))]
        lines = [
            "  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip()
            for row in (rows if moved else ())
        ]
        said = [f"first: {self.first}, second: {self.second}", "", *lines, *([""] if lines else [])]
        said += [self.summary(), *([self.rule] if moved else [])]
        return "\n".join([*said, *(f"Failed: {line}" for line in self.failures)]) + "\n"

    @property
    def heads(self) -> tuple[str, ...]:
        """`HEADS`, with the names of the runs' folders where they tell the runs apart."""
        names = self.first.name, self.second.name
        short = all(0 < len(name) <= LONGEST for name in names) and names[0] != names[1]
        said = dict(zip(("first", "second"), names, strict=True)) if short else {}
        return tuple(said.get(head, head) for head in HEADS)

    def rows(self) -> Iterator[tuple[str, ...]]:
        """One text per heading of `HEADS` and cell."""
        for one in self.changes:
            yield (
                one.dataset,
                one.launder or "-",
                one.detector or "-",
                one.inpainter + (MET if one.met else ""),
                one.bucket,
                one.metric,
                number(one.first, one.decimals),
                number(one.second, one.decimals),
                signed(one.change, one.decimals),
                signed_span(one.low, one.high, one.decimals) or GAP,
                p_text(one.p_holm),
                one.verdict,
                _weights(one),
            )

    def summary(self) -> str:
        """What moved, in a line."""
        moved = sum(one.change is not None and one.change != 0 for one in self.changes)
        differ = sum(one.differs for one in self.changes)
        gaps = sum(one.change is None for one in self.changes)
        if not any(one.moved for one in self.changes):
            return f"{len(self.changes)} cells: none moved."
        return (
            f"{len(self.changes)} cells: {moved} moved, {differ} of them better or worse by a "
            f"test, {gaps} cannot be compared (a gap in either run)."
        )

    @property
    def rule(self) -> str:
        """How it was tested, and why some of it was not."""
        reasons: dict[str, int] = {}
        for one in self.changes:
            if one.reason and one.change is not None:
                reasons[one.reason] = reasons.get(one.reason, 0) + 1
        met = [MET_CHANGE] if any(one.met for one in self.changes) else []
        return " ".join(
            [RULE, *met, *(f"Not tested, {n} of them: {why}." for why, n in reasons.items())]
        )

    def html(self) -> str:
        """The comparison as an HTML table; rows that are better or worse have the class "moved"."""
        heads = "".join(f'<th scope="col">{escape(head)}</th>' for head in self.heads)
        body = []
        for one, row in zip(self.changes, self.rows(), strict=True):
            mark = ' class="moved"' if one.differs else ""
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
            "cells": [{**asdict(one), "change": one.change} for one in self.changes],
            "tests": RULE,
            "failures": list(self.failures),
        }


def compare_runs(
    first: str | Path, second: str | Path, fail_on: str = "", *, store: str | Path | None = None
) -> Comparison:
    """Set two runs over the same images side by side.

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
        DataError: if a folder is no run's, a file of it is damaged, or the runs are over different
            images or holes.
    """
    runs = read_run(first, store=store), read_run(second, store=store)
    for run in runs:
        _refuse_damaged(run)
    limits = _limits(fail_on, runs)
    _same_pictures(*runs)
    changes = tuple(_changes(*runs))
    failures = tuple(line for one in changes for line in _failed(one, limits))
    return Comparison(first=runs[0].path, second=runs[1].path, changes=changes, failures=failures)


def _refuse_damaged(run: RunFolder) -> None:
    """What `bench check` finds in the folder of a run that has ended."""
    found = next(check_run(run.path), None) if run.complete else None
    if found:
        raise DataError(f"{found.where}: {found.said}")


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
    """Both runs' buckets of one data set must hold the same images with the same holes."""
    sides = _holes(first.each_sample()), _holes(second.each_sample())
    shared = sides[0].keys() & sides[1].keys()
    if not shared:
        raise DataError(f"{first.path} and {second.path}: no data set and bucket in common")
    for key in sorted(shared):
        odd = sorted(sides[0][key] ^ sides[1][key])
        if odd:
            dataset, bucket = key
            raise DataError(
                f"{first.path} and {second.path}: different images or holes of {dataset} at "
                f"{bucket} %, such as {odd[0][0]!r}; only runs over the same can be compared"
            )


def _holes(samples: Iterable[SampleRow]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in samples:
        found.setdefault((row.dataset, row.bucket), set()).add((row.sample, row.mask))
    return found


def _changes(first: RunFolder, second: RunFolder) -> Iterator[Change]:
    sides = [{_key(row): row for row in run.results} for run in (first, second)]
    pictures = [images_of(run.each_sample()) for run in (first, second)]
    keys = list({**sides[0], **sides[1]})
    both = [key for key in keys if all(_has(side.get(key)) for side in sides)]
    tests = _tests(both, pictures, first.plan.seed)
    for key in keys:
        gap = _untested("a gap in either run" if key not in both else POOLED)
        yield _change(key, sides[0].get(key), sides[1].get(key), tests.get(key, gap))


def _key(row: ResultRow) -> Key:
    return Cell(row.dataset, row.launder, row.detector, row.bucket), row.painter, row.metric


def _has(row: ResultRow | None) -> bool:
    return row is not None and row.value is not None


def _untested(reason: str) -> PairedTest:
    return PairedTest(
        value=None, low=None, high=None, p=None, n=0, verdict="not tested", reason=reason
    )


def _change(
    key: Key, first: ResultRow | None, second: ResultRow | None, test: PairedTest
) -> Change:
    cell, inpainter, metric = key
    return Change(
        dataset=cell.dataset,
        launder=cell.launder,
        detector=cell.detector,
        inpainter=inpainter,
        bucket=cell.bucket,
        metric=metric,
        first=first.value if first else None,
        second=second.value if second else None,
        low=test.low,
        high=test.high,
        p=test.p,
        p_holm=test.p_holm,
        n=test.n,
        verdict=test.verdict,
        reason=test.reason,
        first_weights=first.weights if first else "",
        second_weights=second.weights if second else "",
        met=any(seen_in_training(row) for row in (first, second) if row),
    )


def _tests(
    keys: Iterable[Key], pictures: Sequence[Mapping[Cell, Pictures]], seed: int
) -> dict[Key, PairedTest]:
    """The tests of all numbers that are means over images, each family corrected."""
    alike: dict[int, dict[Key, Pair]] = {}  # those over as many images are made together
    for key in keys:
        if (pair := _values(key, pictures)) is not None:
            alike.setdefault(len(pair.before), {})[key] = pair
    found: dict[Key, PairedTest] = {}
    families: dict[tuple[str, str, str], list[Key]] = {}
    for pairs in alike.values():
        before = np.stack([pair.before for pair in pairs.values()], axis=1)
        after = np.stack([pair.after for pair in pairs.values()], axis=1)
        made = paired_tests(after, before, metrics=[key[2] for key in pairs], seed=seed)
        found.update(zip(pairs, made, strict=True))
        for key, pair in pairs.items():
            if pair.moved:
                cell = key[0]
                families.setdefault((cell.dataset, cell.launder, cell.detector), []).append(key)
    for family in families.values():
        found.update(zip(family, corrected([found[key] for key in family]), strict=True))
    return found


class Pair(NamedTuple):
    """One number's values image by image, in both runs.

    Attributes:
        before: (N,) in the first run.
        after: (N,) in the second, of the same images.
    """

    before: Values
    after: Values

    @property
    def moved(self) -> bool:
        """Whether any image's value differs that counts in both."""
        known = np.isfinite(self.before) & np.isfinite(self.after)
        return bool((self.before != self.after)[known].any())


def _values(key: Key, pictures: Sequence[Mapping[Cell, Pictures]]) -> Pair | None:
    """The values image by image; None for a metric pooled over images."""
    cell, inpainter, name = key
    metric = kind_of(name)()
    if type(metric).reduce is not Metric.reduce:
        return None
    names = list(pictures[0][cell].rows[inpainter].names)
    return Pair(*(side[cell].values(inpainter, metric, names) for side in pictures))


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
