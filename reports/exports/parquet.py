"""Samples of a run as one Parquet file: a row per image, inpainter, treatment and detector.

The columns are those of samples.csv, as numbers, and the weights of both models. The conditions of
all rows are JSON in the metadata of the file, under the key "safepaint-bench".
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

from benchmark.core.errors import DataError
from benchmark.core.external.optional import install_line
from benchmark.core.paths import atomic
from benchmark.results.checksums import PATHS
from benchmark.results.rounding import kind_of
from benchmark.results.rows import SampleRow
from reports.exports.subjects import Exported, ExportedRun

METADATA = "safepaint-bench"
BLOCK = 10_000  # rows of a row group
_TEXTS = ("dataset", "sample", "mask_ratio_percent", "mask", "inpainter", "composite", "retouch",
          "launder", "detector", "inpainter_weights", "detector_weights")  # fmt: skip
_FORGERY_TEXTS = ("dataset", "sample", "kind", "subset", "method", "group", "mask", "launder",
                  "detector", "detector_weights")  # fmt: skip
_KEYS = ("original_key", "mask_key", "image_key", "heatmap_key")


def write(exported: ExportedRun, out: Path) -> Exported:
    """Write the samples of a run to the file `out`.

    Raises:
        DataError: if pyarrow is missing, or samples.csv is missing, damaged or empty.
        OutputError: if the file cannot be written.
    """
    arrow, parquet = _pyarrow()
    columns = _columns(exported.run.each_sample())
    if not columns:
        raise DataError(f"{exported.run.path}: samples.csv has no measured image")
    texts = _FORGERY_TEXTS if exported.run.plan.forgeries is not None else _TEXTS
    heads = [head for names in columns.values() for head in names]
    schema = arrow.schema(
        [
            *((name, arrow.string()) for name in texts),
            ("score", arrow.float64()),
            *((head, arrow.float64()) for head in heads),
            *((name, arrow.string()) for name in _KEYS),
        ],
        metadata={METADATA: json.dumps(_conditions(exported))},
    )
    rows = (_row(exported, row, columns) for row in exported.run.each_sample())
    with atomic(out, parents=True) as draft, parquet.ParquetWriter(draft, schema) as file:
        while block := list(islice(rows, BLOCK)):
            file.write_table(arrow.Table.from_pylist(block, schema=schema))
    return Exported((out,))


def _pyarrow() -> tuple[Any, Any]:
    try:
        import pyarrow as arrow
        from pyarrow import parquet
    except ImportError:
        raise DataError(
            f"Parquet needs a package that is not here: {install_line('parquet')}"
        ) from None
    return arrow, parquet


def _columns(rows: Iterable[SampleRow]) -> dict[str, tuple[str, ...]]:
    """Return the columns of each metric, "NAME" or "NAME.PART", as in samples.csv."""
    widths: dict[str, int] = {}
    for row in rows:
        for metric, numbers in row.numbers.items():
            widths.setdefault(metric, len(numbers))
    return {metric: _heads(metric, width) for metric, width in widths.items()}


def _heads(metric: str, width: int) -> tuple[str, ...]:
    parts = kind_of(metric).parts
    if width != len(parts):
        parts = tuple(map(str, range(1, width + 1)))
    return tuple(f"{metric}.{part}" if part else metric for part in parts)


def _row(
    exported: ExportedRun, row: SampleRow, columns: Mapping[str, tuple[str, ...]]
) -> dict[str, object]:
    """Return the values of a row; what it lacks is null in the file."""
    numbers = {
        head: number
        for metric, found in row.numbers.items()
        for head, number in zip(columns[metric], found, strict=True)
    }
    about = asdict(row.forgery) if row.forgery else {}
    keys = row.keys
    texts = {
        "dataset": row.dataset,
        "sample": row.sample,
        "mask_ratio_percent": row.bucket,
        "mask": row.mask,
        "inpainter": row.inpainter,
        "composite": row.composite,
        "retouch": row.retouch,
        "launder": row.launder,
        "detector": row.detector,
        "inpainter_weights": _weights(exported, row.inpainter),
        "detector_weights": _weights(exported, row.detector),
        **about,
        **dict(zip(_KEYS, (keys.original, keys.mask, keys.image, keys.heatmap), strict=True)),
    }
    return {
        **{name: _unicode(text) or None for name, text in texts.items()},
        "score": row.score,
        **numbers,
    }


def _weights(exported: ExportedRun, model: str) -> str:
    known = exported.record.checkpoints.get(model)
    return known.edition if known else ""


def _unicode(text: str) -> str:
    """Return a text without bytes that are not Unicode, as some file names have."""
    return text.encode("utf-8", "backslashreplace").decode()


def _conditions(exported: ExportedRun) -> dict[str, object]:
    record, plan = exported.record, exported.run.plan.document()
    known = record.model_dump(
        mode="json", include={"versions", "commit", "checkpoints", "metrics", "intervals", "met"}
    )
    return {**known, "plan": {name: plan[name] for name in plan if name not in PATHS}}
