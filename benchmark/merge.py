"""Shards of a run, made into the run: their stores into one, their numbers anew from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import TypeVar

from benchmark.api import RunRecord, claimed, conclude
from benchmark.core.errors import BenchError, DataError
from benchmark.core.looking import looking
from benchmark.results.file_hashes import refuse_changed_files
from benchmark.results.record import KnownPixels, Record, read_record
from benchmark.results.recorded_jobs import recorded_jobs
from benchmark.results.run_folder import read_plan
from benchmark.results.samples import read_samples
from benchmark.runner.plan import Plan
from benchmark.runner.planning import PlanJobs
from benchmark.runner.scheduler import STAGES, lacking
from benchmark.runner.shard import SHARD_FILE, Shard, read_shard_file
from benchmark.store.store import Store, is_address, is_store, rows_folder

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The folder of one shard's run, which has ended."""

    folder: Path
    plan: Plan
    shard: Shard
    store: str | Path
    record: Record

    @property
    def origin(self) -> str:
        """What its answers are said to come from: the shard by its folder's name and its record."""
        return f"{self.folder.absolute().name} ({self.shard.label})"


@looking()
def merge(
    shards: Sequence[str | Path], *, out: str | Path, store: str | Path | None = None
) -> RunRecord:
    """Make one run of the runs of all its shards; doing it again changes nothing.

    The files in `out` are those that one run of the whole plan writes, but for what record.json
    says of time and machine. Nothing is inpainted, looked at or measured, and nothing that the plan
    names is opened: the shards may be a stranger's.

    Args:
        shards: the folder of each.
        out: folder for the run's files.
        store: folder for all answers; by default the run's own, `out`/store: the shards' answers
            may be a stranger's, and in the common store later runs would believe them.

    Raises:
        DataError: if a folder is no shard's, a shard is missing or not ended, or they are of
            different plans, images, weights or metrics.
        OutputError: if `out` is of another plan or cannot be written.
    """
    parts = [_part(Path(folder)) for folder in shards]
    _refuse_incomplete(parts)
    parts.sort(key=lambda part: part.shard)
    _refuse_others(parts)
    record = _record(parts)
    jobs = _jobs(parts, record)
    own = Path(out) / "store"
    claim = claimed(out, jobs.setup.plan, None, store or own)
    with (
        claim as (folder, place),
        _taken_back(own),
        Store(place) as answers,
        answers.used(),
    ):
        for part in parts:
            if rows_folder(part.store).resolve() != rows_folder(place).resolve():
                answers.absorb(part.store, origin=part.origin)
        answers.table.sync()  # the shards may go when this has ended
        if not record.failures and (missing := lacking(jobs, answers)):
            raise DataError(
                f"the stores of these shards lack {missing} answers that their samples.csv name; "
                "run them again to make them"
            )
        return conclude(jobs, answers, record, folder)


@contextmanager
def _taken_back(own: Path) -> Iterator[None]:
    """The run's own store, if it is made here, goes again at a user's mistake."""
    there = own.exists()
    try:
        yield
    except BenchError:
        if not there:
            shutil.rmtree(own, ignore_errors=True)
        raise


def _part(folder: Path) -> _Part:
    said = read_shard_file(folder)
    if said is None:
        raise DataError(f"{folder}: no shard's folder ({SHARD_FILE} is missing)")
    shard = Shard.parse(said.shard)
    store = said.store if is_address(said.store) else folder / said.store
    record = read_record(folder)
    if record is None:
        raise DataError(f"{folder}: its run has not ended; the same command goes on from there")
    refuse_changed_files(folder, record.files, ["samples.csv"])
    if not is_store(store):
        raise DataError(f"{folder}: its store {store} is not there; move it with the folder")
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
            raise DataError(f"{part.folder}: a shard of another plan than {first.folder}'s")
        said = f"{part.folder}: shard {part.shard.label}"
        if part.shard.count != first.shard.count:
            raise DataError(f"{said}, but {first.folder} is {first.shard.label}")
        if part.shard in seen:
            raise DataError(f"{said}, as is {seen[part.shard]}")
        seen[part.shard] = part.folder
    wanted = {Shard(index + 1, first.shard.count) for index in range(first.shard.count)}
    missing = ", ".join(shard.label for shard in sorted(wanted - set(seen)))
    if missing:
        raise DataError(f"shard {missing} is missing; name its folder too")


def _jobs(parts: Sequence[_Part], record: Record) -> PlanJobs:
    """The jobs of the whole plan from the shards' files; neither images nor models are needed."""
    rows = (row for part in parts for row in read_samples(part.folder / "samples.csv"))
    try:
        return recorded_jobs(parts[0].plan, record, rows, _pictures(parts))
    except DataError as error:
        raise DataError(f"{parts[0].folder} and its other shards: {error}") from None


def _pictures(parts: Sequence[_Part]) -> dict[str, list[str]]:
    """The names of all images in the order of the whole, by data set: each shard has every so
    many-th.
    """
    found: dict[str, list[str]] = {}
    for dataset in parts[0].plan.datasets:
        shares = [list(part.record.pictures.get(dataset, ())) for part in parts]
        whole = [name for row in zip_longest(*shares) for name in row if name is not None]
        fits = [Shard(index + 1, len(parts)).of(whole) for index in range(len(parts))] == shares
        if not whole or not fits or len(set(whole)) < len(whole):
            raise DataError(
                f"the shards are of different images of {dataset}, or of an older version: run "
                "those of an older version again, which computes nothing anew"
            )
        found[dataset] = whole
    return found


def _record(parts: Sequence[_Part]) -> Record:
    """The record of all shards: what they did and took in sum, where they were the same or each."""
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
    """Jobs and seconds of each stage over all shards."""
    return {
        name: {
            stage: round(sum(getattr(record, name).get(stage, 0) for record in records), 3)
            for stage in STAGES
        }
        for name in ("jobs_run", "jobs_stored", "seconds", "model_seconds")
    }


def _joined(said: Iterable[T]) -> T | str:
    """What all shards say, or what each says with commas between."""
    each = list(dict.fromkeys(said))
    return each[0] if len(each) == 1 else ", ".join(map(str, each))


def _known_pixels(records: Sequence[Record]) -> dict[str, KnownPixels]:
    """How far known pixels of finished images moved, over all shards."""
    found: dict[str, KnownPixels] = {}
    for record in records:
        for name, known in record.known_pixels.items():
            so_far = found.get(name, KnownPixels(pictures=0, moved=0, max=0, mean=0))
            pictures = so_far.pictures + known.pictures
            total = so_far.mean * so_far.pictures + known.mean * known.pictures
            found[name] = KnownPixels(
                pictures=pictures,
                moved=so_far.moved + known.moved,
                max=max(so_far.max, known.max),
                mean=round(total / max(pictures, 1), 6),
            )
    return found


def _refuse_others(parts: Sequence[_Part]) -> None:
    """Refuse shards that ran with different things: their numbers are not of one run."""
    first = parts[0]
    for part in parts[1:]:
        for what, one, other in (
            ("weights", first.record.checkpoints, part.record.checkpoints),
            ("models", _identities(first.record), _identities(part.record)),
            ("metrics", first.record.not_measured, part.record.not_measured),
            ("metrics", first.record.metrics, part.record.metrics),
        ):
            found = sorted(name for name in one | other if one.get(name) != other.get(name))
            if found:
                raise DataError(
                    f"{part.folder}: ran with other {what} than {first.folder}: {found[0]}"
                )


def _identities(record: Record) -> dict[str, str]:
    """Of a model that a user brought, its identity is all that counts."""
    return {name: one.identity for name, one in record.brought.items()}
