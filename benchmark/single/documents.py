"""Results of the commands on single images as JSON, CSV and a page."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.core.images import read_image
from benchmark.results.files import csv_value
from benchmark.single.commands import DetectedFile, Failed, InpaintedFile, detection_line
from benchmark.single.detection import Detected
from benchmark.single.draw import data_uri
from benchmark.single.files import Item
from benchmark.single.page import LEGEND, SIDE, Figure, Page, Section, write_page
from benchmark.single.trial import Trial

INPAINT_COLUMNS = ("image", "inpainter", "weights", "file", "done", "hole", "notes")
DETECT_COLUMNS = (
    "image", "detector", "weights", "score", "verdict", "area", "auc", "f1", "reason",
    "tiles", "tile", "overlap", "heatmap", "overlay", "arrays",
)  # fmt: skip
TRY_COLUMNS = ("inpainter", *DETECT_COLUMNS[:12], "null_auc")


def inpaint_row(one: InpaintedFile) -> dict[str, Any]:
    """An inpainted file with the keys `INPAINT_COLUMNS`."""
    return {
        "image": one.image,
        "inpainter": one.inpainter,
        "weights": one.weights,
        "file": str(one.file),
        "done": one.done,
        "hole": one.hole,
        "notes": "; ".join(one.notes),
    }


def detection_row(one: Detected) -> dict[str, Any]:
    """A detection with the keys `DETECT_COLUMNS`, but for its files.

    The verdict is a text that holds what has to stand beside it, so that no part of a table has one
    without.
    """
    truth = one.truth
    return {
        "image": one.image,
        "detector": one.detector,
        "weights": one.weights,
        "score": one.score,
        "verdict": one.verdict,
        "area": one.area,
        "auc": truth.auc if truth else None,
        "f1": truth.f1 if truth else None,
        "reason": truth.reason if truth else "",
        "tiles": one.tiles.count if one.tiles else 1,
        "tile": one.tiles.side if one.tiles else None,
        "overlap": one.tiles.overlap if one.tiles else None,
    }


def detect_row(one: DetectedFile) -> dict[str, Any]:
    """A detection and its files with the keys `DETECT_COLUMNS`."""
    return {
        **detection_row(one.detected),
        "heatmap": str(one.heatmap),
        "overlay": str(one.overlay),
        "arrays": str(one.arrays) if one.arrays else None,
    }


def try_rows(trial: Trial) -> list[dict[str, Any]]:
    """The detections of a trial with the keys `TRY_COLUMNS`."""
    return [
        {
            "inpainter": by,
            **detection_row(one),
            "image": trial.image,
            "null_auc": trial.nulls.get(one.detector),
        }
        for (by, _), one in trial.detected.items()
    ]


def failed_rows(failed: Iterable[Failed]) -> list[dict[str, str]]:
    """Failures as plain values."""
    return [{"image": one.image, "model": one.model, "reason": one.reason} for one in failed]


def csv_text(columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> str:
    """Rows as CSV with a header; text that a spreadsheet would compute begins with "'"."""
    file = io.StringIO()
    writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: csv_value(row.get(name)) for name in columns})
    return file.getvalue()


def write_detect_page(
    path: Path, items: Sequence[Item], found: Sequence[DetectedFile], failed: Sequence[Failed]
) -> None:
    """Write the page of `bench detect`: each image with the overlays and heatmaps of all detectors.

    Raises:
        OutputError: if it cannot be written.
        DataError: if an image or a file of it is gone.
    """
    sections = []
    for item in items:
        figures = [
            figure for one in found if one.detected.image == item.name for figure in _figures(one)
        ]
        if figures:
            image = Figure(
                image=data_uri(read_image(item.path), SIDE), alt="the image", caption="the image"
            )
            sections.append(Section(title=item.name, figures=(image, *figures)))
    notes = dict.fromkeys(
        f"{one.detected.detector}: {one.detected.evidence}"
        for one in found
        if one.detected.evidence
    )
    page = Page(
        title="bench detect",
        lines=(LEGEND,),
        warnings=(*notes, *(one.line for one in failed)),
        sections=tuple(sections),
    )
    write_page(path, page)


def _figures(one: DetectedFile) -> tuple[Figure, Figure]:
    overlay, heatmap = (_thumbnail(path) for path in (one.overlay, one.heatmap))
    name = one.detected.detector
    return (
        Figure(
            image=overlay,
            alt=f"heatmap of {name} over the image",
            caption=detection_line(one.detected),
        ),
        Figure(image=heatmap, alt=f"heatmap of {name}", caption=f"{name}: heatmap"),
    )


def _thumbnail(path: Path) -> str:
    with Image.open(path) as file:
        return data_uri(np.asarray(file.convert("RGB")), SIDE)
