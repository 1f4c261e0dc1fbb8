"""Runs that are exported, made of given numbers."""

from __future__ import annotations

import json
from pathlib import Path

from benchmark.metrics.intervals import RULES
from tests.unit.reports.runs import Made

SHA256 = "5" * 64


def made(folder: Path, **changed: object) -> Path:
    """A run of mini weights with nulls, one inpainter without weights, and a full record."""
    known = {
        "inpainters": ("safepaint", "telea", "original"), "absent": ("telea",),
        "nulls": ("auc_null",), "buckets": ("10-20",), "value": _value,
    }  # fmt: skip
    Made(**{**known, **changed}).write(folder)  # type: ignore[arg-type]
    record = {
        "failures": [],
        "intervals": RULES,
        "versions": {"safepaint-bench": "0.1.1", "torch": "2.0"},
        "checkpoints": {"safepaint": {"edition": "mini", "sha256": SHA256}},
        "metrics": {"auc": "1", "acc": "1", "psnr": "1", "auc_null": "1"},
    }
    (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def _value(inpainter: str, metric: str, bucket: str, sample: int) -> float:
    return {"auc": 0.625, "auc_null": 0.4, "acc": float(sample > 2), "fpr": 0.0}.get(metric, 30.0)
