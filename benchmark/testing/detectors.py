"""What every detector must do."""

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
    demand,
    demand_near,
    demand_refused,
    sizes_for,
    threads,
)
from detectors import DETECTORS, create_detector
from detectors.base import Detector


def check_detector(
    what: str | type[Detector] | Detector, *, weights: str | Path | None = None
) -> None:
    """Check that a detector does what every detector must do.

    Args:
        what: its class, a detector, or its name as for `bench run --detector`.
        weights: as for `create_detector`.

    Raises:
        AssertionError: saying in plain words what it does not do.
        BenchError: if it cannot be made.
    """
    if isinstance(what, str):
        kind = DETECTORS.load(what)
        check_card(kind.card, name=what if ":" not in what else "")
        detector = create_detector(what, weights=weights)
    else:
        demand(
            held=isinstance(what, Detector)
            or (isinstance(what, type) and issubclass(what, Detector)),
            said=f"{what!r} is no Detector: expected a subclass of detectors.base.Detector",
        )
        check_card(getattr(what, "card", None))
        detector = what if isinstance(what, Detector) else what(weights=weights)
    for check in DETECTOR_CHECKS.values():
        check(detector)


def draw(height: int, width: int, count: int = 1) -> Tensor:
    """Noisy images on the 8-bit grid, (count, 3, height, width) in [0, 1]."""
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return (torch.rand(count, 3, height, width, generator=generator) * 255).round() / 255


def _draw(detector: Detector, count: int = 1) -> Tensor:
    return draw(*sizes_for(detector.card)[0], count=count)


def _seen(detector: Detector, images: Tensor) -> Detection:
    try:
        return detector.detect(images)
    except BadOutput as error:
        raise AssertionError(str(error)) from error


def the_card_says_what_the_score_means(detector: Detector) -> None:
    """A reader of a table needs to know what the image-level score is."""
    demand(
        held=bool(detector.card.score),
        said=f"{detector.card.name}: its card does not say what its score means (score=...)",
    )


def answers_have_their_shapes_and_ranges(detector: Detector) -> None:
    """Heatmap, score and confidence have the images' sizes, float32, in [0, 1]."""
    name = detector.card.name
    for size in sizes_for(detector.card):
        detection = _seen(detector, draw(*size, count=2))
        shapes = {"heatmap": (2, *size), "score": (2,), "confidence": (2, *size)}
        for what, shape in shapes.items():
            values = getattr(detection, what)
            if values is None and what == "confidence":
                continue
            demand(
                held=tuple(values.shape) == shape and values.dtype == torch.float32,
                said=f"{name}: expected a {what} of shape {shape} in float32, "
                f"it answered {tuple(values.shape)} in {values.dtype}",
            )
            low, high = (float(value) for value in values.aminmax())
            demand(held=0 <= low <= high <= 1, said=f"{name}: a {what} in [{low:.4g}, {high:.4g}]")


def the_batch_changes_nothing(detector: Detector) -> None:
    """An image's answer does not depend on the images beside it."""
    images = _draw(detector, count=3)
    together = _seen(detector, images)
    for row, image in enumerate(images):
        alone = _seen(detector, image[None])
        for what in ("heatmap", "score"):
            pair = getattr(together, what)[row], getattr(alone, what)[0]
            demand_near(detector.card.name, "the images beside it", *pair)


def threads_change_nothing(detector: Detector) -> None:
    """The answer does not depend on the number of threads."""
    images = _draw(detector)
    with threads(1):
        one = _seen(detector, images)
    with threads(2):
        two = _seen(detector, images)
    for what in ("heatmap", "score"):
        pair = getattr(one, what), getattr(two, what)
        demand_near(detector.card.name, "the number of threads", *pair)


def the_same_picture_gets_the_same_answer(detector: Detector) -> None:
    """The same call answers the same, and leaves its input as it was."""
    images = _draw(detector)
    before = images.clone()
    first, second = (_seen(detector, images) for _ in range(2))
    name = detector.card.name
    demand(
        held=torch.equal(first.heatmap, second.heatmap) and torch.equal(first.score, second.score),
        said=f"{name}: the same image got two answers",
    )
    demand(held=torch.equal(images, before), said=f"{name}: it changed the image it was given")


def bad_input_is_refused(detector: Detector) -> None:
    """Other shapes, types and ranges are refused in a line."""
    images = _draw(detector)
    broken = images.clone()
    broken[0, 0, 0, 0] = torch.nan
    side = detector.card.min_side - 1
    cases = {
        "a batch of zero": images[:0],
        "a grey image": images[:, :1],
        "uint8": (images * 255).byte(),
        "values above 1": images * 2,
        "NaN": broken,
        "an image without its batch": images[0],
        **({"too small an image": torch.zeros(1, 3, side, 64)} if side >= 1 else {}),
    }
    for what, case in cases.items():
        demand_refused(detector.card.name, what, _call(detector, case))


def _call(detector: Detector, images: Tensor) -> Callable[[], Detection]:
    return lambda: detector.detect(images)


DETECTOR_CHECKS: Mapping[str, Callable[[Detector], None]] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            the_card_says_what_the_score_means,
            answers_have_their_shapes_and_ranges,
            the_batch_changes_nothing,
            threads_change_nothing,
            the_same_picture_gets_the_same_answer,
            bad_input_is_refused,
        )
    }
)
