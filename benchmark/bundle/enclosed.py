"""Samples of a bundle whose maps are enclosed, and whether they are those that were drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from benchmark.bundle.layout import draw_seed
from benchmark.bundle.parts import in_drawn_order, parts_of, passes_on
from benchmark.bundle.proof import Findings
from benchmark.bundle.read import Opened
from benchmark.results.rows import SampleRow
from benchmark.runner.planning import PlanJobs


def enclosed_samples(
    jobs: PlanJobs,
    rows: Callable[[], Iterable[SampleRow]],
    opened: Opened,
    findings: Findings,
) -> list[int]:
    """Return the indexes of the samples whose maps are enclosed, all of them.

    They have to be the first ones in drawn order: otherwise somebody chose them. An enclosed
    output that no sample needs contradicts, too.

    Args:
        jobs: jobs of the run.
        rows: returns the rows of samples.csv.
        opened: the bundle.
        findings: where contradictions are added.
    """
    outputs = opened.outputs
    if not outputs:
        return []
    parts = parts_of(rows(), passes_on(opened.manifest.images))
    order = [one for one in in_drawn_order(parts, draw_seed(opened.run)) if parts[one].maps]
    whole = [one for one in order if parts[one].maps.keys() <= outputs]
    first = next((at for at, one in enumerate(order) if one not in set(whole)), len(order))
    drawn = {name for one in order[:first] for name in parts[one].maps}
    for one in whole:
        if not parts[one].maps.keys() <= drawn:
            said = "its maps are enclosed, but those of samples drawn before it are not"
            findings.differs("samples.csv", f"{one[1]} {one[2]}: {said}")
    known = {name for part in parts.values() for name in part.names}
    for key, suffix in sorted(outputs - known):
        findings.differs(f"{key}{suffix}", "is of no sample of the run")
    indexes = {
        (one.dataset, one.id, one.bucket): at for at, one in enumerate(jobs.resolved.samples)
    }
    return [indexes[one] for one in whole]
