"""The run of a bundle while it is checked, and its samples."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.bundle.proof import Findings
from benchmark.bundle.read import Opened
from benchmark.bundle.tables import SAMPLES
from benchmark.core.errors import BenchError
from benchmark.results.record import Record
from benchmark.results.rows import SampleKeys, SampleRow
from benchmark.results.samples import read_samples
from benchmark.runner.keys import key_of
from benchmark.runner.plan import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRun:
    """The run of a bundle that is checked.

    Attributes:
        opened: the bundle.
        plan: its plan.
        record: its record.
        findings: contradictions and notes so far.
        keys: whether its files have keys; those of older versions have none.
    """

    opened: Opened
    plan: Plan
    record: Record
    findings: Findings
    keys: bool

    def samples(self) -> Iterator[SampleRow]:
        """Yield the rows of samples.csv, with made-up keys for files without."""
        rows = read_samples(self.opened.run / SAMPLES)
        yield from rows if self.keys else map(_with_keys, rows)


def has_keys(path: Path) -> bool:
    """Return whether the rows of a samples file have keys, as those of older versions do not.

    Args:
        path: the file; if it is damaged, that is said when all of it is read.
    """
    try:
        first = next(read_samples(path), None)
    except BenchError:
        return True
    return first is None or bool(first.keys.mask)


def _with_keys(row: SampleRow) -> SampleRow:
    """Return a row of an older version with keys made from its names."""
    sample = (row.dataset, row.sample, row.bucket)
    image = key_of("image", *sample, row.inpainter, row.treatment)
    keys = SampleKeys(
        original=key_of("image", *sample, "original", ""),
        mask=key_of("mask", *sample),
        image=image,
        heatmap=key_of("heatmap", image, row.detector, row.launder) if row.detector else "",
    )
    return replace(row, keys=keys)
