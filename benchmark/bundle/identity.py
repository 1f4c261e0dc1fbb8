"""Check that the files of a bundle, its plan and its record belong together."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmark.bundle.proof import Findings
from benchmark.bundle.read import Opened
from benchmark.core.errors import BenchError
from benchmark.core.registry import Registry
from benchmark.results.checksums import different_key
from benchmark.results.file_hashes import RECORD, file_hash
from benchmark.results.record import Record
from benchmark.runner.plan import Plan
from benchmark.runner.plan_file import read_values
from detectors import DETECTORS
from inpainters import INPAINTERS

_KINDS: tuple[tuple[str, Registry[Any]], ...] = (
    ("inpainters", INPAINTERS),
    ("detectors", DETECTORS),
)


def check_files(opened: Opened, record: Record, plan: Plan, findings: Findings) -> None:
    """Compare checksums, the plan of the record, and the number of samples' models.

    Args:
        opened: the bundle.
        record: its record.
        plan: its plan.
        findings: where contradictions are added.
    """
    for name, reason in opened.changed:
        findings.differs(name, reason)
    for name, known in record.files.items():
        path = opened.run / name
        if path.is_file() and _hash(path) != known:
            findings.differs(name, f"differs from its SHA-256 in {RECORD}")
    if not record.files:
        findings.note(f"{RECORD} is of an older version, without checksums of the run's files.")
    key = different_key(record.plan, read_values(opened.run / "plan.toml"))
    key = key or next(_other_models(record.plan, plan), "")
    if key:
        findings.differs(RECORD, "differs from plan.toml", column=f"plan.{key}")


def _hash(path: Any) -> str:  # noqa: ANN401 (a path)
    try:
        return file_hash(path)
    except (OSError, ValueError):
        return ""


def _other_models(recorded: dict[str, Any], plan: Plan) -> Iterator[str]:
    """Yield keys of a record's plan that name other models than plan.toml."""
    for kind, registry in _KINDS:
        words = recorded.get(kind)
        if isinstance(words, list):
            try:
                names = tuple(registry.find(str(word)).name for word in words)
            except BenchError:
                names = ()
            if names != tuple(registry.find(word).name for word in getattr(plan, kind)):
                yield kind
    weights = recorded.get("weights", {})
    if isinstance(weights, dict) and weights.keys() != plan.weights.keys():
        yield "weights"
