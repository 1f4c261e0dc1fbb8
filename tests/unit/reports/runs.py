"""Runs made of given numbers, without running a model."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from benchmark.metrics import METRICS
from benchmark.metrics.intervals import RULES
from benchmark.results.csv import write_results
from benchmark.results.files import write_rows
from benchmark.results.gaps import NOT_DEFINED
from benchmark.results.rows import ResultRow, SampleRow
from benchmark.results.run_folder import RunFolder
from benchmark.results.samples import FIXED
from benchmark.retouch import retouched_name
from benchmark.runner.plan import Plan
from inpainters import INPAINTERS

ValueOf = Callable[[str, str, str, int], float]  # value by inpainter, metric, bin and sample
MODELS = ("telea", "meanfill", "original", "safepaint")


@dataclass(frozen=True, kw_only=True)
class Made:
    """Contents of a run; `absent` inpainters have no weights and no sample rows.

    `nulls` are measured on authentic images, with or without `original` in the plan.
    """

    inpainters: tuple[str, ...] = ("safepaint", "telea", "meanfill", "original")
    detectors: tuple[str, ...] = ("trufor",)
    metrics: tuple[str, ...] = ("auc", "acc", "psnr")
    buckets: tuple[str, ...] = ("10-20", "30-40", "50-60")
    datasets: tuple[str, ...] = ("samples",)
    launders: tuple[str, ...] = ()
    retouch: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    nulls: tuple[str, ...] = ()
    convention: str = "paper"
    samples: int = 6
    mask: str = "drawn with seed 1"
    value: ValueOf = field(default=lambda inpainter, metric, bucket, sample: 0.5)

    def write(self, folder: Path) -> Path:
        """Write the folder of a finished run and return it."""
        folder.mkdir(parents=True)
        plan = Plan(
            datasets=self.datasets,
            inpainters=self.inpainters,
            detectors=self.detectors,
            metrics=self.metrics,
            buckets=self.buckets,
            launder=self.launders,
            retouch=self.retouch,
            convention=self.convention,
        )
        (folder / "plan.toml").write_text(plan.dump(), encoding="utf-8")
        write_results(folder / "results.csv", self._cells())
        columns = (*FIXED, *self.metrics, *self.nulls)
        write_rows(folder / "samples.csv", columns, [*self._rows(), *self._null_rows()])
        (folder / "record.json").write_text(
            json.dumps({"failures": [], "intervals": RULES}), encoding="utf-8"
        )
        return folder

    def _cells(self) -> list[ResultRow]:
        return [
            self._cell(dataset, launder, detector, painter, bucket, metric)
            for dataset in self.datasets
            for painter in self._painters
            for metric in self.metrics
            for launder in (("", *self.launders) if needs_detection(metric) else ("",))
            for detector in (self.detectors if needs_detection(metric) else ("",))
            for bucket in self.buckets
        ] + [
            replace(
                self._cell(dataset, launder, detector, ("original", ""), bucket, null),
                weights=f"original=none {detector}=mini",
            )
            for dataset in self.datasets
            for detector in self.detectors
            for launder in ("", *self.launders)
            for null in self.nulls
            for bucket in self.buckets
        ]

    def _null_rows(self) -> list[dict[str, object]]:
        """Sample rows of the null; only without `original`, whose rows would hold them."""
        return [
            {
                "dataset": dataset,
                "launder": launder,
                "sample": f"image {sample}",
                "mask_ratio_percent": bucket,
                "mask": self.mask,
                "inpainter": "original",
                "retouch": "",
                "detector": detector,
                "score": 0.1,
                **{null: self.value("original", null, bucket, sample) for null in self.nulls},
            }
            for dataset in self.datasets
            for detector in self.detectors
            for launder in ("", *self.launders)
            for bucket in self.buckets
            for sample in range(self.samples)
            if self.nulls and "original" not in self.inpainters
        ]

    @property
    def _painters(self) -> list[tuple[str, str]]:
        """Inpainters with their retouchings; `value` gets names such as "telea+grain:1.5"."""
        steps = ["" if step == "none" else step for step in self.retouch] or [""]
        return [(name, step) for name in self.inpainters for step in steps]

    def _cell(
        self,
        dataset: str,
        launder: str,
        detector: str,
        painter: tuple[str, str],
        bucket: str,
        metric: str,
    ) -> ResultRow:
        inpainter, retouch = painter
        paints = INPAINTERS.card(inpainter).paints or bool(retouch)
        name = retouched_name(*painter)
        values = [self.value(name, metric, bucket, sample) for sample in range(self.samples)]
        gap = inpainter in self.absent
        gap = gap or (not paints and metric != "acc" and metric not in self.nulls)
        return ResultRow(
            dataset=dataset,
            launder=launder,
            detector=detector,
            inpainter=inpainter,
            retouch=retouch,
            bucket=bucket,
            metric="fpr" if metric == "acc" and not paints else metric,
            value=None if gap else float(np.mean(values)),
            n=0 if gap else self.samples,
            expected=self.samples,
            low=None if gap else min(values),
            high=None if gap else max(values),
            weights=f"{inpainter}=mini" + (f" {detector}=mini" if detector else ""),
            reason=""
            if not gap
            else "no weights here"
            if inpainter in self.absent
            else NOT_DEFINED,
        )

    def _rows(self) -> list[dict[str, object]]:
        return [
            self._row(dataset, launder, detector, painter, bucket, sample)
            for dataset in self.datasets
            for painter in self._painters
            if painter[0] not in self.absent
            for detector in self.detectors or ("",)
            for launder in ("", *self.launders)
            for bucket in self.buckets
            for sample in range(self.samples)
        ]

    def _row(
        self,
        dataset: str,
        launder: str,
        detector: str,
        painter: tuple[str, str],
        bucket: str,
        sample: int,
    ) -> dict[str, object]:
        values: dict[str, object] = {
            name: self.value(retouched_name(*painter), name, bucket, sample)
            for name in self.metrics
            if (detector or not needs_detection(name))
            and not (launder and not needs_detection(name))
        }
        score = 0.9 if values.get("acc") else 0.1
        if "acc" in values:
            values["acc"] = f"{score:.6f} {values['acc']:.6f}"
        return {
            "dataset": dataset,
            "launder": launder,
            "sample": f"image {sample}",
            "mask_ratio_percent": bucket,
            "mask": self.mask,
            "inpainter": painter[0],
            "retouch": painter[1],
            "detector": detector,
            "score": score if detector else "",
            **values,
        }


def needs_detection(metric: str) -> bool:
    """Whether a metric is computed from detections."""
    return METRICS.load(metric).needs == "verdict"


def result_row(inpainter: str, metric: str, value: float | None, **changed: object) -> ResultRow:
    """A row of results.csv of the detector `flatness`, with some fields changed."""
    known = {
        "dataset": "samples", "launder": "", "detector": "flatness", "bucket": "10-20",
        "n": 4, "expected": 4, "low": None, "high": None,
        "weights": f"{inpainter}=none flatness=none", "sees_hole": False, "reason": "",
    }  # fmt: skip
    named = {"inpainter": inpainter, "metric": metric, "value": value}
    return ResultRow(**{**known, **named, **changed})  # type: ignore[arg-type]


def sample_row(name: str, inpainter: str, auc: float) -> SampleRow:
    """A row of samples.csv of the detector `flatness`."""
    return SampleRow(
        dataset="samples", launder="", sample=name, bucket="10-20", mask="drawn",
        inpainter=inpainter, detector="flatness", score=0.5, numbers={"auc": (auc,)},
    )  # fmt: skip


def run_of(
    results: list[ResultRow],
    samples: list[SampleRow] | None = None,
    *,
    buckets: tuple[str, ...] = ("10-20",),
) -> RunFolder:
    """A finished run of these rows, without files."""
    run = RunFolder(
        path=Path("run"),
        plan=Plan(
            inpainters=MODELS, detectors=("flatness",), metrics=("auc", "acc"), buckets=buckets
        ),
        record={"failures": []},
        results=tuple(results),
        store=Path("store"),
    )
    run.__dict__["samples"] = tuple(samples or ())  # the cached property
    return run
