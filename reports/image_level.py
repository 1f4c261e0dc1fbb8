"""Does a detector tell inpainted images from untouched ones? One score an image."""

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


class Detected(NamedTuple):
    """One number of a detector on inpainted images against untouched ones.

    Attributes:
        value: the number, or None for a gap.
        interval: its 95 % interval; NaN where there is none.
        reason: why it is a gap, or "".
    """

    value: float | None
    interval: Interval = UNDEFINED
    reason: str = ""


def detected(
    forged: Values, authentic: Values, fired: Values, alarms: Values
) -> dict[str, Detected]:
    """The area under the images' ROC, detection at 5 % false alarms, and balanced accuracy.

    Args:
        forged: (N,) scores of inpainted images.
        authentic: (M,) scores of untouched ones, M at least 1.
        fired: (N,) 1 where an inpainted image was called forged.
        alarms: (M,) 1 where an untouched one was.
    """
    return {
        "image_auc": Detected(image_auc(forged, authentic)),
        "acc_at_5": _calibrated(forged, authentic),
        "balanced_accuracy": Detected(balanced_accuracy(fired, alarms, threshold=0.5)),
    }


def _calibrated(forged: Values, authentic: Values) -> Detected:
    """Detection at 5 % false alarms, where there are untouched images enough to know them."""
    if len(authentic) < FEWEST_ORIGINALS:
        count = len(authentic)
        pictures = "1 untouched image" if count == 1 else f"{count} untouched images"
        reason = f"{pictures}, detection at 5 % false alarms needs {FEWEST_ORIGINALS}"
        return Detected(None, reason=reason)
    return Detected(acc_at_5(forged, authentic), acc_at_5_interval(forged, authentic))
