"""What is measured. `METRICS` is the list; a new metric adds a line here and a class beside it."""

from __future__ import annotations

from benchmark.core.registry import Registry
from benchmark.metrics.base import Metric

__all__ = ["METRICS", "Metric"]

METRICS: Registry[type[Metric]] = Registry(
    "metric",
    {
        "auc": "benchmark.metrics.localisation:AUC",
        "f1": "benchmark.metrics.localisation:F1",
        "f1_pooled": "benchmark.metrics.localisation:F1Pooled",
        "f1_oracle": "benchmark.metrics.localisation:F1Oracle",
        "iou": "benchmark.metrics.localisation:IoU",
        "precision": "benchmark.metrics.localisation:Precision",
        "recall": "benchmark.metrics.localisation:Recall",
        "mcc": "benchmark.metrics.localisation:MCC",
        "area": "benchmark.metrics.localisation:Area",
        "acc": "benchmark.metrics.detection:ACC",
        "psnr": "benchmark.metrics.fidelity:PSNR",
        "psnr_hole": "benchmark.metrics.fidelity:PSNRHole",
        "ssim": "benchmark.metrics.fidelity:SSIM",
        "known_drift": "benchmark.metrics.fidelity:KnownDrift",
        "known_drift_share": "benchmark.metrics.fidelity:KnownDriftShare",
        "lpips": "benchmark.metrics.perceptual:LPIPS",
        "lpips_vgg": "benchmark.metrics.perceptual:LPIPSVGG",
    },
)
