"""Contract checks of detectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

from benchmark.core.errors import BadOutput
from benchmark.core.types import Detection
from benchmark.testing.models import (
    check_card,
    require,
    require_bad_input,
    require_close,
    sizes_for,
    threads,
)
from detectors import DETECTORS, create_detector
from detectors.base import Detector


def check_detector(
    what: str | type[Detector] | Detector, *, weights: str | Path | None = None
) -> None:
    """Check that a detector meets the requirements of all detectors.

    Args:
        what: a class, an instance, or a name as for `bench run --detector`.
        weights: as for `create_detector`.

    Raises:
        AssertionError: naming the requirement that is not met.
        BenchError: if it cannot be created.
    """
    if isinstance(what, str):
        kind = DETECTORS.load(what)
        check_card(kind.card, name=what if ":" not in what else "")
        detector = create_detector(what, weights=weights)
    else:
        require(
            condition=isinstance(what, Detector)
            or (isinstance(what, type) and issubclass(what, Detector)),
            message=f"{what!r} is not a Detector: expected a subclass of detectors.base.Detector",
        )
        check_card(getattr(what, "card", None))
        detector = what if isinstance(what, Detector) else what(weights=weights)
    for check in DETECTOR_CHECKS.values():
        check(detector)


def draw(height: int, width: int, count: int = 1) -> Tensor:
    """Return random images (count, 3, height, width) float32, multiples of 1/255 in [0, 1]."""
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return (torch.rand(count, 3, height, width, generator=generator) * 255).round() / 255


def _draw(detector: Detector, count: int = 1) -> Tensor:
    return draw(*sizes_for(detector.card)[0], count=count)


def _detect(detector: Detector, images: Tensor) -> Detection:
    try:
        return detector.detect(images)
    except BadOutput as error:
        raise AssertionError(str(error)) from error


def score_is_described(detector: Detector) -> None:
    """The card describes the image-level score, for the readers of tables."""
    require(
        condition=bool(detector.card.score),
        message=f"{detector.card.name}: the card does not describe the score (score=...)",
    )


def outputs_have_expected_shapes_and_ranges(detector: Detector) -> None:
    """Heatmap and confidence (N, H, W) and score (N,) are float32 in [0, 1]."""
    name = detector.card.name
    for size in sizes_for(detector.card):
        detection = _detect(detector, draw(*size, count=2))
        shapes = {"heatmap": (2, *size), "score": (2,), "confidence": (2, *size)}
        for what, shape in shapes.items():
            values = getattr(detection, what)
            if values is None and what == "confidence":
                continue
            require(
                condition=tuple(values.shape) == shape and values.dtype == torch.float32,
                message=f"{name}: expected a {what} of shape {shape} in float32, "
                f"got {tuple(values.shape)} in {values.dtype}",
            )
            low, high = (float(value) for value in values.aminmax())
            require(
                condition=0 <= low <= high <= 1,
                message=f"{name}: expected a {what} in [0, 1], got [{low:.4g}, {high:.4g}]",
            )


def output_is_independent_of_batch(detector: Detector) -> None:
    """The output for an image does not depend on the other images of the batch."""
    images = _draw(detector, count=3)
    together = _detect(detector, images)
    for row, image in enumerate(images):
        alone = _detect(detector, image[None])
        for what in ("heatmap", "score"):
            pair = getattr(together, what)[row], getattr(alone, what)[0]
            require_close(detector.card.name, "the other images of the batch", *pair)


def output_is_independent_of_threads(detector: Detector) -> None:
    """The output does not depend on the number of threads."""
    images = _draw(detector)
    with threads(1):
        one = _detect(detector, images)
    with threads(2):
        two = _detect(detector, images)
    for what in ("heatmap", "score"):
        pair = getattr(one, what), getattr(two, what)
        require_close(detector.card.name, "the number of threads", *pair)


def output_is_deterministic(detector: Detector) -> None:
    """Two calls with the same input return the same output and do not modify the input."""
    images = _draw(detector)
    before = images.clone()
    first, second = (_detect(detector, images) for _ in range(2))
    name = detector.card.name
    require(
        condition=torch.equal(first.heatmap, second.heatmap)
        and torch.equal(first.score, second.score),
        message=f"{name}: two calls with the same image return different outputs",
    )
    require(condition=torch.equal(images, before), message=f"{name}: modifies its input")


def bad_input_is_rejected(detector: Detector) -> None:
    """Wrong shapes, dtypes and ranges raise BadInput with a one-line message."""
    images = _draw(detector)
    broken = images.clone()
    broken[0, 0, 0, 0] = torch.nan
    side = detector.card.min_side - 1
    cases = {
        "an empty batch": images[:0],
        "a gray image": images[:, :1],
        "uint8": (images * 255).byte(),
        "values above 1": images * 2,
        "NaN": broken,
        "an image without batch dimension": images[0],
        **({"an image below the minimum size": torch.zeros(1, 3, side, 64)} if side >= 1 else {}),
    }
    for what, case in cases.items():
        require_bad_input(detector.card.name, what, _call(detector, case))


def _call(detector: Detector, images: Tensor) -> Callable[[], Detection]:
    return lambda: detector.detect(images)


DETECTOR_CHECKS: Mapping[str, Callable[[Detector], None]] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            score_is_described,
            outputs_have_expected_shapes_and_ranges,
            output_is_independent_of_batch,
            output_is_independent_of_threads,
            output_is_deterministic,
            bad_input_is_rejected,
        )
    }
)
