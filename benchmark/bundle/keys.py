"""Check keys of detections: they follow from image, detector, weights and post-processing."""

from __future__ import annotations

from dataclasses import replace

from benchmark.bundle.proof import Findings, Mismatch
from benchmark.postprocess import PostProcess
from benchmark.results.record import Record
from benchmark.results.samples import sample_conditions
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.plan import Plan
from benchmark.runner.planning import Keys, PlanJobs


def check_keys(jobs: PlanJobs, record: Record, same: set[str], findings: Findings) -> None:
    """Compare the keys of detections with those that follow from image, detector and weights.

    Args:
        jobs: jobs of the run, with the keys of its files.
        record: its record.
        same: models of this project with the same revision here.
        findings: where contradictions are added.
    """
    plan, made = jobs.resolved.plan, _KeysOfDetections(jobs)
    count = len(jobs.resolved.samples)
    if plan.forgeries is not None:
        findings.note("keys: those of forgeries are of the images' files; not compared.")
        return
    for number, view in enumerate(sample_conditions(jobs.resolved)):
        detector = view.detector
        if detector is None or detector.name not in same or detector.card.finished:
            continue
        if view.launder in record.launders or _is_external(plan, view.launder):
            continue
        tuned = replace(detector, precision=plan.precision, compiled=plan.compile)
        wanted = made.detect_keys(tuned, view.inpainter, view.treatment, view.launder)
        for place, (stated, key) in enumerate(zip(jobs.detect_keys_of(view), wanted, strict=True)):
            if stated != key:
                findings.add(
                    Mismatch(
                        file="samples.csv",
                        row=2 + number * count + place,
                        column="heatmap_key",
                        stated=stated,
                        computed=key,
                    )
                )
                break  # the first of a detector says it


def _is_external(plan: Plan, launder: str) -> bool:
    return bool(launder) and PostProcess.parse(plan.launder_words[launder]).is_external


class _KeysOfDetections(PlanJobs):
    """Jobs that make the keys of detections anew, from the recorded keys of images.

    Args:
        jobs: jobs of the run, with the keys of its files.
    """

    def __init__(self, jobs: PlanJobs) -> None:
        super().__init__(jobs.resolved)
        self._recorded = jobs

    def inpaint_keys(self, inpainter: ResolvedModel, treatment: str = "") -> Keys:
        """Return the recorded keys of one inpainter's outputs."""
        return self._recorded.inpaint_keys(inpainter, treatment)
