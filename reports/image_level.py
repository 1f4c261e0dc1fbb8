"""Image-level detection: metrics of inpainted against authentic images, one score per image."""

from __future__ import annotations

from typing import NamedTuple

from benchmark.metrics.detection import (
    FEWEST_ORIGINALS,
    acc_at_5,
    acc_at_5_interval,
    balanced_accuracy,
    image_auc,
)
from benchmark.metrics.intervals import UNDEFINED, Interval, Values


class ImageLevelResult(NamedTuple):
    """Value of one image-level metric.

    Attributes:
        value: the number, or None for a gap.
        interval: its 95 % interval; NaN where there is none.
        reason: why it is a gap, or "".
    """

    value: float | None
    interval: Interval = UNDEFINED
    reason: str = ""


def image_level_results(
    forged: Values, authentic: Values, forged_called: Values, authentic_called: Values
) -> dict[str, ImageLevelResult]:
    """Return image AUC, detection at 5 % false positives, and balanced accuracy.

    Args:
        forged: (N,) scores of inpainted images in [0, 1].
        authentic: (M,) scores of authentic images in [0, 1], M at least 1.
        forged_called: (N,) 1 where an inpainted image was called forged, else 0.
        authentic_called: (M,) 1 where an authentic image was called forged, else 0.
    """
    balanced = balanced_accuracy(forged_called, authentic_called, threshold=0.5)
    return {
        "image_auc": ImageLevelResult(image_auc(forged, authentic)),
        "acc_at_5": _detection_at_5(forged, authentic),
        "balanced_accuracy": ImageLevelResult(balanced),
    }


def _detection_at_5(forged: Values, authentic: Values) -> ImageLevelResult:
    """Detection at 5 % false positives, or a gap if there are too few authentic images."""
    if len(authentic) < FEWEST_ORIGINALS:
        count = len(authentic)
        images = "1 authentic image" if count == 1 else f"{count} authentic images"
        reason = f"{images}, detection at 5 % false positives needs {FEWEST_ORIGINALS}"
        return ImageLevelResult(None, reason=reason)
    return ImageLevelResult(acc_at_5(forged, authentic), acc_at_5_interval(forged, authentic))
