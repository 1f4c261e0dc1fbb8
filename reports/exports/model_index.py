"""Evaluation results of a model card on the Hugging Face Hub (`model-index`): a file per model.

The metadata is written in YAML's flow style, which is JSON, so that nothing in a name can be read
as YAML. The text below it has what a reader of the numbers must know.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from benchmark.core.filenames import file_part, printable
from benchmark.core.paths import make_folder, write_text
from benchmark.results.rounding import kind_of
from benchmark.results.rows import ResultRow
from reports.exports.subjects import (
    Exported,
    ExportedRun,
    Subject,
    conditions,
    lower_is_better,
    write_each,
)
from reports.formats.markdown import code, sentence

_TASKS = {
    "inpainter": ("image-to-image", "Image inpainting"),
    "pixels": ("image-segmentation", "Image forgery localization"),
    "images": ("image-classification", "Image forgery detection"),
}
_OF_IMAGES = frozenset({"acc", "fpr", "image_auc"})  # metrics of a detector's image-level score


def write(exported: ExportedRun, out: Path) -> Exported:
    """Write `out`/MODEL.md for every model.

    Raises:
        DataError: if the run has no number of any model.
        OutputError: if a file cannot be written.
    """

    def write_card(subject: Subject) -> Path:
        path = make_folder(out) / f"{file_part(subject.name)}.md"
        write_text(path, card_text(exported, subject))
        return path

    return write_each(exported, write_card)


def card_text(exported: ExportedRun, subject: Subject) -> str:
    """Return the metadata of one model, between lines of "---", and what belongs to it as text."""
    lines = ["---", *_metadata(*model_index(exported, subject)), "---", ""]
    return "\n".join([*lines, *_body(exported, subject)]) + "\n"


def _metadata(entry: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of the metadata, one for each number."""
    yield f'model-index: [{{"name": {_json(entry["name"])}, "results": ['
    for count, result in enumerate(entry["results"], start=1):
        yield f'  {{"task": {_json(result["task"])}, "dataset": {_json(result["dataset"])},'
        yield '   "metrics": ['
        yield ",\n".join(f"     {_json(metric)}" for metric in result["metrics"])
        yield f"   ]}}{',' if count < len(entry['results']) else ''}"
    yield "  ]}]"


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def model_index(exported: ExportedRun, subject: Subject) -> list[dict[str, Any]]:
    """Return the value of `model-index` in the metadata of one model's card.

    Args:
        exported: the run.
        subject: the model.

    Returns:
        One entry, with a result for each data set, bin and task.
    """
    rows = sorted(subject.rows, key=lambda row: _group(subject, row))  # keeps the order within
    results = [
        _result(subject, list(same), exported)
        for _, same in groupby(rows, key=lambda row: _group(subject, row))
    ]
    return [{"name": printable(subject.name), "results": results}]


def _group(subject: Subject, row: ResultRow) -> tuple[str, ...]:
    about = row.dataset, row.bucket, row.inpainter, row.treatment, row.launder
    return _task(subject, row), *about


def _task(subject: Subject, row: ResultRow) -> str:
    if subject.kind == "inpainter":
        return "inpainter"
    return "images" if row.metric in _OF_IMAGES else "pixels"


def _result(subject: Subject, rows: list[ResultRow], exported: ExportedRun) -> dict[str, Any]:
    row = rows[0]
    kind, title = _TASKS[_task(subject, row)]
    part = f"{row.bucket}, {row.inpainter}" if row.of_forgeries else f"mask {row.bucket} %"
    others = [part, row.treatment, f"after {row.launder}" if row.launder else ""]
    return {
        "task": {"type": kind, "name": title},
        "dataset": {
            "name": printable(f"{row.dataset} ({', '.join(filter(None, others))})"),
            "type": printable(row.dataset),
            "config": printable(row.bucket),
        },
        "metrics": [_metric(exported, subject, one) for one in rows],
    }


def _metric(exported: ExportedRun, subject: Subject, row: ResultRow) -> dict[str, Any]:
    metric = kind_of(row.metric)
    arrow = "↓" if lower_is_better(row, subject.kind) else "↑"
    of = f" of {row.detector}" if row.detector and subject.kind == "inpainter" else ""
    args: dict[str, Any] = conditions(exported, row)
    if row.low is not None and row.high is not None:
        args = {"interval_95": [row.low, row.high], **args}
    return {
        "type": printable(row.metric),
        "value": row.value,
        "name": printable(f"{metric.title}{of} {arrow}"),
        "args": {
            name: printable(value) if isinstance(value, str) else value
            for name, value in args.items()
        },
    }


def _body(exported: ExportedRun, subject: Subject) -> Iterator[str]:
    record, plan = exported.record, exported.run.plan
    commit = f", commit {code(record.commit)}" if record.commit else ""
    yield (
        f"Results of {code(subject.name)} by safepaint-bench {code(exported.version)}{commit}, "
        f"convention {code(plan.convention)}; not verified by Hugging Face."
    )
    yield ""
    yield f"- Weights: {code(exported.weights_of(subject.rows[0], subject.name))}."
    yield f"- 95 % intervals: {record.intervals or 'of an older version'}."
    if any(row.detector for row in subject.rows) and subject.kind == "inpainter":
        yield (
            "- Metrics of a detector: lower is harder to detect. An AUC is read beside its null "
            "(`null`), that of authentic images with the same masks: below it the inverted heatmap "
            "finds the hole."
        )
    yield from (f"- {sentence(note)}" for note in subject.notes)
