"""Print the tables of docs/classics.md from a run of the plan `classics`.

`python -m tools.classics RUN`: a row per inpainter, AUC of each detector with its interval and the
test against the null, and the divergence of equation 4.
"""

from __future__ import annotations

import csv
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from benchmark.results.nulls import against_null
from tools.docs.markdown import code, table

SEED = 0  # of the plan
VERDICTS = {"better": "below", "worse": "above"}  # of AUC minus null: "better" hides better

Row = dict[str, str]
Label = tuple[str, str]  # inpainter and retouching


def main(folder: Path) -> str:
    """Return the table of a run: Markdown."""
    cells, samples = _read(folder / "results.csv"), _read(folder / "samples.csv")
    detectors = list(dict.fromkeys(row["detector"] for row in cells if row["detector"]))
    labels = list(dict.fromkeys((row["inpainter"], row["retouch"]) for row in cells))
    tests = {detector: _tests(samples, detector) for detector in detectors}
    numbers = {
        (row["inpainter"], row["retouch"], row["detector"], row["metric"]): row for row in cells
    }
    lines = []
    for label in labels:
        line = [code("+".join(filter(None, label)))]
        for detector in detectors:
            null = numbers.get((*label, detector, "auc_null"))
            cell = null or numbers.get((*label, detector, "auc"))
            verdict = "null" if null else tests[detector].get(label, "")
            line.append(" ".join(filter(None, (_shown(cell, 2), verdict))))
        lines.append([*line, _shown(numbers.get((*label, "", "residual_kl")), 3)])
    return table(("inpainter", *map(code, detectors), code("residual_kl")), lines)


def _read(path: Path) -> list[Row]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _shown(row: Row | None, digits: int) -> str:
    """Return a number with its interval, or ""."""
    if row is None or not row["value"]:
        return ""
    ends = [f"{float(row[end]):.{digits}f}" for end in ("low", "high") if row[end]]
    return f"{float(row['value']):.{digits}f}" + (f" [{', '.join(ends)}]" if ends else "")


def _tests(samples: list[Row], detector: str) -> dict[Label, str]:
    """Return "above" or "below" of each inpainter whose AUC differs from the null."""
    columns: dict[Label, dict[str, float]] = defaultdict(dict)
    null: dict[str, float] = {}
    for row in samples:
        if row["detector"] != detector:
            continue
        if row["auc"]:
            columns[row["inpainter"], row["retouch"]][row["sample"]] = float(row["auc"])
        if row["auc_null"]:
            null[row["sample"]] = float(row["auc_null"])
    names = sorted(null)
    values = {
        "+".join(label): np.array([column.get(name, np.nan) for name in names])
        for label, column in columns.items()
    }
    found = against_null(values, np.array([null[name] for name in names]), seed=SEED)
    return {label: VERDICTS.get(found["+".join(label)].verdict, "")
            for label in columns if "+".join(label) in found}  # fmt: skip


if __name__ == "__main__":
    sys.stdout.write(main(Path(sys.argv[1])))
