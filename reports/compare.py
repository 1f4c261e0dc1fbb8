"""Compare two runs over the same images: changed numbers, sizes of the changes, and significance.

The tests of one detector, on one data set after one post-processing, are a family: every number of
both runs that moved on any image. A number that moved nowhere cannot be a false finding, whatever
the others do, so it does not count in the family (Tarone 1990).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from math import copysign
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmark.core.errors import BadInput, DataError
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import Values
from benchmark.results.checksums import check_run
from benchmark.results.rounding import kind_of
from benchmark.results.rows import ResultRow, SampleRow
from benchmark.results.run_folder import RunFolder, read_run, refuse_forgeries
from benchmark.results.significance import PairedTest, corrected, paired_tests
from benchmark.results.training_exposure import seen_in_training
from reports.comparison import Change, Comparison
from reports.paired import Setting, SettingSamples, samples_by_setting

POOLED = "a number of all images together has no value per image"
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


class PairedValues(NamedTuple):
    """Per-image values of one number in both runs.

    Attributes:
        before: (N,) in the first run, NaN for a gap.
        after: (N,) in the second run, of the same images.
    """

    before: Values
    after: Values

    @property
    def moved(self) -> bool:
        """Whether the value of any image that counts in both runs differs."""
        known = np.isfinite(self.before) & np.isfinite(self.after)
        return bool((self.before != self.after)[known].any())


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
        DataError: if a folder holds no run, one of its files is damaged, or the runs are over
            different images or masks.
    """
    runs = read_run(first, store=store), read_run(second, store=store)
    for run in runs:
        refuse_forgeries(run, "two runs of forgeries are not compared")
        _check_files(run)
    limits = _limits(fail_on, runs)
    _check_same_images(*runs)
    changes = tuple(_changes(*runs))
    failures = tuple(line for one in changes for line in _failed(one, limits))
    return Comparison(first=runs[0].path, second=runs[1].path, changes=changes, failures=failures)


def _check_files(run: RunFolder) -> None:
    """Raise DataError for what `bench check` finds in the folder of a finished run."""
    found = next(check_run(run.path), None) if run.complete else None
    if found:
        raise DataError(f"{found.where}: {found.said}")


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


def _check_same_images(first: RunFolder, second: RunFolder) -> None:
    """Raise DataError unless each bin of a data set has the same images and masks in both runs."""
    sides = _masks(first.each_sample()), _masks(second.each_sample())
    shared = sides[0].keys() & sides[1].keys()
    if not shared:
        raise DataError(f"{first.path} and {second.path}: no data set and mask-ratio bin in common")
    for key in sorted(shared):
        odd = sorted(sides[0][key] ^ sides[1][key])
        if odd:
            dataset, bucket = key
            raise DataError(
                f"{first.path} and {second.path}: different images or masks of {dataset} at "
                f"{bucket} %, such as {odd[0][0]!r}; runs can be compared over the same ones only"
            )


def _masks(samples: Iterable[SampleRow]) -> dict[tuple[str, str], set[tuple[str, str]]]:
    found: dict[tuple[str, str], set[tuple[str, str]]] = {}
    for row in samples:
        found.setdefault((row.dataset, row.bucket), set()).add((row.sample, row.mask))
    return found


def _changes(first: RunFolder, second: RunFolder) -> Iterator[Change]:
    sides = [{_key(row): row for row in run.results} for run in (first, second)]
    samples = [samples_by_setting(run.each_sample()) for run in (first, second)]
    keys = list({**sides[0], **sides[1]})
    both = [key for key in keys if all(_has(side.get(key)) for side in sides)]
    tests = _tests(both, samples, first.plan.seed)
    for key in keys:
        gap = _untested("a gap in either run" if key not in both else POOLED)
        yield _change(key, sides[0].get(key), sides[1].get(key), tests.get(key, gap))


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
    key: NumberKey, first: ResultRow | None, second: ResultRow | None, test: PairedTest
) -> Change:
    setting, inpainter, metric = key
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
        verdict=test.verdict,
        reason=test.reason,
        first_weights=first.weights if first else "",
        second_weights=second.weights if second else "",
        met=any(seen_in_training(row) for row in (first, second) if row),
    )


def _tests(
    keys: Iterable[NumberKey], samples: Sequence[Mapping[Setting, SettingSamples]], seed: int
) -> dict[NumberKey, PairedTest]:
    """Test all numbers that are means over images, and correct each family."""
    by_count: dict[int, dict[NumberKey, PairedValues]] = {}  # tested together, as one array
    for key in keys:
        if (pair := _values(key, samples)) is not None:
            by_count.setdefault(len(pair.before), {})[key] = pair
    found: dict[NumberKey, PairedTest] = {}
    families: dict[tuple[str, str, str], list[NumberKey]] = {}
    for pairs in by_count.values():
        before = np.stack([pair.before for pair in pairs.values()], axis=1)
        after = np.stack([pair.after for pair in pairs.values()], axis=1)
        made = paired_tests(after, before, metrics=[key.metric for key in pairs], seed=seed)
        found.update(zip(pairs, made, strict=True))
        for key, pair in pairs.items():
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
    names = list(samples[0][setting].inpainters[inpainter].names)
    return PairedValues(*(side[setting].values(inpainter, metric, names) for side in samples))


def _failed(one: Change, limits: Mapping[str, float]) -> Iterator[str]:
    limit = limits.get(one.metric)
    if limit is None or one.first is None:
        return
    if one.second is None or one.change is None:
        yield f"{one.name} is a gap in the second run"
    elif round((one.change - limit) * copysign(1, limit), 9) > 0:  # files have six decimals
        yield f"{one.name} moved by {one.change:+.6f}, the limit is {limit:+g}"
