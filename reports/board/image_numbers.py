"""Numbers of one run per image, and what follows from them: tests, and intervals of means."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import isfinite

import numpy as np

from benchmark.core.seeds import seed_of
from benchmark.metrics import METRICS
from benchmark.metrics.intervals import Values, mean_intervals
from benchmark.results.nulls import RANKED, against_null
from benchmark.results.rows import SampleRow
from benchmark.runner.resolve import ORIGINAL
from reports.board.limits import refuse_impossible
from reports.board.run_numbers import BoardRun, ImagePlace, ImageResult, Spot

Numbers = dict[tuple[str, str, str, Spot], dict[str, tuple[float, ...]]]


def add_samples(made: BoardRun, rows: Iterable[SampleRow]) -> None:
    """Add the values per image, the images and the tests against the null."""
    arrays = {key: _array(made, key, found) for key, found in _add_results(made, rows).items()}
    nulls = {}
    for (painter, detector, metric, spot), array in arrays.items():
        if metric == made.metric:
            made.values[painter, detector, spot] = array
        elif painter == ORIGINAL:
            nulls[detector, spot] = array
    means = _over_buckets(made, made.values) if len(made.plan.buckets) > 1 else {}
    null_means = (
        _over_buckets(made, {(ORIGINAL, *key): array for key, array in nulls.items()})
        if means
        else {}
    )
    _add_spans(made, means)
    nulls |= {(detector, spot): array for (_, detector, spot), array in null_means.items()}
    _add_tests(made, made.values | means, nulls)


def _add_results(made: BoardRun, rows: Iterable[SampleRow]) -> Numbers:
    """Add the images and their results; return the numbers of the metric and of its null."""
    numbers: Numbers = {}
    places: dict[tuple[str, str, str], int] = {}
    path, metric, null = made.folder / "samples.csv", made.metric, made.null
    bounds = METRICS.load(metric).bounds
    for row in rows:
        key = row.dataset, row.sample, row.bucket
        if key not in places:
            places[key] = len(places)
            mask = row.keys.mask or row.mask
            made.places.append(ImagePlace(*key, row.keys.original, mask))
            order = made.order.setdefault((row.dataset, row.bucket), {})
            order.setdefault(row.sample, len(order))
        painter, spot = row.painter, Spot(row.dataset, row.launder, row.bucket)
        for name in (metric, null) if row.detector else ():
            if found := row.numbers.get(name):
                numbers.setdefault((painter, row.detector, name, spot), {})[row.sample] = found
        if not row.launder and painter in made.variants:
            value, keys = _value(metric, row), row.keys
            refuse_impossible(path, value, bounds, metric)
            refuse_impossible(path, row.score)
            made.results.append(
                ImageResult(
                    places[key], painter, row.detector, row.score, value, keys.image, keys.heatmap
                )
            )
    return numbers


def _value(metric: str, row: SampleRow) -> float | None:
    """Return the detection metric of one image, for metrics that have one number per image."""
    found = row.numbers.get(metric)
    if not row.detector or not found:
        return None
    value = found[0] if len(found) == 1 else _values(metric, [found])[0]
    return float(value) if isfinite(value) else None


def _values(metric: str, rows: list[tuple[float, ...]]) -> Values:
    return METRICS.load(metric)().values(np.asarray(rows))


def _array(
    made: BoardRun, key: tuple[str, str, str, Spot], found: Mapping[str, tuple[float, ...]]
) -> Values:
    """Return the (N,) values of a metric in the order of the images, NaN for a gap."""
    _, _, metric, spot = key
    order = made.order[spot.dataset, spot.bucket]
    array = np.full(len(order), np.nan)
    array[[order[name] for name in found]] = _values(metric, list(found.values()))
    return array


def _add_tests(
    made: BoardRun,
    values: Mapping[tuple[str, str, Spot], Values],
    nulls: Mapping[tuple[str, Spot], Values],
) -> None:
    """Test each AUC against its null: cells as the run's own table, means as its page."""
    if made.metric != RANKED:
        return
    for (detector, spot), null in nulls.items():
        columns = {
            name: values[name, detector, spot]
            for name, one in made.variants.items()
            if made.cards[one.inpainter].paints and (name, detector, spot) in values
        }
        for name, test in against_null(columns, null, seed=made.plan.seed).items():
            made.tests[name, detector, spot] = test


def _add_spans(made: BoardRun, means: Mapping[tuple[str, str, Spot], Values]) -> None:
    """Add the intervals of means over all mask-ratio bins, as on the page of the run."""
    bounds, seed = METRICS.load(made.metric).bounds, seed_of("interval", made.plan.seed)
    groups: dict[tuple[str, Spot], list[str]] = {}
    for painter, detector, spot in means:
        groups.setdefault((detector, spot), []).append(painter)
    for (detector, spot), painters in groups.items():
        stacked = np.stack([means[painter, detector, spot] for painter in painters], axis=1)
        intervals = mean_intervals(stacked, [bounds] * len(painters), seed=seed)
        for painter, interval in zip(painters, intervals, strict=True):
            made.spans[painter, detector, spot] = interval


def _over_buckets(
    made: BoardRun, values: Mapping[tuple[str, str, Spot], Values]
) -> dict[tuple[str, str, Spot], Values]:
    """Return (N,) means over mask-ratio bins per image, with the bin ""; NaN where none counts."""
    groups: dict[tuple[str, str, Spot], dict[str, Values]] = {}
    for (painter, detector, spot), array in values.items():
        key = painter, detector, spot._replace(bucket="")
        groups.setdefault(key, {})[spot.bucket] = array
    names: dict[str, dict[str, int]] = {}
    for (dataset, _), order in made.order.items():
        known = names.setdefault(dataset, {})
        for name in order:
            known.setdefault(name, len(known))
    found = {}
    for key, arrays in groups.items():
        places = names[key[2].dataset]
        table = np.full((len(places), len(arrays)), np.nan)
        for column, (bucket, array) in enumerate(arrays.items()):
            table[[places[name] for name in made.order[key[2].dataset, bucket]], column] = array
        counts = np.isfinite(table)
        with np.errstate(invalid="ignore"):
            found[key] = np.where(counts, table, 0.0).sum(axis=1) / counts.sum(axis=1)
    return found
