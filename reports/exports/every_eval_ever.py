"""Every Eval Ever JSON, schema 0.3 (EvalEval Coalition): a file per model.

The folder has the layout of their data store, data/COLLECTION/DEVELOPER/MODEL/UUID.json. Who
developed a model, and who ran the evaluation, is not in a run: those fields say "unknown".
"""

from __future__ import annotations

import json
import time
import uuid
from hashlib import blake2b
from math import isinf
from pathlib import Path
from typing import Any

from benchmark.core.filenames import file_part, printable
from benchmark.core.paths import make_folder, write_text
from benchmark.results.rounding import kind_of
from benchmark.results.rows import ResultRow
from reports.exports.subjects import (
    LEVEL,
    UNKNOWN,
    Exported,
    ExportedRun,
    Subject,
    conditions,
    lower_is_better,
    write_each,
)

SCHEMA = "0.3.0"
COLLECTION = "safepaint-bench"
_GLOBAL = frozenset({"psnr", "ssim", "lpips", "gmsd"})  # the same number under any benchmark
_SETTINGS = ("convention", "size", "seed", "hole_blind", "rounding", "precision", "mask_polarity")


def write(exported: ExportedRun, out: Path) -> Exported:
    """Write a file per model below `out`/data.

    Raises:
        DataError: if the run has no number of any model.
        OutputError: if a file cannot be written.
    """
    created = int(time.time())

    def write_log(subject: Subject) -> Path:
        log = evaluation_log(exported, subject, created=created)
        folder = out / "data" / COLLECTION / developer_of(subject) / file_part(subject.name)
        path = make_folder(folder) / f"{_uuid(log['evaluation_id'])}.json"
        write_text(path, json.dumps(log, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
        return path

    return write_each(exported, write_log)


def evaluation_log(exported: ExportedRun, subject: Subject, *, created: int) -> dict[str, Any]:
    """Return the log of one model.

    Args:
        exported: the run.
        subject: the model.
        created: seconds since the epoch, for `retrieved_timestamp`.

    Returns:
        A document of schema 0.3.
    """
    model = f"{developer_of(subject)}/{printable(subject.name)}"
    return {
        "schema_version": SCHEMA,
        "evaluation_id": f"{COLLECTION}/{model}/{exported.digest}",
        "retrieved_timestamp": str(created),
        "source_metadata": {
            "source_name": "SafePaint Bench",
            "source_type": "evaluation_run",
            "source_organization_name": UNKNOWN,
            "evaluator_relationship": "other",
        },
        "eval_library": _library(exported),
        "model_info": _model_info(exported, subject, model),
        "evaluation_results": [_result(exported, subject, row) for row in subject.rows],
    }


def developer_of(subject: Subject) -> str:
    """Return who trained a model's weights: this project its mini weights, else "unknown"."""
    mini = subject.rows[0].edition(subject.name) == "mini"
    return COLLECTION if mini else UNKNOWN


def _uuid(text: str) -> str:
    """Return a UUID of version 4, as the data store requires, that the text determines."""
    return str(uuid.UUID(bytes=blake2b(text.encode(), digest_size=16).digest(), version=4))


def _library(exported: ExportedRun) -> dict[str, Any]:
    record = exported.record
    details = {
        **{name: version for name, version in record.versions.items() if name != COLLECTION},
        "commit": record.commit,
        "device": record.device,
        "machine": json.dumps(record.machine) if record.machine else "",
    }
    return {
        "name": COLLECTION,
        "version": exported.version,
        "additional_details": _texts(details),
    }


def _model_info(exported: ExportedRun, subject: Subject, model: str) -> dict[str, Any]:
    card, edition = subject.card, subject.rows[0].edition(subject.name)
    outside = exported.record.brought.get(subject.name)
    details = {
        "deployment_type": "self_deployed",
        "model_availability": "open_weights" if edition in _PUBLISHED else UNKNOWN,
        "kind": subject.kind,
        "weights": exported.weights_of(subject.rows[0], subject.name),
        "paper": card.paper,
        "license": card.license,
        "source": _source(outside.word) if outside else "",
    }
    return {"name": printable(card.title), "id": model, "additional_details": _texts(details)}


def _source(word: str) -> str:
    """Return where a model from outside is from, without paths and commands of this machine."""
    named = word.partition("=")[2] or word
    scheme = named.partition(":")[0]
    return scheme if scheme in _OF_THIS_MACHINE else named


_OF_THIS_MACHINE = frozenset({"cmd", "outputs", "heatmaps"})
_PUBLISHED = frozenset({"mini", "official", "official, unverified"})


def _result(exported: ExportedRun, subject: Subject, row: ResultRow) -> dict[str, Any]:
    name = filter(None, (COLLECTION, *_identity(subject, row)))
    return {
        "evaluation_result_id": printable(
            "/".join(filter(None, (subject.name, *_identity(subject, row), row.metric)))
        ),
        "evaluation_name": printable(".".join(name)),
        "source_data": {
            "dataset_name": printable(row.dataset),
            "source_type": "other",
            "additional_details": _texts(_data_details(exported, row)),
        },
        "metric_config": _metric_config(exported, subject, row),
        "score_details": _score(exported, row),
        "generation_config": {"additional_details": _texts(_settings(exported))},
    }


def _identity(subject: Subject, row: ResultRow) -> tuple[str, ...]:
    """Return what tells a number from the others of the same model and metric."""
    other = row.inpainter if subject.kind == "detector" else row.detector
    return row.dataset, row.bucket, other, row.launder, row.treatment


def _data_details(exported: ExportedRun, row: ResultRow) -> dict[str, object]:
    pairing = exported.record.pairing.get(row.dataset)
    return {"samples_in_run": exported.record.samples, "masks": pairing.said if pairing else ""}


def _settings(exported: ExportedRun) -> dict[str, object]:
    return {name: getattr(exported.run.plan, name) for name in _SETTINGS}


def _metric_config(exported: ExportedRun, subject: Subject, row: ResultRow) -> dict[str, Any]:
    metric = kind_of(row.metric)
    name = row.metric if row.metric in _GLOBAL else f"{COLLECTION}.{row.metric}"
    return {
        "metric_id": printable(name),
        "metric_name": printable(metric.title),
        **({"metric_unit": metric.unit} if metric.unit else {}),
        "metric_parameters": {"revision": exported.revision_of(row.metric) or UNKNOWN},
        "lower_is_better": lower_is_better(row, subject.kind),
        "score_type": "continuous",
        "min_score": _bound(metric.bounds.low),
        "max_score": _bound(metric.bounds.high),
        **({"evaluation_description": metric.note} if metric.note else {}),
    }


def _bound(value: float) -> float | str:
    return ("Infinity" if value > 0 else "-Infinity") if isinf(value) else value


def _score(exported: ExportedRun, row: ResultRow) -> dict[str, Any]:
    uncertainty: dict[str, Any] = {"num_samples": row.n}
    if row.low is not None and row.high is not None:
        uncertainty["confidence_interval"] = {
            "lower": row.low,
            "upper": row.high,
            "confidence_level": LEVEL,
            "method": exported.record.intervals or UNKNOWN,
        }
    return {
        "score": row.value,
        "uncertainty": uncertainty,
        "details": _texts(conditions(exported, row)),
    }


def _texts(values: dict[str, Any]) -> dict[str, str]:
    """Return values as texts, without those that are empty."""
    return {name: printable(str(value)) for name, value in values.items() if value != ""}
