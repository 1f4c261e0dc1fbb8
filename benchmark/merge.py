"""Merge the shards of a run: their stores into one, and the run's files computed from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

from benchmark.api import RunRecord, conclude
from benchmark.core.errors import BenchError, DataError
from benchmark.core.inspecting import inspecting
from benchmark.results.claim import claimed
from benchmark.results.file_hashes import refuse_changed_files
from benchmark.results.record import KnownPixels, Record, read_record
from benchmark.results.recorded_jobs import recorded_jobs
from benchmark.results.run_folder import read_plan
from benchmark.results.samples import read_samples
from benchmark.runner.plan import Plan
from benchmark.runner.planning import PlanJobs
from benchmark.runner.shard import SHARD_FILE, Shard, read_shard_file
from benchmark.runner.stages import STAGES
from benchmark.runner.waves import count_missing
from benchmark.store.store import Store, is_address, is_store, rows_folder

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """A shard's run, which is complete.

    Attributes:
        folder: the run's folder.
        plan: the plan of the whole run.
        shard: the shard.
        store: the shard's store.
        record: the run's record.
    """

    folder: Path
    plan: Plan
    shard: Shard
    store: str | Path
    record: Record

    @property
    def origin(self) -> str:
        """Origin of its outputs in the merged store: the folder's name and the shard."""
        return f"{self.folder.absolute().name} ({self.shard.label})"


@inspecting()
def merge(
    shards: Sequence[str | Path], *, out: str | Path, store: str | Path | None = None
) -> RunRecord:
    """Merge the runs of all shards into one run; merging again changes nothing.

    The files in `out` equal those of one run of the whole plan, except for time and machine in
    record.json. Nothing is inpainted, detected or measured, and nothing that the plan names is
    opened: the shards may be a stranger's.

    Args:
        shards: the folder of each shard.
        out: folder for the run's files.
        store: folder for all outputs; by default the run's own, `out`/store: the shards' outputs
            may be a stranger's, and in the common store later runs would use them.

    Raises:
        DataError: if a folder is not a shard's, a shard is missing or incomplete, or the shards
            differ in their plan, images, weights or metrics.
        OutputError: if `out` is of another plan or cannot be written.
    """
    parts = [_read_part(Path(folder)) for folder in shards]
    _refuse_incomplete(parts)
    parts.sort(key=lambda part: part.shard)
    _refuse_different(parts)
    record = _merge_records(parts)
    jobs = _jobs(parts, record)
    own = Path(out) / "store"
    claim = claimed(out, jobs.resolved.plan, None, store or own)
    with (
        claim as (folder, place),
        _removed_on_error(own),
        Store(place) as merged,
        merged.used(),
    ):
        for part in parts:
            if rows_folder(part.store).resolve() != rows_folder(place).resolve():
                merged.merge_from(part.store, origin=part.origin)
        merged.table.sync()  # the user may delete the shards after this
        if not record.failures and (missing := count_missing(jobs, merged)):
            raise DataError(
                f"the stores of these shards lack {missing} outputs that their samples.csv name; "
                "rerun the shards to regenerate them"
            )
        return conclude(jobs, merged, record, folder)


@contextmanager
def _removed_on_error(own: Path) -> Iterator[None]:
    """Remove the run's own store after a user's error, if it did not exist before."""
    existed = own.exists()
    try:
        yield
    except BenchError:
        if not existed:
            shutil.rmtree(own, ignore_errors=True)
        raise


def _read_part(folder: Path) -> _Part:
    file = read_shard_file(folder)
    if file is None:
        raise DataError(f"{folder}: not the folder of a shard ({SHARD_FILE} is missing)")
    shard = Shard.parse(file.shard)
    store = file.store if is_address(file.store) else folder / file.store
    record = read_record(folder)
    if record is None:
        raise DataError(f"{folder}: its run is incomplete; rerun the same command to resume")
    refuse_changed_files(folder, record.files, ["samples.csv"])
    if not is_store(store):
        raise DataError(f"{folder}: its store {store} is missing; move it with the folder")
    return _Part(
        folder=folder,
        plan=read_plan(folder, record),
        shard=shard,
        store=store,
        record=record,
    )


def _refuse_incomplete(parts: Sequence[_Part]) -> None:
    first = parts[0]
    seen: dict[Shard, Path] = {}
    for part in parts:
        if part.plan != first.plan:
            raise DataError(f"{part.folder}: a shard of another plan than {first.folder}")
        label = f"{part.folder}: shard {part.shard.label}"
        if part.shard.count != first.shard.count:
            raise DataError(f"{label}, but {first.folder} is {first.shard.label}")
        if part.shard in seen:
            raise DataError(f"{label}, as is {seen[part.shard]}")
        seen[part.shard] = part.folder
    wanted = {Shard(index + 1, first.shard.count) for index in range(first.shard.count)}
    missing = ", ".join(shard.label for shard in sorted(wanted - set(seen)))
    if missing:
        raise DataError(f"shard {missing} is missing; name its folder too")


def _jobs(parts: Sequence[_Part], record: Record) -> PlanJobs:
    """Return the jobs of the whole plan from the shards' files, without images or models."""
    rows = (row for part in parts for row in read_samples(part.folder / "samples.csv"))
    try:
        return recorded_jobs(parts[0].plan, record, rows, _pictures(parts))
    except DataError as error:
        raise DataError(f"{parts[0].folder} and its other shards: {error}") from None


def _pictures(parts: Sequence[_Part]) -> dict[str, list[str]]:
    """Return the names of all images in the order of the whole run, by data set."""
    found: dict[str, list[str]] = {}
    for dataset in parts[0].plan.datasets:
        shares = [list(part.record.pictures.get(dataset, ())) for part in parts]
        whole = [name for row in zip_longest(*shares) for name in row if name is not None]
        fits = [Shard(index + 1, len(parts)).of(whole) for index in range(len(parts))] == shares
        if not whole or not fits or len(set(whole)) < len(whole):
            raise DataError(
                f"the shards have different images of {dataset}, or are of an older version: rerun "
                "those of an older version, which recomputes nothing"
            )
        found[dataset] = whole
    return found


def _merge_records(parts: Sequence[_Part]) -> Record:
    """Return the record of all shards: sums of counts and times; machines once or one each."""
    records = [part.record for part in parts]
    machines = [record.machine for record in records]  # None in an older shard
    same = all(one == machines[0] for one in machines)
    return records[0].model_copy(
        update={
            **_sums(records),
            "samples": sum(record.samples for record in records),
            "commit": _joined(record.commit for record in records),
            "device": _joined(record.device for record in records),
            "executor": _joined(record.executor for record in records),
            "batch": _joined(record.batch for record in records),
            "engines": {
                name: _joined(record.engines.get(name, "") for record in records)
                for name in records[0].engines
            },
            "machine": machines[0] if same else machines,
            "known_pixels": _known_pixels(records),
            "unused": tuple(dict.fromkeys(one for record in records for one in record.unused)),
            "failures": tuple(sorted({one for record in records for one in record.failures})),
            "pictures": {},
            "shard": "",
            "files": {},
        }
    )


def _sums(records: Sequence[Record]) -> dict[str, dict[str, float]]:
    """Return jobs and seconds of each stage, summed over all shards."""
    return {
        name: {
            stage: round(sum(getattr(record, name).get(stage, 0) for record in records), 3)
            for stage in STAGES
        }
        for name in ("jobs_run", "jobs_stored", "seconds", "model_seconds")
    }


def _joined(values: Iterable[T]) -> T | str:
    """Return the value of all shards, or their different values separated by commas."""
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else ", ".join(map(str, different))


def _known_pixels(records: Sequence[Record]) -> dict[str, KnownPixels]:
    """Return the change of known pixels of finished images, over all shards."""
    found: dict[str, KnownPixels] = {}
    for record in records:
        for name, known in record.known_pixels.items():
            so_far = found.get(name, KnownPixels(pictures=0, moved=0, max=0, mean=0))
            images = so_far.pictures + known.pictures
            total = so_far.mean * so_far.pictures + known.mean * known.pictures
            found[name] = KnownPixels(
                pictures=images,
                moved=so_far.moved + known.moved,
                max=max(so_far.max, known.max),
                mean=round(total / max(images, 1), 6),
            )
    return found


def _refuse_different(parts: Sequence[_Part]) -> None:
    """Refuse shards that ran with different weights, models or metrics."""
    first = parts[0]
    for part in parts[1:]:
        for what, one, other in (
            ("weights", first.record.checkpoints, part.record.checkpoints),
            ("models", _identities(first.record), _identities(part.record)),
            ("post-processing", first.record.launders, part.record.launders),
            ("metrics", first.record.not_measured, part.record.not_measured),
            ("metrics", first.record.metrics, part.record.metrics),
        ):
            found = sorted(name for name in one | other if one.get(name) != other.get(name))
            if found:
                raise DataError(
                    f"{part.folder}: ran with different {what} than {first.folder}: {found[0]}"
                )


def _identities(record: Record) -> dict[str, str]:
    """Return the identities of external models: they determine the outputs."""
    return {name: one.identity for name, one in record.brought.items()}
