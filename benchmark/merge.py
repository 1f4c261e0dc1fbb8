"""Shards of a run, made into the run: their stores into one, their numbers anew from it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from benchmark.api import RunRecord, claimed, conclude
from benchmark.core.errors import BenchError, DataError
from benchmark.results.record import KnownPixels, Record, read_record, record_of
from benchmark.runner.execute import STAGES, Settings, Tally, lacking
from benchmark.runner.plan import Plan
from benchmark.runner.planning import PlanJobs
from benchmark.runner.setup import Setup, prepare
from benchmark.runner.shard import SHARD_FILE, Shard, read_shard_file
from benchmark.runner.store import Store, is_address, is_store, rows_folder

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The folder of one shard's run, which has ended."""

    folder: Path
    plan: Plan
    shard: Shard
    store: str | Path
    record: Record


def merge(
    shards: Sequence[str | Path], *, out: str | Path, store: str | Path | None = None
) -> RunRecord:
    """Make one run of the runs of all its shards; doing it again changes nothing.

    The files in `out` are those that one run of the whole plan writes, but for what record.json
    says of time and machine. Nothing is painted, looked at or measured.

    Args:
        shards: the folder of each.
        out: folder for the run's files.
        store: folder for all answers; by default the run's own, `out`/store: the shards' answers
            may be a stranger's, and in the common store later runs would believe them.

    Raises:
        DataError: if a folder is no shard's, a shard is missing or not ended, or they are of
            different plans, pictures or weights.
        OutputError: if `out` is of another plan or cannot be written.
    """
    parts = [_part(Path(folder)) for folder in shards]
    _refuse_incomplete(parts)
    setup = prepare(parts[0].plan)
    record = _record(setup, parts)
    _refuse_others(record, parts)
    own = Path(out) / "store"
    claim = claimed(out, setup.plan, None, store or own)
    with (
        claim as (folder, place),
        _taken_back(own),
        Store(place) as answers,
        answers.used(),
    ):
        for part in parts:
            if rows_folder(part.store).resolve() != rows_folder(place).resolve():
                answers.absorb(part.store)
        answers.table.sync()  # the shards may go when this has ended
        # shards of an older version have no null: then it is a gap, and no sign of other pictures
        needed = PlanJobs(replace(setup, untouched=None))
        if not record.failures and (missing := lacking(needed, answers)):
            raise DataError(
                f"the shards lack {missing} answers of this plan: their pictures or masks are not "
                "those that are here"
            )
        return conclude(PlanJobs(setup), answers, record, folder)


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
    if not is_store(store):
        raise DataError(f"{folder}: its store {store} is not there; move it with the folder")
    return _Part(
        folder=folder,
        plan=Plan.load(folder / "plan.toml"),
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


def _record(setup: Setup, parts: Sequence[_Part]) -> Record:
    """The record of all shards: what they did and took in sum, where they were the same or each."""
    tally = Tally(failures=set(setup.failures))
    records = [part.record for part in parts]
    for record in records:
        for stage in STAGES:
            tally.ran[stage] += record.jobs_run.get(stage, 0)
            tally.stored[stage] += record.jobs_stored.get(stage, 0)
            tally.seconds[stage] += record.seconds.get(stage, 0.0)
            tally.model_seconds[stage] += record.model_seconds.get(stage, 0.0)
        tally.failures.update(record.failures)
    machines = [record.machine for record in records]  # None in an older shard
    same = all(one == machines[0] for one in machines)
    return record_of(setup, Settings(), tally, _known_pixels(records)).model_copy(
        update={
            "device": _joined(record.device for record in records),
            "executor": _joined(record.executor for record in records),
            "batch": _joined(record.batch for record in records),
            "machine": machines[0] if same else machines,
        }
    )


def _joined(said: Iterable[T]) -> T | str:
    """What all shards say, or what each says with commas between."""
    each = list(dict.fromkeys(said))
    return each[0] if len(each) == 1 else ", ".join(map(str, each))


def _known_pixels(records: Sequence[Record]) -> dict[str, KnownPixels]:
    """How far known pixels of finished pictures moved, over all shards."""
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


def _refuse_others(record: Record, parts: Sequence[_Part]) -> None:
    """Refuse shards that did not run with what is here: their numbers could not be found."""
    for part in parts:
        for what, here, there in (
            ("weights", record.checkpoints, part.record.checkpoints),
            ("models", _identities(record), _identities(part.record)),
            ("metrics", record.not_measured, part.record.not_measured),
        ):
            other = sorted(name for name in here | there if here.get(name) != there.get(name))
            if other:
                raise DataError(f"{part.folder}: ran with other {what} than are here: {other[0]}")


def _identities(record: Record) -> dict[str, str]:
    """Of a model that a user brought, its identity is all that counts."""
    return {name: one.identity for name, one in record.brought.items()}
