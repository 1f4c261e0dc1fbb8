"""samples.csv: one row per sample and detector, streamed so that a large run fits in memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TextIO

from benchmark.metrics import METRICS, revision_of
from benchmark.runner.jobs import Chosen, Fill, Judge, SampleRef, judge_job, measure_job
from benchmark.runner.setup import Setup, fills
from benchmark.runner.store import Store
from reports.results import plain

BLOCK = 256
FIXED = (
    "dataset", "launder", "sample", "mask_ratio_percent", "mask", "inpainter", "detector", "score",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class _View:
    """Who painted, and who looked at it after which step of laundering."""

    inpainter: Chosen
    detector: Chosen | None
    launder: str

    def judge(self, fill: Fill) -> Judge | None:
        return judge_job(self.detector, fill, self.launder) if self.detector else None


def write_samples(file: TextIO, setup: Setup, store: Store) -> None:
    """Write one row per inpainter, detector, step of laundering and sample: score, every metric.

    A metric with several numbers (pooled counts) is written as them, separated by spaces. Gaps are
    empty, and so are metrics of the picture where it was laundered.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*FIXED, *setup.measured))
    for view in _views(setup):
        for start in range(0, len(setup.samples), BLOCK):
            block = setup.samples[start : start + BLOCK]
            writer.writerows(_rows(setup, store, view, block))


def _views(setup: Setup) -> Iterator[_View]:
    for inpainter in setup.inpainters:
        for detector in setup.detectors or (None,):
            for launder in setup.launders:
                yield _View(inpainter=inpainter, detector=detector, launder=launder)


def _rows(
    setup: Setup,
    store: Store,
    view: _View,
    samples: Sequence[SampleRef],
) -> Iterator[list[object]]:
    jobs = fills(setup, view.inpainter, samples)
    scores = _scores(store, view, jobs)
    columns = [_column(store, view, name, jobs) for name in setup.measured]
    for row, sample in enumerate(samples):
        yield [
            sample.dataset,
            view.launder,
            sample.id,
            sample.bucket,
            sample.mask,
            view.inpainter.name,
            view.detector.name if view.detector else "",
            plain(scores[row]),
            *(column[row] for column in columns),
        ]


def _scores(store: Store, view: _View, jobs: list[Fill]) -> list[float | None]:
    judges = [view.judge(fill) for fill in jobs]
    return store.scores([judge.key if judge else "" for judge in judges])


def _column(store: Store, view: _View, name: str, jobs: list[Fill]) -> list[str]:
    kind = METRICS.load(name)
    judged = kind.needs == "verdict"
    if (judged and view.detector is None) or (view.launder and not judged):
        return [""] * len(jobs)
    keys, revision = [], revision_of(name)
    for fill in jobs:
        judge = view.judge(fill) if judged else None
        keys.append(measure_job(name, revision, fill, judge).key)
    return [
        "" if row is None else " ".join(str(plain(float(number))) for number in row)
        for row in store.rows(keys)
    ]
