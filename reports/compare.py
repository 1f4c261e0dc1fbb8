"""Compare two runs over the same images: changed numbers, sizes of the changes, and significance.

The tests of one detector, on one data set after one post-processing, are a family: every number of
both runs that moved on any image. A number that moved nowhere cannot be a false finding, whatever
the others do, so it does not count in the family (Tarone 1990).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from math import copysign
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.core.errors import BadInput, DataError
from benchmark.metrics.base import Metric
from benchmark.results.checksums import refuse_damaged
from benchmark.results.gaps import NOT_DEFINED
from benchmark.results.rounding import kind_of
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import RunFolder
from benchmark.results.significance import PairedTest, corrected, paired_tests
from benchmark.results.training_exposure import seen_in_training
from reports.comparable import check_same_images, differences, images_of, other_definitions
from reports.comparison import Change, Comparison, Failure
from reports.forgery_pairs import (
    CLUSTERED,
    are_of_forgeries,
    for_a_detector,
    forgery_pair,
    forgery_rows,
)
from reports.opened import opened_runs
from reports.paired import PairedValues, Setting, SettingSamples, samples_by_setting
from reports.worst import worst_images

POOLED = "a number of all images together has no value per image"
_GAP = "a gap in either run"
_LIMIT = re.compile(r"([a-z0-9_]+):([+-]\d*\.?\d+)", re.ASCII)


class NumberKey(NamedTuple):
    """Identity of one number in both runs.

    Attributes:
        setting: its data set, post-processing, detector and mask-ratio bin.
        inpainter: name of the inpainter, with its retouching.
        metric: name of the metric.
    """

    setting: Setting
    inpainter: str
    metric: str


def compare_runs(
    first: str | Path, second: str | Path, fail_on: str = "", *, store: str | Path | None = None
) -> Comparison:
    """Compare two runs over the same images.

    Args:
        first: folder of the reference run.
        second: folder of the run compared with it.
        fail_on: limits such as "auc:+0.01,psnr:-0.2": a cell that rises, or falls, by more fails,
            as does one that the second run lacks.
        store: store with the outputs of an unfinished run.

    Returns:
        The comparison.

    Raises:
        BadInput: if `fail_on` cannot be parsed or names a metric that neither run measured.
        DataError: if a folder holds no run, one of its files is damaged, the runs are over
            different images or masks, only one is of forgeries, or a metric of `fail_on` has
            another revision in the second.
    """
    with opened_runs(first, second, store=store) as runs:
        found = _comparison(runs, fail_on)
    return replace(found, first=Path(first), second=Path(second))


def _comparison(runs: Sequence[RunFolder], fail_on: str) -> Comparison:
    for run in runs:
        if run.complete:
            refuse_damaged(run.path)
    are_of_forgeries(runs)
    limits = _limits(fail_on, runs)
    others = other_definitions(runs)
    _refuse_limits(limits, others, runs)
    images = [images_of(run) for run in runs]
    check_same_images(runs, images)
    found = _compared(runs, others)
    changes = tuple(found)
    failed = tuple(fail for one in changes for fail in _failed(one, limits))
    values = {one.name: pair for one, pair in found.items() if pair is not None}
    return Comparison(
        first=runs[0].path,
        second=runs[1].path,
        changes=changes,
        failed=failed,
        limits=limits,
        worst=worst_images(changes, failed, values),
        notes=(*differences(runs, images), *_without_number(runs)),
    )


def _limits(text: str, runs: Sequence[RunFolder]) -> dict[str, float]:
    """Parse `fail_on` to signed limits by metric."""
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


def _refuse_limits(
    limits: Mapping[str, float], others: Mapping[str, str], runs: Sequence[RunFolder]
) -> None:
    """Raise DataError for a limit of a metric that is not the same in both runs."""
    name = next((name for name in limits if name in others), None)
    if name is not None:
        raise DataError(
            f"{runs[0].path} and {runs[1].path}: {name} has {others[name]}, which --fail-on cannot "
            "compare; run both plans with the same version"
        )


def _compared(
    runs: Sequence[RunFolder], others: Mapping[str, str]
) -> dict[Change, PairedValues | None]:
    """Return every number of either run, with its values per image in both runs if it has any."""
    sides = [{_key(row): row for row in run.results} for run in runs]
    keys = [key for key in {**sides[0], **sides[1]} if any(_has(side.get(key)) for side in sides)]
    both = [
        key
        for key in keys
        if key.metric not in others and all(_has(side.get(key)) for side in sides)
    ]
    pairs = _pairs(runs, {key: sides[0][key] for key in both})
    tests = _tests(
        {key: pair for key, pair in pairs.items() if not pair.clustered}, runs[0].plan.seed
    )
    found: dict[Change, PairedValues | None] = {}
    for key in keys:
        untested = CLUSTERED if key in pairs else POOLED
        reason = others.get(key.metric) or (_GAP if key not in both else untested)
        test = tests.get(key, _untested(reason))
        change = _change(key, sides[0].get(key), sides[1].get(key), test, others)
        found[change] = pairs.get(key)
    return found


def _pairs(
    runs: Sequence[RunFolder], cells: Mapping[NumberKey, ResultRow]
) -> dict[NumberKey, PairedValues]:
    """Return the values per image of all cells that have them."""
    if are_of_forgeries(runs):
        rows = [forgery_rows(run.each_sample()) for run in runs]
        found = {key: forgery_pair(cell, rows) for key, cell in cells.items()}
    else:
        samples = [samples_by_setting(run.each_sample()) for run in runs]
        found = {key: _values(key, samples) for key in cells}
    return {key: pair for key, pair in found.items() if pair is not None}


def _without_number(runs: Sequence[RunFolder]) -> Iterator[str]:
    """Yield a line about cells without a number in either run, other than of a metric's nature."""
    rows = [row for run in runs for row in run.results]
    with_number = {_key(row) for row in rows if _has(row)}
    gaps = [row for row in rows if row.reason != NOT_DEFINED]
    without = {_key(row): row for row in gaps if _key(row) not in with_number}
    if without:
        names = ", ".join(sorted({key.inpainter for key in without}))
        reasons = "; ".join(sorted({row.reason for row in without.values() if row.reason}))
        cells = f"{len(without)} cell{'s' if len(without) != 1 else ''} of {names}"
        yield f"Left out, as neither run has a number: {cells} ({reasons or 'no reason is known'})."


def _key(row: ResultRow) -> NumberKey:
    setting = Setting(row.dataset, row.launder, row.detector, row.bucket)
    return NumberKey(setting, row.painter, row.metric)


def _has(row: ResultRow | None) -> bool:
    return row is not None and row.value is not None


def _untested(reason: str) -> PairedTest:
    return PairedTest(
        value=None, low=None, high=None, p=None, n=0, verdict="not tested", reason=reason
    )


def _change(
    key: NumberKey,
    first: ResultRow | None,
    second: ResultRow | None,
    test: PairedTest,
    others: Mapping[str, str],
) -> Change:
    setting, inpainter, metric = key
    of_forgeries = any(row.of_forgeries for row in (first, second) if row)
    return Change(
        dataset=setting.dataset,
        launder=setting.launder,
        detector=setting.detector,
        inpainter=inpainter,
        bucket=setting.bucket,
        metric=metric,
        first=first.value if first else None,
        second=second.value if second else None,
        low=test.low,
        high=test.high,
        p=test.p,
        p_holm=test.p_holm,
        n=test.n,
        verdict=for_a_detector(test.verdict, metric) if of_forgeries else test.verdict,
        reason=test.reason,
        first_weights=first.weights if first else "",
        second_weights=second.weights if second else "",
        met=any(seen_in_training(row) for row in (first, second) if row),
        comparable=metric not in others,
        of_forgeries=of_forgeries,
    )


def _tests(pairs: Mapping[NumberKey, PairedValues], seed: int) -> dict[NumberKey, PairedTest]:
    """Test all numbers that are means over images, and correct each family."""
    by_count: dict[int, dict[NumberKey, PairedValues]] = {}  # tested together, as one array
    for key, pair in pairs.items():
        by_count.setdefault(len(pair.names), {})[key] = pair
    found: dict[NumberKey, PairedTest] = {}
    families: dict[tuple[str, str, str], list[NumberKey]] = {}
    for same in by_count.values():
        before = np.stack([pair.before for pair in same.values()], axis=1)
        after = np.stack([pair.after for pair in same.values()], axis=1)
        made = paired_tests(after, before, metrics=[key.metric for key in same], seed=seed)
        found.update(zip(same, made, strict=True))
        for key, pair in same.items():
            if pair.moved:
                family = key.setting.dataset, key.setting.launder, key.setting.detector
                families.setdefault(family, []).append(key)
    for members in families.values():
        found.update(zip(members, corrected([found[key] for key in members]), strict=True))
    return found


def _values(
    key: NumberKey, samples: Sequence[Mapping[Setting, SettingSamples]]
) -> PairedValues | None:
    """Per-image values in both runs; None for a metric that is pooled over images."""
    setting, inpainter, name = key
    metric = kind_of(name)()
    if type(metric).reduce is not Metric.reduce:
        return None
    names = tuple(samples[0][setting].inpainters[inpainter].names)
    before, after = (side[setting].values(inpainter, metric, names) for side in samples)
    return PairedValues(names, before, after)


def _failed(one: Change, limits: Mapping[str, float]) -> Iterator[Failure]:
    limit = limits.get(one.metric)
    if limit is None or one.first is None:
        return
    if one.change is None or round((one.change - limit) * copysign(1, limit), 9) > 0:
        yield Failure(one, limit)
