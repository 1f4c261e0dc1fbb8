"""Who lies below the null: AUC of inpainted images against the untouched ones' (docs/null.md).

An AUC below the null beyond noise is not well hidden: the same map, inverted, finds the hole. So it
is marked, never the best, and not ranked; the others are ranked by how far from the null they are.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from benchmark.metrics import NULLS
from benchmark.metrics.intervals import Values
from benchmark.results.rounding import stored
from benchmark.results.significance import PairedTest, paired_tests
from benchmark.runner.conditions import null_views, views
from benchmark.runner.planning import PlanJobs
from benchmark.store.store import Store

MARK = "§"
BELOW = "found by the inverted map"
RANKED = "auc"  # the metric whose ranks go by the distance to its null
NULL_LINE = "null (untouched images, same holes)"
NULL_NOTE = (
    "Null: the map of the untouched images, the same holes taken for the truth: what the "
    "detector says of the hole's place when nothing was inpainted. An AUC is read against it, not "
    "against 0.5."
)
MARK_NOTE = (
    f"{MARK} {BELOW}: AUC below the null beyond noise (paired by image, two-sided test, each by "
    "itself): neither best nor ranked. Ranks of AUC go by its distance to the null."
)
NULL_ELSEWHERE = (
    "The null is measured as the paper scores it and stands in results.csv, not beside these AUC "
    "and F1: ranks go by the numbers themselves."
)
NO_NULL = "No null in this run, which is of an older version: ranks go by AUC itself."


@dataclass(frozen=True, slots=True, order=True)
class CellKey:
    """Where one inpainter's AUC stands beside the null.

    Attributes:
        dataset: the data set's name.
        launder: what was done to the images before detection, or "".
        detector: the detector's name.
        bucket: the hole's bucket.
        inpainter: the inpainter's name, with its retouching such as "telea+grain:1.5".
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
    """How far the AUC of some inpainters lie from the null, each paired by image.

    Args:
        columns: per inpainter (N,) AUC of inpainted images, in [0, 1]; NaN is a gap.
        null: (N,) AUC of the same images untouched, against the same holes.
        seed: the plan's.

    Returns:
        Per inpainter that shares an image with the null the mean of AUC minus null; "better" is
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
    """How far AUC lies from the null, image by image, counted so that the mean is not negative.

    Args:
        own: (N,) AUC of inpainted images; NaN is a gap.
        null: (N,) AUC of the same images untouched; where all are NaN, `own` is what counts.

    Returns:
        (N,) what an inpainter is ranked by: its mean is |mean of AUC minus null|.
    """
    apart: Values = own - null
    counted = apart[np.isfinite(apart)]
    if not len(counted):
        return own
    return -apart if counted.mean() < 0 else apart


def is_below(test: PairedTest) -> bool:
    """Whether an AUC lies below the null beyond noise."""
    return test.verdict == "better"


def stored_distances(jobs: PlanJobs, store: Store) -> dict[CellKey, PairedTest]:
    """How far every inpainter's AUC lies from the null, from a run's answers.

    The values are rounded as samples.csv has them, so that reports made of it say the same.
    """
    found: dict[CellKey, PairedTest] = {}
    setup = jobs.setup
    if RANKED not in setup.measured:
        return found
    for untouched in null_views(setup):
        detector = untouched.detector
        if detector is None or detector.absent or setup.no_null(detector):
            continue
        painters = [one for one in setup.inpainters if one.card.paints]
        same = [
            one for one in views(setup, (detector,), painters) if one.launder == untouched.launder
        ]
        for where, places in jobs.by_cell.items():
            null = _values(store, jobs.measured(NULLS[RANKED], untouched).at(places))
            columns = {
                view.painter: _values(store, jobs.measured(RANKED, view).at(places))
                for view in same
            }
            for name, test in against_null(columns, null, seed=setup.plan.seed).items():
                spot = CellKey(where[0], untouched.launder, detector.name, where[1], name)
                found[spot] = test
    return found


def distance_rows(distances: Distances) -> list[dict[str, object]]:
    """One dictionary per inpainter, detector, laundering and bucket, for JSON."""
    return [
        {**asdict(spot), "below": is_below(test), **asdict(test)}
        for spot, test in distances.items()
    ]


def untested_notes(reasons: Iterable[str]) -> tuple[str, ...]:
    """Why some AUC were not tested against the null, each reason once; "" is none."""
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
    """By what some inpainters are ranked in one cell: the lower, the better.

    Args:
        metric: the metric's name.
        lower: whether a lower number is better.
        models: the metric's value per inpainter.
        distances: how far their AUC lie from the null, where that is known.
        met: those that the detector met in training.

    Returns:
        A number per inpainter that is ranked: of AUC the distance to the null, if it is known for
        all; of others the value, its sign turned where higher is better. Those below the null and
        those that were met are left out.
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
    """(N,) what a metric came to under each key, NaN where there is nothing."""
    rows = store.rows(keys)
    return np.array([np.nan if row is None else float(stored(row[0])) for row in rows])
