"""Single jobs, as `PlanJobs` makes them column by column."""

from __future__ import annotations

from dataclasses import replace

from benchmark.runner.jobs import (
    Chosen,
    Fill,
    Judge,
    Measure,
    judge_key,
    laundered_key,
    measure_key,
)
from benchmark.runner.planning import PlanJobs


def judge_job(detector: Chosen, fill: Fill, launder: str = "") -> Judge:
    judge = Judge(detector, fill, launder, judge_key(detector, fill.key))
    return replace(judge, key=laundered_key(judge.key, launder, judge.seed)) if launder else judge


def measure_job(metric: str, revision: str, fill: Fill, judge: Judge | None) -> Measure:
    key = measure_key(metric, revision, fill.key, judge.key if judge else "")
    return Measure(metric, fill, judge, key)


def fills(jobs: PlanJobs, inpainter: Chosen) -> list[Fill]:
    """Every fill of one inpainter, sample by sample."""
    columns = [jobs.fills(inpainter, step) for step in jobs.setup.retouches]
    return [one.job(place) for place in range(len(jobs.setup.samples)) for one in columns]
