"""The folder of a run: locked for one run, and never of two plans or shards."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from benchmark.core.errors import BenchError, OutputError
from benchmark.core.locks import lock_folder
from benchmark.core.paths import create_new_folder, home, write_text
from benchmark.results.record import BEGUN
from benchmark.results.samples import BEGUN_SAMPLES
from benchmark.runner.begun_plan import same_plan, with_recorded_defaults
from benchmark.runner.plan import Plan
from benchmark.runner.shard import SHARD_FILE, Shard, shard_text

_CLEAN_SECONDS = 2.0  # for which 'bench clean' may lock a folder


@contextmanager
def claimed(
    out: str | Path | None, plan: Plan, shard: Shard | None, store: str | Path | None
) -> Iterator[tuple[Path | None, str | Path]]:
    """Lock the folder of a run, write its plan, and yield the folder and the place of its store.

    The plan is written first, so that an unwritable folder fails before anything is computed. After
    a user error, files made here are removed; after an interruption they stay, for resuming.

    Args:
        out: folder of the run, or None to write nothing.
        plan: the plan.
        shard: the shard that the folder is for, or None for the whole plan.
        store: place of the store; by default inside the folder of a shard, else the shared store.

    Raises:
        OutputError: if the folder cannot be written, belongs to another plan or shard, or is
            locked by another run.
    """
    own = Path(out) / "store" if out is not None and shard else home() / "store"
    place = store or own
    if out is None:
        yield None, place
        return
    folder = Path(out)
    made = create_new_folder(folder)
    if not folder.is_dir():
        raise OutputError(f"{folder}: not a folder; choose another --out")
    texts = {"plan.toml": _plan_text(folder, plan)}
    if shard:
        texts[SHARD_FILE] = shard_text(shard, folder, place)
    with lock_folder(folder, wait=_CLEAN_SECONDS) as held:
        if held is False:
            raise OutputError(
                f"{folder}: in use by another run; wait for it to end, or choose another --out"
            )
        _refuse_another(folder, texts)
        names = (*texts, BEGUN, BEGUN_SAMPLES)
        fresh = [folder / name for name in names if not (folder / name).exists()]
        for name, text in texts.items():
            write_text(folder / name, text, durable=True)
        try:
            yield folder, place
        except BenchError:
            for path in fresh:
                path.unlink(missing_ok=True)
            if made:
                with suppress(OSError):
                    folder.rmdir()
            raise


def as_begun(plan: Plan, out: str | Path | None) -> Plan:
    """Return the plan with the defaults of the version that began the run in its folder."""
    path = Path(out) / "plan.toml" if out is not None else None
    if path is None or not path.is_file():
        return plan
    try:
        return with_recorded_defaults(plan, Plan.load(path))
    except BenchError:
        return plan  # `claimed` raises the error


def _plan_text(folder: Path, plan: Plan) -> str:
    """Return the text of plan.toml: the present text if it means the same plan."""
    path = folder / "plan.toml"
    if path.is_file():
        try:
            if same_plan(plan, Plan.load(path)):
                return path.read_text(encoding="utf-8")
        except BenchError:
            pass  # `claimed` raises the error
    return plan.dump(folder)


def _refuse_another(folder: Path, texts: dict[str, str]) -> None:
    for name, what in (("plan.toml", "plan"), (SHARD_FILE, "shard")):
        path, text = folder / name, texts.get(name, "")
        if path.exists() and path.read_text(encoding="utf-8", errors="replace") != text:
            raise OutputError(
                f"{folder}: contains the results of another {what}; choose another --out"
            )
