"""What every metric must do."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmark.core.errors import BadInput
from benchmark.core.types import Case, Verdict
from benchmark.metrics import METRICS, Metric
from benchmark.testing.models import demand

SIDE = 72  # below it TruFor's border rule leaves nothing of the hole


def check_metric(what: str | type[Metric]) -> None:
    """Check that a metric does what every metric must do; one that cannot be measured is an error.

    Args:
        what: its class, or its name.

    Raises:
        AssertionError: saying in plain words what it does not do.
    """
    kind = METRICS.load(what) if isinstance(what, str) else what
    said_by_the_class(kind)
    if isinstance(what, str):
        demand(held=kind.name == what, said=f"the class is named {kind.name!r}, not {what!r}")
    reason = kind.unavailable()
    demand(held=reason is None, said=f"{kind.name} cannot be measured here: {reason}")
    a_row_stands_alone(kind())
    nothing_reduces_to_nothing(kind())
    if kind.needs == "verdict":
        a_verdict_is_asked_for(kind())


def draw_case(count: int = 3, *, seed: int = 0, side: int = SIDE) -> Case:
    """Images whose holes are repainted with noise, and a detector that half sees it."""
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (count, side, side, 3), dtype=np.uint8)
    mask = np.zeros((count, side, side), dtype=bool)
    rows, columns = (slice(low * side // 24, high * side // 24) for low, high in ((5, 15), (4, 20)))
    mask[:, rows, columns] = True
    noise = generator.integers(0, 256, image.shape, dtype=np.uint8)
    logits = generator.normal(size=mask.shape) + mask
    return Case(
        image=image,
        mask=mask,
        truth=mask.copy(),
        filled=np.where(mask[..., None], noise, image),
        verdict=Verdict(
            logits=logits.astype(np.float16),
            score=generator.random(count, dtype=np.float32),
            threshold=0.5,
        ),
    )


def said_by_the_class(kind: type[Metric]) -> None:
    """A class says what tables and plans need."""
    missing = [
        name for name in ("name", "title", "better", "needs") if not getattr(kind, name, None)
    ]
    demand(held=not missing, said=f"{kind.__name__} has no {', '.join(missing)}")
    demand(
        held=kind.better in ("higher", "lower"),
        said=f"{kind.name}: better is {kind.better!r}, expected 'higher' or 'lower'",
    )
    demand(
        held=kind.needs in ("filled", "verdict"),
        said=f"{kind.name}: needs is {kind.needs!r}, expected 'filled' or 'verdict'",
    )
    demand(held=kind.revision >= 1, said=f"{kind.name}: revision is below 1")
    low, high = kind.bounds
    demand(held=low < high, said=f"{kind.name}: bounds are [{low}, {high}]")


def a_row_stands_alone(metric: Metric) -> None:
    """Rows are (N, K) float64, the same whatever the samples beside them."""
    case = draw_case()
    rows = metric.measure(case)
    demand(
        held=rows.dtype == np.float64 and rows.ndim == 2 and len(rows) == 3,
        said=f"{metric.name}: expected rows (3, K) of float64 for 3 samples, "
        f"got {rows.shape} of {rows.dtype}",
    )
    alone = np.concatenate([metric.measure(_part(case, at)) for at in range(3)])
    demand(
        held=np.array_equal(rows, alone, equal_nan=True),
        said=f"{metric.name}: a sample's row depends on the samples beside it",
    )
    value = metric.reduce(rows)
    low, high = metric.bounds
    demand(
        held=bool(np.isnan(value)) or low <= value <= high,
        said=f"{metric.name}: gave {value}, outside of its bounds [{low}, {high}]",
    )
    values = metric.values(rows)
    demand(
        held=not metric.share or bool(np.isin(values[np.isfinite(values)], (0, 1)).all()),
        said=f"{metric.name}: says it is a share, and has values other than 0 and 1",
    )
    demand(
        held=isinstance(value, float),
        said=f"{metric.name}: reduce gave {type(value).__name__}, expected float",
    )


def nothing_reduces_to_nothing(metric: Metric) -> None:
    """A cell without samples is undefined: NaN."""
    value = metric.reduce(np.empty((0, 1)))
    demand(held=bool(np.isnan(value)), said=f"{metric.name}: no rows reduce to {value}, not NaN")


def a_verdict_is_asked_for(metric: Metric) -> None:
    """A metric of a verdict refuses a case without one, in a line."""
    try:
        metric.measure(replace(draw_case(), verdict=None))
    except BadInput:
        return
    raise AssertionError(f"{metric.name}: expected BadInput for a case without a verdict")


def _part(case: Case, at: int) -> Case:
    one = slice(at, at + 1)
    verdict = case.verdict
    return Case(
        image=case.image[one],
        mask=case.mask[one],
        truth=case.truth[one],
        filled=case.filled[one],
        verdict=None
        if verdict is None
        else Verdict(
            logits=verdict.logits[one], score=verdict.score[one], threshold=verdict.threshold
        ),
    )
