"""Shards of a run, made into the run: their stores into one, their numbers anew from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from benchmark.api import RunRecord, claimed, conclude
from benchmark.core.errors import DataError
from benchmark.runner.execute import STAGES, Settings, Tally, lacking
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan
from benchmark.runner.record import document_of
from benchmark.runner.setup import Setup, prepare
from benchmark.runner.shard import SHARD_FILE, Shard
from benchmark.runner.store import Store, is_address, is_store, rows_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class _Part:
    """The folder of one shard's run, which has ended."""

    folder: Path
    plan: Plan
    shard: Shard
    store: str | Path
    document: dict[str, Any]


CHECKED = {"checkpoints": "weights", "brought": "models", "not_measured": "metrics"}


def merge(
    shards: Sequence[str | Path], *, out: str | Path, store: str | Path | None = None
) -> RunRecord:
    """Make one run of the runs of all its shards; doing it again changes nothing.

    The files in `out` are those that one run of the whole plan writes, but for what record.json
    says of time and machine. Nothing is painted, looked at or measured.

    Args:
        shards: the folder of each.
        out: folder for the run's files.
        store: folder for all answers; by default the shards' own if they share one, else where
            runs keep them.

    Raises:
        DataError: if a folder is no shard's, a shard is missing or not ended, or they are of
            different plans, pictures or weights.
        OutputError: if `out` is of another plan or cannot be written.
    """
    parts = [_part(Path(folder)) for folder in shards]
    _refuse_incomplete(parts)
    stores = {part.store for part in parts}
    shared = stores.pop() if len(stores) == 1 else None
    setup = prepare(parts[0].plan)
    document = _document(setup, parts)
    _refuse_others(document, parts)
    claim = claimed(out, setup.plan, None, store or shared)
    with claim as (folder, place), Store(place) as answers:
        for part in parts:
            if rows_folder(part.store).resolve() != rows_folder(place).resolve():
                answers.absorb(part.store)
        # shards of an older version have no null: then it is a gap, and no sign of other pictures
        needed = replace(setup, untouched=None)
        if not document["failures"] and (missing := lacking(needed, answers)):
            raise DataError(
                f"the shards lack {missing} answers of this plan: their pictures or masks are not "
                "those that are here"
            )
        return conclude(setup, answers, document, folder)


def _part(folder: Path) -> _Part:
    path = folder / SHARD_FILE
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        shard, store = Shard.parse(said["shard"]), said["store"]
        store = store if is_address(store) else folder / store
    except OSError:
        raise DataError(f"{folder}: no shard's folder ({SHARD_FILE} is missing)") from None
    except (ValueError, KeyError, TypeError):
        raise DataError(f"{path}: damaged; run the shard again") from None
    record = folder / "record.json"
    if not record.is_file():
        raise DataError(f"{folder}: its run has not ended; the same command goes on from there")
    if not is_store(store):
        raise DataError(f"{folder}: its store {store} is not there; move it with the folder")
    return _Part(
        folder=folder,
        plan=Plan.load(folder / "plan.toml"),
        shard=shard,
        store=store,
        document=json.loads(record.read_text(encoding="utf-8")),
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


def _document(setup: Setup, parts: Sequence[_Part]) -> dict[str, Any]:
    """The record of all shards: what they did and took in sum, where they were the same or each."""
    tally = Tally()
    for part in parts:
        for stage in STAGES:
            tally.ran[stage] += part.document["jobs_run"][stage]
            tally.stored[stage] += part.document["jobs_stored"][stage]
            tally.seconds[stage] += part.document["seconds"][stage]
            tally.model_seconds[stage] += part.document["model_seconds"][stage]
        tally.failures.update(Failure(**failure) for failure in part.document["failures"])
    document = document_of(setup, Settings(), tally, _known_pixels(parts))
    for key in ("device", "executor", "batch"):
        said = list(dict.fromkeys(part.document[key] for part in parts))
        document[key] = said[0] if len(said) == 1 else ", ".join(map(str, said))
    machines = [part.document.get("machine") for part in parts]  # None in an older shard
    same = all(one == machines[0] for one in machines)
    document["machine"] = machines[0] if same else machines
    return document


def _told(said: dict[str, Any]) -> dict[str, Any]:
    """What a record says of each thing; of a model that a user brought, its identity is all."""
    return {name: one["identity"] if "card" in one else one for name, one in said.items()}


def _known_pixels(parts: Sequence[_Part]) -> dict[str, dict[str, float]]:
    """How far known pixels of finished pictures moved, over all shards."""
    found: dict[str, dict[str, float]] = {}
    for part in parts:
        for name, known in part.document["known_pixels"].items():
            so_far = found.setdefault(name, dict.fromkeys(known, 0))
            pictures = so_far["pictures"] + known["pictures"]
            total = so_far["mean"] * so_far["pictures"] + known["mean"] * known["pictures"]
            found[name] = {
                "pictures": pictures,
                "moved": so_far["moved"] + known["moved"],
                "max": max(so_far["max"], known["max"]),
                "mean": round(total / max(pictures, 1), 6),
            }
    return found


def _refuse_others(document: dict[str, Any], parts: Sequence[_Part]) -> None:
    """Refuse shards that did not run with what is here: their numbers could not be found."""
    for part in parts:
        for key, what in CHECKED.items():
            ours, theirs = _told(document[key]), _told(part.document[key])
            other = sorted(name for name in ours | theirs if ours.get(name) != theirs.get(name))
            if other:
                raise DataError(f"{part.folder}: ran with other {what} than are here: {other[0]}")
