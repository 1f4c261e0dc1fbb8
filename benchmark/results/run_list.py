"""List of the runs below a folder: state, size and store of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from benchmark.core.errors import BenchError
from benchmark.core.inspecting import inspecting
from benchmark.results.record import BEGUN, read_record
from benchmark.results.run_folder import RUNS, read_plan
from benchmark.results.store_location import store_or_default
from benchmark.store.store import absolute


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedRun:
    """An entry of the list of runs.

    Attributes:
        folder: folder of the run.
        plan: name of the plan, or "".
        started: time at which its plan was written, local time to the second.
        state: "complete", "failures: N" (failed jobs), "not ended", or "damaged: ..."
        inpainters: number of inpainters.
        detectors: number of detectors.
        samples: number of samples, or None if the run has not ended.
        store: location of its store, or "" if not recorded.
    """

    folder: str
    plan: str
    started: str
    state: str
    inpainters: int
    detectors: int
    samples: int | None
    store: str


@inspecting()
def list_runs(root: Path = RUNS) -> list[ListedRun]:
    """Return every run below a folder, the latest first.

    Args:
        root: parent of run folders.
    """
    plans = [path for path in root.glob("*/plan.toml") if path.is_file()]
    plans.sort(key=lambda path: (path.stat().st_mtime_ns, path.parent.name), reverse=True)
    return [_listed(path) for path in plans]


def runs_of(store: str | Path, root: Path = RUNS) -> list[Path]:
    """Return the folders of the runs below a folder that use a store."""
    wanted = absolute(store)
    folders = [path.parent for path in sorted(root.glob("*/plan.toml"))]
    return [one for one in folders if absolute(store_or_default(one)) == wanted]


def _listed(path: Path) -> ListedRun:
    folder = path.parent
    stamp = datetime.fromtimestamp(path.stat().st_mtime).astimezone()
    started = stamp.isoformat(sep=" ", timespec="seconds")[:19]
    try:
        record = read_record(folder)
        plan = read_plan(folder, record or read_record(folder, BEGUN))
    except BenchError as error:
        return ListedRun(
            folder=str(folder), plan="", started=started, state=f"damaged: {error}",
            inpainters=0, detectors=0, samples=None, store="",
        )  # fmt: skip
    state = "not ended"
    if record:
        failed = len(record.failures)
        state = f"failures: {failed}" if failed else "complete"
    return ListedRun(
        folder=str(folder),
        plan=plan.name,
        started=started,
        state=state + (f", shard {record.shard}" if record and record.shard else ""),
        inpainters=len(plan.inpainters),
        detectors=len(plan.detectors),
        samples=record.samples if record else None,
        store=record.store if record else "",
    )


def runs_text(runs: list[ListedRun]) -> str:
    """Format runs for a terminal, about three lines each."""
    if not runs:
        return f"no run below {RUNS}/; create one with 'bench run'"
    lines = []
    for one in runs:
        size = f"inpainters: {one.inpainters}, detectors: {one.detectors}"
        size += f", samples: {one.samples}" if one.samples is not None else ""
        lines.append(f"{one.folder}  {one.state}")
        if one.plan:
            lines.append(f"  plan: {one.plan}, {one.started}, {size}")
        lines += [f"  store: {one.store}"] if one.store else []
    return "\n".join(lines)
