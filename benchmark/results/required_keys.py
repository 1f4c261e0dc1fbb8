"""Keys of the stored outputs that runs need, which `bench clean --unneeded` keeps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from benchmark.core.errors import BadInput, BenchError
from benchmark.core.inspecting import inspecting
from benchmark.results.file_hashes import refuse_changed_files
from benchmark.results.record import BEGUN, Record, read_record
from benchmark.results.run_folder import jobs_from_files, jobs_from_plan, read_plan
from benchmark.results.samples import BEGUN_SAMPLES, read_samples
from benchmark.runner.keys import measure_key
from benchmark.runner.planning import Keys, PlanJobs
from benchmark.runner.shard import read_shard


def needed_by(folders: Sequence[Path]) -> set[str]:
    """Return the keys of all outputs that the given runs need.

    A finished run's files contain them: its data set, masks and models need not be available.

    Raises:
        BadInput: if no run is given, or the keys of one are unknown: it is damaged, or unfinished
            or old and its data or weights are missing.
    """
    if not folders:
        raise BadInput("expected the folders of the runs whose outputs are kept, got none")
    keys: set[str] = set()
    for folder in folders:
        try:
            with inspecting():
                keys.update(_keys(folder))
        except BenchError as error:
            raise BadInput(
                f"{folder}: cannot determine what this run needs ({error}); nothing was removed"
            ) from None
    keys.discard("")
    return keys


def _keys(folder: Path) -> Iterator[str]:
    record = read_record(folder)
    if record is not None and record.format.get("samples.csv", 1) > 1:
        yield from _from_files(folder, record)
        return
    begun = read_record(folder, BEGUN)
    plan = read_plan(folder, begun)
    shard = read_shard(folder)
    jobs = (
        jobs_from_files(folder, plan, begun, BEGUN_SAMPLES)
        if begun
        else jobs_from_plan(plan, shard)
    )
    yield from chain.from_iterable(_columns(jobs))


def _from_files(folder: Path, record: Record) -> Iterator[str]:
    refuse_changed_files(folder, record.files, ["record.json", "samples.csv"])
    for row in read_samples(folder / "samples.csv"):
        keys = row.keys
        yield from (keys.original, keys.mask, keys.image, keys.heatmap)
        for name, revision in record.metrics.items():
            for heatmap in ("", keys.heatmap):  # of the image alone, or of the detector's output
                yield measure_key(name, revision, keys.image, heatmap)


def _columns(jobs: PlanJobs) -> Iterator[Keys]:
    resolved = jobs.resolved
    yield jobs.image_keys()
    yield jobs.mask_keys()
    variants = [(one, each) for one in resolved.inpainters for each in resolved.treatments_of(one)]
    if resolved.extra_null_inpainter is not None:
        variants.append((resolved.extra_null_inpainter, ""))
    for inpainter, treatment in variants:
        yield jobs.inpaint_keys(inpainter, treatment)
        yield from (column.keys for column in jobs.measure_jobs(inpainter, treatment))
        for detector in resolved.detectors_of(inpainter, treatment):
            for step in resolved.launders:
                yield jobs.detect_keys(detector, inpainter, treatment, step)
