"""Comparison of AUC with its null: inpainted against authentic images (docs/null.md).

An AUC below the null beyond noise does not mean well hidden: the inverted heatmap localizes the
hole. So it is marked, never the best, and not ranked; the others are ranked by distance to the
null.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmark.metrics import NULLS
from benchmark.metrics.intervals import Values
from benchmark.results.rounding import stored
from benchmark.results.significance import PairedTest, paired_tests
from benchmark.runner.conditions import conditions_of, null_conditions
from benchmark.runner.planning import PlanJobs
from benchmark.store.store import Store

MARK = "§"
BELOW = "found by the inverted map"
RANKED = "auc"  # the metric that is ranked by the distance to its null
NULL_LINE = "null (authentic images, same masks)"
NULL_NOTE = (
    "Null: heatmaps of the authentic images, scored against the same masks: the detector's "
    "response to the hole's position when nothing was inpainted. Compare an AUC with its null, "
    "not with 0.5."
)
MARK_NOTE = (
    f"{MARK} {BELOW}: AUC below the null beyond noise (paired by image, two-sided test, "
    "uncorrected): neither best nor ranked. AUC is ranked by its distance to the null."
)
NULL_ELSEWHERE = (
    "The null uses the paper's convention and is in results.csv, not beside these AUC and F1: they "
    "are ranked by their own values."
)
NO_NULL = "This run of an older version has no null: AUC is ranked by its own value."


@dataclass(frozen=True, slots=True, order=True)
class CellKey:
    """Key of one inpainter's AUC that is compared with its null.

    Attributes:
        dataset: name of the data set.
        launder: post-processing before detection, or "".
        detector: name of the detector.
        bucket: mask-ratio bin.
        inpainter: name of the inpainter, with its retouching, such as "telea+grain:1.5".
    """

    dataset: str
    launder: str
    detector: str
    bucket: str
    inpainter: str


Distances = Mapping[CellKey, PairedTest]


def against_null(
    columns: Mapping[str, Values], null: Values, *, seed: int
) -> dict[str, PairedTest]:
    """Test the difference of inpainters' AUC to the null, each paired by image.

    Args:
        columns: per inpainter (N,) AUC of inpainted images, in [0, 1]; NaN is a gap.
        null: (N,) AUC of the authentic images against the same masks.
        seed: seed of the plan.

    Returns:
        Per inpainter that shares an image with the null, the test of AUC minus null; "better" means
        below the null beyond noise.
    """
    counted = {
        name: own
        for name, own in columns.items()
        if len(own) == len(null) and (np.isfinite(own) & np.isfinite(null)).any()
    }
    if not counted:
        return {}
    own = np.stack(list(counted.values()), axis=1)  # (N, K)
    other = np.broadcast_to(null[:, None], own.shape)
    found = paired_tests(own, other, metrics=[RANKED] * len(counted), seed=seed)
    return dict(zip(counted, found, strict=True))


def distance_from_null(own: Values, null: Values) -> Values:
    """Return the distance of AUC to the null per image, signed so that its mean is not negative.

    Args:
        own: (N,) AUC of inpainted images; NaN is a gap.
        null: (N,) AUC of the authentic images; if all are NaN, `own` is returned.

    Returns:
        (N,) values by which an inpainter is ranked: their mean is |mean of AUC minus null|.
    """
    apart: Values = own - null
    counted = apart[np.isfinite(apart)]
    if not len(counted):
        return own
    return -apart if counted.mean() < 0 else apart


def is_below(test: PairedTest) -> bool:
    """Return whether an AUC is below the null beyond noise."""
    return test.verdict == "better"


def stored_distances(jobs: PlanJobs, store: Store) -> dict[CellKey, PairedTest]:
    """Test every inpainter's AUC against the null, from a run's stored rows.

    Values are rounded as in samples.csv, so that reports made from it agree.
    """
    found: dict[CellKey, PairedTest] = {}
    resolved = jobs.resolved
    if RANKED not in resolved.measured:
        return found
    for untouched in null_conditions(resolved):
        detector = untouched.detector
        if detector is None or detector.absent or resolved.null_omitted_reason(detector):
            continue
        painters = [one for one in resolved.inpainters if one.card.paints]
        same = [
            one
            for one in conditions_of(resolved, (detector,), painters)
            if one.launder == untouched.launder
        ]
        for where, places in jobs.by_cell.items():
            null = _values(store, jobs.measure_keys_of(NULLS[RANKED], untouched).at(places))
            columns = {
                view.inpainter_label: _values(store, jobs.measure_keys_of(RANKED, view).at(places))
                for view in same
            }
            for name, test in against_null(columns, null, seed=resolved.plan.seed).items():
                spot = CellKey(where[0], untouched.launder, detector.name, where[1], name)
                found[spot] = test
    return found


def distance_rows(distances: Distances) -> list[dict[str, object]]:
    """Return one dictionary per inpainter, detector, post-processing and bin, for JSON."""
    return [
        {**asdict(spot), "below": is_below(test), **asdict(test)}
        for spot, test in distances.items()
    ]


def untested_notes(reasons: Iterable[str]) -> tuple[str, ...]:
    """Return why AUC were not tested against the null, each reason once; "" means tested."""
    return tuple(
        f"AUC is not tested against the null, and not marked: {reason.rstrip('.')}."
        for reason in dict.fromkeys(filter(None, reasons))
    )


def standing(
    metric: str,
    lower: bool,
    models: Mapping[str, float],
    distances: Mapping[str, PairedTest],
    met: Container[str] = frozenset(),
) -> dict[str, float]:
    """Return the values by which the inpainters of one cell are ranked, lower is better.

    Args:
        metric: name of the metric.
        lower: whether lower values are better.
        models: value of the metric per inpainter.
        distances: tests of their AUC against the null, if known.
        met: inpainters that were in the detector's training set.

    Returns:
        A value per ranked inpainter: for AUC the distance to the null, if known for all; otherwise
        the metric's value, negated if higher is better. Inpainters below the null or in the
        detector's training set are left out.
    """
    ranked = [
        name
        for name in models
        if name not in met and (name not in distances or not is_below(distances[name]))
    ]
    if metric == RANKED and models.keys() <= distances.keys():
        return {name: abs(distances[name].value or 0.0) for name in ranked}
    return {name: models[name] if lower else -models[name] for name in ranked}


def _values(store: Store, keys: Sequence[str]) -> Values:
    """Return the (N,) values of a metric under the given keys, NaN where there is none."""
    rows = store.measurements(keys)
    return np.array([np.nan if row is None else float(stored(row[0])) for row in rows])
