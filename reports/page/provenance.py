"""What a run's page says of its provenance, and of what is incomplete in it."""

from __future__ import annotations

from typing import Any

from benchmark.results.record import Record
from benchmark.results.run_folder import RunFolder
from reports.page.finding import counted
from reports.page.ranking import weights_of


def state_of(run: RunFolder) -> str:
    """Return what is incomplete in the run, in one line, or ""."""
    if run.record is None:
        cells = len(run.results)
        done = sum(row.value is not None for row in run.results)
        return f"This run has not finished: {done} of {cells} numbers are available so far."
    failed = [one for one in run.record.failures if one.kind == "failed"]
    skipped = len(run.record.failures) - len(failed)
    absent = run.record.absent
    parts = [
        f"{counted(len(failed), 'job')} failed" if failed else "",
        f"{counted(skipped, 'sample')} skipped" if skipped else "",
        f"{counted(len(absent), 'model')} left out" if absent else "",
    ]
    text = ", ".join(part for part in parts if part)
    return f"This run is incomplete: {text}; see Provenance." if text else ""


def provenance(run: RunFolder) -> dict[str, Any]:
    """Return the provenance for the template; of an unfinished run, what is known."""
    record = run.record or Record(failures=())
    sums = {name: one.sha256 for name, one in record.checkpoints.items()}
    return {
        "plan": run.plan.dump(run.path),
        "weights": [
            {"name": name, "edition": edition, "sha256": sums.get(name, "")}
            for name, edition in weights_of(run).items()
        ],
        "versions": record.versions,
        "facts": {
            name: value
            for name, value in (
                ("commit", record.commit),
                ("device", record.device),
                ("samples", record.samples),
            )
            if value
        },
        "failures": record.failures,
        "absent": record.absent,
        "not_measured": record.not_measured,
        "unused": record.unused,
        "pairing": record.pairing,
        "read_as": record.read_as,
        "beside": record.left_out,
    }
