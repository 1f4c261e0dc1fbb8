"""samples.csv: one row per sample and detector, streamed so that a large run fits in memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TextIO

from benchmark.metrics import METRICS
from benchmark.runner.jobs import Chosen, Fill, SampleRef, judge_job, measure_job
from benchmark.runner.setup import Setup, fills
from benchmark.runner.store import Store
from reports.results import plain

BLOCK = 256
FIXED = ("dataset", "sample", "mask_ratio_percent", "mask", "inpainter", "detector", "score")


def write_samples(file: TextIO, setup: Setup, store: Store) -> None:
    """Write one row per inpainter, detector and sample: score, then every metric; gaps are empty.

    A metric with several numbers (pooled counts) is written as them, separated by spaces.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*FIXED, *setup.measured))
    for inpainter in setup.inpainters:
        for detector in setup.detectors or (None,):
            for start in range(0, len(setup.samples), BLOCK):
                block = setup.samples[start : start + BLOCK]
                writer.writerows(_rows(setup, store, (inpainter, detector), block))


def _rows(
    setup: Setup,
    store: Store,
    models: tuple[Chosen, Chosen | None],
    samples: Sequence[SampleRef],
) -> Iterator[list[object]]:
    inpainter, detector = models
    jobs = fills(setup, inpainter, samples)
    scores = _scores(store, detector, jobs)
    columns = [_column(store, detector, name, jobs) for name in setup.measured]
    for row, sample in enumerate(samples):
        yield [
            setup.plan.dataset,
            sample.id,
            sample.bucket,
            sample.mask,
            inpainter.name,
            detector.name if detector else "",
            plain(scores[row]),
            *(column[row] for column in columns),
        ]


def _scores(store: Store, detector: Chosen | None, jobs: list[Fill]) -> list[float | None]:
    if detector is None:
        return [None] * len(jobs)
    return store.scores([judge_job(detector, fill).key for fill in jobs])


def _column(store: Store, detector: Chosen | None, name: str, jobs: list[Fill]) -> list[str]:
    kind = METRICS.load(name)
    if kind.needs == "verdict" and detector is None:
        return [""] * len(jobs)
    keys = []
    for fill in jobs:
        judge = judge_job(detector, fill) if detector and kind.needs == "verdict" else None
        keys.append(measure_job(name, kind.revision, fill, judge).key)
    return [
        "" if row is None else " ".join(str(plain(float(number))) for number in row)
        for row in store.rows(keys)
    ]
