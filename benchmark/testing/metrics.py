"""Contract checks of metrics."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from benchmark.core.errors import BadInput
from benchmark.core.types import Case, Verdict
from benchmark.metrics import METRICS, Metric
from benchmark.testing.models import require

SIDE = 72  # below it TruFor's border rule leaves nothing of the hole


def check_metric(what: str | type[Metric]) -> None:
    """Check that a metric meets the requirements of all metrics and can be measured here.

    Args:
        what: the class, or the name of a registered metric.

    Raises:
        AssertionError: naming the requirement that is not met.
    """
    kind = METRICS.load(what) if isinstance(what, str) else what
    class_attributes_are_valid(kind)
    if isinstance(what, str):
        require(
            condition=kind.name == what,
            message=f"expected a class with name {what!r}, got {kind.name!r}",
        )
    reason = kind.unavailable()
    require(condition=reason is None, message=f"{kind.name} cannot be measured here: {reason}")
    rows_are_independent(kind())
    empty_cell_is_nan(kind())
    if kind.needs == "verdict":
        missing_verdict_is_rejected(kind())


def draw_case(count: int = 3, *, seed: int = 0, side: int = SIDE) -> Case:
    """Return images with holes of noise, and random detections that prefer the holes.

    Args:
        count: number of images.
        seed: of the random numbers.
        side: side of the images in pixels.
    """
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


def class_attributes_are_valid(kind: type[Metric]) -> None:
    """The class attributes that tables and plans read are valid."""
    missing = [
        name for name in ("name", "title", "better", "needs") if not getattr(kind, name, None)
    ]
    require(condition=not missing, message=f"{kind.__name__} has no {', '.join(missing)}")
    require(
        condition=kind.better in ("higher", "lower"),
        message=f"{kind.name}: expected better = 'higher' or 'lower', got {kind.better!r}",
    )
    require(
        condition=kind.needs in ("filled", "verdict"),
        message=f"{kind.name}: expected needs = 'filled' or 'verdict', got {kind.needs!r}",
    )
    require(
        condition=kind.revision >= 1,
        message=f"{kind.name}: expected revision >= 1, got {kind.revision}",
    )
    low, high = kind.bounds
    require(
        condition=low < high,
        message=f"{kind.name}: expected bounds low < high, got [{low}, {high}]",
    )


def rows_are_independent(metric: Metric) -> None:
    """Rows are (N, K) float64 and do not depend on the other samples of the batch."""
    case = draw_case()
    rows = metric.measure(case)
    require(
        condition=rows.dtype == np.float64 and rows.ndim == 2 and len(rows) == 3,
        message=f"{metric.name}: expected rows (3, K) of float64 for 3 samples, "
        f"got {rows.shape} of {rows.dtype}",
    )
    alone = np.concatenate([metric.measure(_part(case, at)) for at in range(3)])
    require(
        condition=np.array_equal(rows, alone, equal_nan=True),
        message=f"{metric.name}: the row of a sample depends on the other samples of the batch",
    )
    value = metric.reduce(rows)
    low, high = metric.bounds
    require(
        condition=bool(np.isnan(value)) or low <= value <= high,
        message=f"{metric.name}: expected a value in its bounds [{low}, {high}], got {value}",
    )
    values = metric.values(rows)
    require(
        condition=not metric.share or bool(np.isin(values[np.isfinite(values)], (0, 1)).all()),
        message=f"{metric.name}: declared as a share, but has values other than 0 and 1",
    )
    require(
        condition=isinstance(value, float),
        message=f"{metric.name}: expected a float from reduce, got {type(value).__name__}",
    )


def empty_cell_is_nan(metric: Metric) -> None:
    """A cell without samples is NaN."""
    value = metric.reduce(np.empty((0, 1)))
    require(
        condition=bool(np.isnan(value)),
        message=f"{metric.name}: expected NaN for a cell without samples, got {value}",
    )


def missing_verdict_is_rejected(metric: Metric) -> None:
    """A metric that needs a verdict raises BadInput for a case without one."""
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
