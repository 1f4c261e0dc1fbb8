"""Exports of a run for other tools: add a module here and an entry to `FORMATS`."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path
from typing import cast

from benchmark.core.errors import OutputError, UnknownName
from benchmark.core.inspecting import inspecting
from reports.exports.subjects import Exported, ExportedRun, exported_run

FORMATS = {
    "every-eval-ever": "reports.exports.every_eval_ever",
    "model-index": "reports.exports.model_index",
    "parquet": "reports.exports.parquet",
}


@inspecting()
def export_run(folder: str | Path, style: str, out: Path) -> Exported:
    """Write a finished run in a format of other tools; no model is loaded.

    Args:
        folder: folder of the run.
        style: one of `FORMATS`.
        out: a new folder for a file per model, or a new file for the samples.

    Returns:
        The files, and what is left out.

    Raises:
        UnknownName: if there is no such format.
        DataError: if the run has not ended, is a shard, cannot be read, or a package is missing.
        OutputError: if `out` exists already, or cannot be written.
    """
    if style not in FORMATS:
        raise UnknownName("format", style, FORMATS)
    if out.exists():
        raise OutputError(f"{out}: exists already, and is not overwritten; name another")
    module = importlib.import_module(FORMATS[style])
    write = cast("Callable[[ExportedRun, Path], Exported]", module.write)
    return write(exported_run(folder), out)
