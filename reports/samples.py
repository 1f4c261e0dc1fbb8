"""samples.csv: one row per sample and detector, streamed so that a large run fits in memory."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from typing import TextIO

from benchmark.metrics import METRICS, revision_of
from benchmark.runner.jobs import SampleRef
from benchmark.runner.setup import Setup, measured_of
from benchmark.runner.store import Store
from benchmark.runner.views import Keys, View, null_views, views
from reports.results import plain

BLOCK = 256
FIXED = (
    "dataset", "launder", "sample", "mask_ratio_percent", "mask", "inpainter", "retouch",
    "detector", "score",
)  # fmt: skip


def write_samples(file: TextIO, setup: Setup, store: Store) -> None:
    """Write one row per inpainter, retouching, detector, laundering and sample: all metrics.

    A metric with several numbers (pooled counts) is written as them, separated by spaces. Gaps are
    empty, and so are metrics of the picture where it was laundered.
    """
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow((*FIXED, *setup.measured, *setup.null_names))
    for view in _views(setup):
        for start in range(0, len(setup.samples), BLOCK):
            block = setup.samples[start : start + BLOCK]
            writer.writerows(_rows(setup, store, view, block))


def _views(setup: Setup) -> Iterator[View]:
    """Of the plan's inpainters, then of the untouched images where only the null needs them."""
    yield from views(setup, setup.detectors or (None,), setup.inpainters)
    if setup.for_null is not None:
        for view in null_views(setup):
            if view.detector in setup.detectors_of(setup.for_null, view.retouch):
                yield view


def _rows(
    setup: Setup, store: Store, view: View, samples: Sequence[SampleRef]
) -> Iterator[tuple[object, ...]]:
    keys = Keys(setup, view, samples)
    scores = store.scores(keys.judges)
    names = (*setup.measured, *setup.null_names)
    own = measured_of(setup, view.inpainter, view.retouch)
    nothing = [""] * len(samples)
    columns = [_column(store, view, name, keys) if name in own else nothing for name in names]
    inpainter, detector = view.inpainter.name, view.detector.name if view.detector else ""
    for sample, score, *measured in zip(samples, scores, *columns, strict=True):
        yield (
            sample.dataset,
            view.launder,
            sample.id,
            sample.bucket,
            sample.mask,
            inpainter,
            view.retouch,
            detector,
            plain(score),
            *measured,
        )


def _column(store: Store, view: View, name: str, keys: Keys) -> list[str]:
    kind = METRICS.load(name)
    judged = kind.needs == "verdict"
    if (judged and view.detector is None) or (view.launder and not judged):
        return [""] * len(keys.fills)
    found = store.rows(keys.measured(name, revision_of(name), judged=judged))
    return [
        "" if row is None else " ".join(str(plain(number)) for number in row.tolist())
        for row in found
    ]
