"""The numbers the paper prints, as data (`reported.csv`, Tables 1 to 6)."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from benchmark.results.rows import ResultRow
from detectors import DETECTORS
from inpainters import INPAINTERS

TABLES = Path(__file__).with_name("reported.csv")
COMPARED = "places2"  # the data set of Tables 2 to 6, set beside ours where the paper has no own


@cache
def reported() -> dict[tuple[str, str, str, str, str], float]:
    """(dataset, detector, inpainter, bucket, metric), all the paper's names -> its number.

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
    """The paper's number for a cell, on the same data set if the paper has it, else on Places2.

    Args:
        dataset: our name of the data set.
        detector: the detector's name in the paper, or "".
        inpainter: the inpainter's name in the paper.
        bucket: such as "10-20".
        metric: "auc", "f1", "acc", "psnr" or "lpips".

    Returns:
        The number, or None where the paper has none.
    """
    known = {key[0] for key in reported()}
    return reported().get(
        (dataset if dataset in known else COMPARED, detector, inpainter, bucket, metric)
    )


def paper_value(row: ResultRow) -> float | None:
    """The paper's number for one of ours, or None: it has none of anything laundered or retouched.

    Raises:
        UnknownName: if there is no such model.
    """
    if row.launder or row.retouch:
        return None
    inpainter = INPAINTERS.card(row.inpainter).reported
    detector = DETECTORS.card(row.detector).reported if row.detector else ""
    if not inpainter or (row.detector and not detector):
        return None
    return reported_value(row.dataset, detector, inpainter, row.bucket, row.metric)
