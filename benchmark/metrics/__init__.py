"""Metrics: to add one, write a class in this folder and an entry in `METRICS`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from benchmark.core.registry import Registry
from benchmark.metrics.base import Metric

__all__ = [
    "CONVENTIONS",
    "METRICS",
    "NULLS",
    "OF_FORGERIES",
    "OF_KNOWN",
    "OF_UNTOUCHED",
    "Metric",
    "nulls_of",
    "paper_convention",
    "revision_of",
    "under_convention",
]

METRICS: Registry[type[Metric]] = Registry(
    "metric",
    {
        "auc": "benchmark.metrics.localization:AUC",
        "auc_two_sided": "benchmark.metrics.localization:AUCTwoSided",
        "auc_pooled": "benchmark.metrics.pooled:AUCPooled",
        "f1": "benchmark.metrics.localization:F1",
        "f1_pooled": "benchmark.metrics.pooled:F1Pooled",
        "f1_oracle": "benchmark.metrics.localization:F1Oracle",
        "iou": "benchmark.metrics.localization:IoU",
        "precision": "benchmark.metrics.localization:Precision",
        "recall": "benchmark.metrics.localization:Recall",
        "mcc": "benchmark.metrics.localization:MCC",
        "area": "benchmark.metrics.localization:Area",
        "auc_null": "benchmark.metrics.nulls:AUCNull",
        "f1_null": "benchmark.metrics.nulls:F1Null",
        "area_null": "benchmark.metrics.nulls:AreaNull",
        "auc_two_sided_null": "benchmark.metrics.nulls:AUCTwoSidedNull",
        "f1_trufor": "benchmark.metrics.conventions:F1TruFor",
        "f1_oracle_trufor": "benchmark.metrics.conventions:F1OracleTruFor",
        "auc_imdlbenco": "benchmark.metrics.conventions:AUCIMDLBenCo",
        "f1_imdlbenco": "benchmark.metrics.conventions:F1IMDLBenCo",
        "auc_photoholmes": "benchmark.metrics.conventions:AUCPhotoHolmes",
        "f1_photoholmes": "benchmark.metrics.conventions:F1PhotoHolmes",
        "f1_tgif": "benchmark.metrics.conventions:F1TGIF",
        "acc": "benchmark.metrics.detection:ACC",
        "fpr": "benchmark.metrics.detection:FPR",
        "image_auc": "benchmark.metrics.detection:ImageAUC",
        "psnr": "benchmark.metrics.fidelity:PSNR",
        "psnr_hole": "benchmark.metrics.fidelity:PSNRHole",
        "ssim": "benchmark.metrics.fidelity:SSIM",
        "gmsd": "benchmark.metrics.fidelity:GMSD",
        "known_changed": "benchmark.metrics.fidelity:KnownChanged",
        "known_mae": "benchmark.metrics.fidelity:KnownMAE",
        "known_drift": "benchmark.metrics.fidelity:KnownDrift",
        "known_drift_share": "benchmark.metrics.fidelity:KnownDriftShare",
        "residual_kl": "benchmark.metrics.residuals:ResidualKL",
        "lpips": "benchmark.metrics.perceptual:LPIPS",
        "lpips_vgg": "benchmark.metrics.perceptual:LPIPSVGG",
    },
    base="benchmark.metrics.base:Metric",
    group="bench.metrics",
)

# Evaluation conventions: the metrics that take the place of `auc` and `f1` (docs/conventions.md).
# TruFor's program has no pixel AUC; its threshold-free number is F1 at the best threshold. TGIF's
# AUC is `auc`.
CONVENTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "paper": {},
        "trufor": {"auc": "f1_oracle_trufor", "f1": "f1_trufor"},
        "imdlbenco": {"auc": "auc_imdlbenco", "f1": "f1_imdlbenco"},
        "photoholmes": {"auc": "auc_photoholmes", "f1": "f1_photoholmes"},
        "tgif": {"f1": "f1_tgif"},
    }
)

# The null of each metric that has one; those in ALWAYS are measured in every run with a detector.
NULLS: Mapping[str, str] = MappingProxyType(
    {
        "auc": "auc_null",
        "f1": "f1_null",
        "area": "area_null",
        "auc_two_sided": "auc_two_sided_null",
    }
)
ALWAYS = ("auc_null", "f1_null", "area_null")

# The replacement of a metric on authentic images.
OF_UNTOUCHED: Mapping[str, str] = MappingProxyType({"acc": "fpr"})

# Computed from the rows of another metric, in every run of forgeries that has it.
OF_FORGERIES: Mapping[str, str] = MappingProxyType({"acc": "image_auc"})

# Measured of every image whose known pixels the run did not put back (`--composite none`).
OF_KNOWN = ("known_changed", "known_mae")


def nulls_of(metrics: Iterable[str]) -> tuple[str, ...]:
    """Return the nulls to measure with these metrics in a run that has a detector.

    Args:
        metrics: names in `METRICS`.

    Returns:
        `ALWAYS` and the null of each other given metric that has one; empty if no metric is
        computed from a detector's output.
    """
    wanted = tuple(metrics)
    if not any(METRICS.load(name).needs == "verdict" for name in wanted):
        return ()
    return tuple(null for name, null in NULLS.items() if null in ALWAYS or name in wanted)


def revision_of(name: str) -> str:
    """Return what decides a metric's rows besides its input: revision and plugin source."""
    revision, source = METRICS.load(name).revision, _source_of(name)
    return f"{revision} {source}" if source else str(revision)


@cache
def _source_of(name: str) -> str:
    return METRICS.fingerprint(name)


def under_convention(convention: str, metrics: Iterable[str]) -> tuple[str, ...]:
    """Replace `auc` and `f1` by the metrics of a convention; other names stay.

    Args:
        convention: a name in `CONVENTIONS`.
        metrics: names in `METRICS`.
    """
    own = CONVENTIONS[convention]
    return tuple(own.get(name, name) for name in metrics)


def paper_convention(convention: str, metrics: Iterable[str]) -> tuple[str, ...]:
    """Inverse of `under_convention`: replace a convention's metrics by `auc` and `f1`.

    Args:
        convention: a name in `CONVENTIONS`.
        metrics: names in `METRICS`.
    """
    names = {own: name for name, own in CONVENTIONS[convention].items()}
    return tuple(names.get(name, name) for name in metrics)
