"""Null metrics: localization metrics of the authentic image's heatmap (docs/null.md).

The null of a localization metric is the same metric of the authentic image's heatmap, with the mask
of the inpainted image as the truth. It is not 0.5 even for a heatmap that is independent of the
inpainting: masks may cover mostly smooth or mostly textured regions.
"""

from __future__ import annotations

import numpy as np

from benchmark.core.types import Case, Rows
from benchmark.metrics.base import verdict_of
from benchmark.metrics.localization import AUC, F1, Area, AUCTwoSided, LocalizationMetric


class Null(LocalizationMetric):
    """Mixin: a localization metric of the authentic image's heatmap against `Case.mask`."""

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64, NaN where the metric is undefined.

        Raises:
            BadInput: if the case has no detector output or a heatmap contains a NaN.
        """
        logits = verdict_of(case, self.name).logits
        found = [self._number(one, mask) for one, mask in zip(logits, case.mask, strict=True)]
        return np.array(found, dtype=np.float64)[:, None]


class AUCNull(Null, AUC):
    """`auc_null`: pixel AUC of authentic images against the masks, then the mean over images."""

    name, title, null_of = "auc_null", "null of AUC", "auc"


class F1Null(Null, F1):
    """`f1_null`: pixel F1 of authentic images against the masks, then the mean over images."""

    name, title, null_of = "f1_null", "null of F1", "f1"


class AreaNull(Null, Area):
    """`area_null`: share of authentic pixels predicted as manipulated, then the mean."""

    name, title, null_of = "area_null", "null of area called forged", "area"


class AUCTwoSidedNull(Null, AUCTwoSided):
    """`auc_two_sided_null`: max(a, 1 - a) of authentic images' AUC a against the masks."""

    name, title, null_of = "auc_two_sided_null", "null of AUC (two-sided)", "auc_two_sided"
    note = ""
