"""`bench export`."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from benchmark.cli.errors import Json, handle_errors, print_line, print_result
from benchmark.core.filenames import printable


class ExportStyle(StrEnum):
    """Formats of `reports.exports.FORMATS`."""

    EVERY_EVAL_EVER = "every-eval-ever"
    MODEL_INDEX = "model-index"
    PARQUET = "parquet"


def export(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")],
    style: Annotated[
        ExportStyle,
        typer.Option(
            "--format",
            help="every-eval-ever: JSON of schema 0.3, a file per model; model-index: evaluation "
            "results for a model card on the Hugging Face Hub, a file per model; parquet: the "
            "samples, needs the extra 'parquet'.",
        ),
    ],
    out: Annotated[
        Path,
        typer.Option("--out", help="A new folder for the files; for parquet a new file."),
    ],
    as_json: Json = False,
) -> None:
    """Write the results of a run in a format of other tools. Nothing is computed or sent.

    Every number has its conditions with it: weights, number of images, interval, null, revision of
    the metric. Cells without a number are left out, and a line says so.

    Examples:

      bench export results --format every-eval-ever --out exported

      bench export results --format model-index --out cards

      bench export results --format parquet --out samples.parquet
    """
    with handle_errors():
        from reports.exports import export_run

        found = export_run(run, style.value, out)
        if as_json:
            files = [str(path) for path in found.files]
            print_result({"files": files, "left_out": list(found.notes)})
            return
        for note in found.notes:
            typer.echo(printable(note), err=True)
        for path in found.files:
            print_line(f"Written: {path}")
