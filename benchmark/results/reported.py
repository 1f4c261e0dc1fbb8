"""Numbers printed in the paper's Tables 1 to 6 (`reported.csv`)."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from benchmark.results.rows import ResultRow
from detectors import DETECTORS
from inpainters import INPAINTERS

TABLES = Path(__file__).with_name("reported.csv")
COMPARED = "places2"  # data set of Tables 2 to 6, compared with data sets that the paper lacks


@cache
def reported() -> dict[tuple[str, str, str, str, str], float]:
    """Return the paper's numbers by (dataset, detector, inpainter, bucket, metric), its own names.

    Tables 1 to 4; Tables 5 and 6 repeat models with and without parts. In Table 1 `detector` is "".
    """
    with TABLES.open(encoding="utf-8", newline="") as file:
        return {
            (
                row["dataset"],
                row["detector"],
                row["inpainter"],
                row["mask_ratio_percent"],
                row["metric"],
            ): float(row["value"])
            for row in csv.DictReader(file)
            if int(row["table"]) <= 4
        }


def reported_value(
    dataset: str, detector: str, inpainter: str, bucket: str, metric: str
) -> float | None:
    """Return the paper's number of a cell, from the same data set if it has it, else Places2.

    Args:
        dataset: name of the data set.
        detector: name of the detector in the paper, or "".
        inpainter: name of the inpainter in the paper.
        bucket: mask-ratio bin such as "10-20".
        metric: "auc", "f1", "acc", "psnr" or "lpips".

    Returns:
        The number, or None if the paper has none.
    """
    known = {key[0] for key in reported()}
    return reported().get(
        (dataset if dataset in known else COMPARED, detector, inpainter, bucket, metric)
    )


def paper_value(row: ResultRow) -> float | None:
    """Return the paper's number for a cell; None for images that the paper lacks.

    Forgeries have none either.

    Raises:
        UnknownName: if there is no such model.
    """
    if row.launder or row.treatment or row.of_forgeries:
        return None
    inpainter = INPAINTERS.card(row.inpainter).reported
    detector = DETECTORS.card(row.detector).reported if row.detector else ""
    if not inpainter or (row.detector and not detector):
        return None
    return reported_value(row.dataset, detector, inpainter, row.bucket, row.metric)
