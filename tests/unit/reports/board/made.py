"""Runs of given numbers and weights, and the board's view of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from benchmark.core.inspecting import inspecting
from benchmark.metrics.intervals import RULES
from benchmark.results.csv import read_results, write_results
from reports.board.sections import sections_of
from reports.board.sources import Sources, read_sources
from reports.board.values import SectionView
from tests.unit.reports.runs import Made

NULL = 0.5
SHAS = {"lama": "1" * 64, "trufor": "2" * 64}
REVISIONS = dict.fromkeys(("auc", "auc_null", "psnr", "lpips"), "1")


def auc(values: Mapping[str, float]) -> object:
    """Return a function of `Made`: AUC by inpainter, the null 0.5, PSNR 20."""

    def value(inpainter: str, metric: str, bucket: str, sample: int) -> float:
        if metric == "auc_null":
            return NULL + sample / 1e4
        if metric.startswith("auc"):
            return values.get(f"{inpainter} {bucket}", values.get(inpainter, 0.9)) + sample / 1e4
        return 20.0 + sample

    return value


def make(
    folder: Path,
    values: Mapping[str, float],
    *,
    shas: Mapping[str, str] = SHAS,
    revisions: Mapping[str, str] = REVISIONS,
    met: Sequence[str] = (),
    gaps: Sequence[tuple[str, str]] = (),
    commit: str = "",
    **made: object,
) -> Path:
    """Write a run: AUC per inpainter, weights by SHA-256, ¶ for `met`, gaps by (name, bin)."""
    settings = {"metrics": ("auc", "psnr"), "buckets": ("10-20", "30-40"), **made}
    Made(
        inpainters=tuple(dict.fromkeys(name.split()[0] for name in values)),
        nulls=("auc_null",),
        value=auc(values),  # type: ignore[arg-type]
        **settings,  # type: ignore[arg-type]
    ).write(folder)
    rows = [
        replace(
            row,
            met="yes" if row.detector and row.inpainter in met else row.met,
            **({"value": None, "reason": "failed"} if (row.inpainter, row.bucket) in gaps else {}),  # type: ignore[arg-type]
        )
        for row in read_results(folder / "results.csv")
    ]
    write_results(folder / "results.csv", rows)
    record = {
        "failures": [],
        "intervals": RULES,
        "commit": commit,
        "metrics": dict(revisions),
        "checkpoints": {name: {"edition": "mini", "sha256": sha} for name, sha in shas.items()},
    }
    (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


def sources(*folders: Path) -> Sources:
    """Read some runs."""
    with inspecting(), ExitStack() as opened:
        return read_sources(folders, opened, lambda _: None)


def views(*folders: Path) -> list[SectionView]:
    """Return the sections of some runs."""
    with inspecting():
        return [SectionView(section) for section in sections_of(sources(*folders).runs)]
