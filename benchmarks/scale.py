"""Cost of the benchmark itself at the paper's scale, with models that return at once.

Nine inpainters, three data sets, three mask-ratio bins and three detectors; all outputs are stored,
read back and put into tables as in a run. Each step runs in a separate process.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmark import Plan
from benchmark.api import conclude
from benchmark.core.checkpoints.resolve import Weights
from benchmark.results.claim import claimed
from benchmark.results.provenance import record_of
from benchmark.results.record import Record
from benchmark.runner.inputs import Chunk
from benchmark.runner.jobs import DetectJob, InpaintJob, Job, ResolvedModel, SampleRef
from benchmark.runner.keys import key_of
from benchmark.runner.outcome import ChunkResult
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import ResolvedPlan
from benchmark.runner.scheduler import execute
from benchmark.runner.settings import Settings
from benchmark.runner.worker_spec import WorkerSpec
from benchmark.store.encoding import StoredOutput
from benchmark.store.store import Store
from detectors import DETECTORS
from inpainters import INPAINTERS
from reports.document import table_document

PLAN = Plan(
    datasets=("places2", "paris-street-view", "celeba"),
    data_root="data",
    inpainters=("edgeconnect", "madf", "ctsdg", "aotgan", "lama", "fcf", "safepaint",
                "safepaint-backbone", "original"),
    detectors=("psccnet", "trufor", "iidnet"),
    metrics=("psnr", "gmsd", "auc", "f1", "acc"),
)  # fmt: skip
STEPS = ("store", "resume", "conclude", "tables")
FILE = bytes(64)  # content of an image or heatmap


class Nowhere:
    """Replaces the data sets: nothing is decoded."""

    unused = ()
    folders: dict[str, Path] = {}  # noqa: RUF012 (stays empty)


class Instant:
    """An executor whose models return at once, with numbers derived from the job's key."""

    name, devices = "instant", ()

    @contextmanager
    def start(self, spec: WorkerSpec) -> Iterator[object]:
        yield self.run

    def run(self, chunks: Iterable[Chunk]) -> Iterator[ChunkResult]:
        for chunk in chunks:
            outputs = [self.output_of(job) for job in chunk.jobs]
            inputs = [
                StoredOutput(key=key, suffix=".png", content=FILE)
                for keys in chunk.keep.values()
                for key in (keys.image, keys.mask)
                if key
            ]
            yield ChunkResult(outputs=outputs, inputs=inputs, jobs=len(outputs))

    def output_of(self, job: Job) -> StoredOutput:
        drawn = int(job.key[:8], 16) / 2**32
        if isinstance(job, InpaintJob):
            return StoredOutput(key=job.key, suffix=".png", content=FILE)
        if isinstance(job, DetectJob):
            return StoredOutput(key=job.key, suffix=".npy", content=FILE, score=drawn)
        return StoredOutput(
            key=job.key, numbers=(drawn, 1.0) if job.metric in ("acc", "fpr") else (drawn,)
        )


def setup(masks: int) -> ResolvedPlan:
    """Return the plan with a number of masks per data set and bin, and weights for every model."""
    samples = [
        SampleRef(dataset, f"{number:06}", bucket, f"mask {number}",
                  key_of("sample", dataset, bucket, number))
        for dataset in PLAN.datasets
        for bucket in PLAN.buckets
        for number in range(masks)
    ]  # fmt: skip
    weights = Weights(edition="mini", sha256="0" * 64)
    return ResolvedPlan(
        plan=PLAN,
        sources=Nowhere(),
        samples=samples,
        all_inpainters=tuple(
            ResolvedModel(name=name, card=INPAINTERS.card(name), weights=weights)
            for name in PLAN.inpainters
        ),
        all_detectors=tuple(
            ResolvedModel(name=name, card=DETECTORS.card(name), weights=weights)
            for name in PLAN.detectors
        ),
        gaps={},
        original=ResolvedModel(name="original", card=INPAINTERS.card("original"), weights=weights),
    )


def step(name: str, masks: int, place: Path) -> dict[str, object]:
    """Run one step and print its cost."""
    prepared, settings = setup(masks), Settings(batch=8)
    start = time.perf_counter()
    if name == "tables":
        text = table_document("all", run=place / "out").text("text")
        found = {"lines": text.count("\n")}
    elif name == "conclude":
        record = Record.model_validate_json((place / "document.json").read_text())
        claim = claimed(place / "out", PLAN, None, place / "store")
        with claim as (folder, _), Store(place / "store") as store:
            found = {"cells": len(conclude(PlanJobs(prepared), store, record, folder).cells)}
    else:
        with Store(place / "store") as store:
            tally = execute(PlanJobs(prepared), store, Instant(), settings)
        found = {"rows": sum(tally.ran.values())}
        if name == "store":
            record = record_of(prepared, settings, tally, {})
            (place / "document.json").write_text(record.model_dump_json())
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "MB": peak, **found}


def main() -> None:
    """Print the cost of each step, for each number of masks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--masks", type=int, nargs="+", default=[400],
                        help="in each data set and bucket; the paper's scale is 4000")  # fmt: skip
    parser.add_argument("--step", choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    words = parser.parse_args()
    if words.step:
        print(json.dumps(step(words.step, words.masks[0], words.place)))
        return
    print("| masks | detections | step | seconds | peak MB | of it |\n" + "| --- " * 6 + "|")
    for masks in words.masks:
        measure(masks)


def measure(masks: int) -> None:
    """Print the rows of the table for one number of masks."""
    detections = masks * 9 * len(PLAN.inpainters) * len(PLAN.detectors)
    with tempfile.TemporaryDirectory() as folder:
        for name in STEPS:
            command = [sys.executable, __file__, "--masks", str(masks), "--step", name,
                       "--place", folder]  # fmt: skip
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True,
                                  env={**os.environ, "OMP_NUM_THREADS": "1"})  # fmt: skip
            said = json.loads(done.stdout)
            seconds, peak = said.pop("seconds"), said.pop("MB")
            if name == "store":
                size = (Path(folder) / "store" / "answers.sqlite").stat().st_size / 2**20
                said |= {"rows/s": round(said["rows"] / seconds), "database MB": round(size)}
            rest = ", ".join(f"{value} {key}" for key, value in said.items())
            print(f"| {masks} | {detections} | {name} | {seconds:.1f} | {peak:.0f} | {rest} |",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
