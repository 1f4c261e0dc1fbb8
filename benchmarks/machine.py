"""Differences of one run's numbers between thread counts and instruction sets.

    python benchmarks/machine.py

Runs SafePaint (mini) against TruFor (mini) on the sample images in new processes, each with other
settings and its own store, and prints how many inpainted bytes and which AUC differ from the first.
A setting that the processor does not support repeats the one below it.
"""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

SETTINGS = {
    "--reproducible": {},
    "1 thread": {"OMP_NUM_THREADS": "1"},
    "2 threads": {"OMP_NUM_THREADS": "2"},
    "1 thread, ATen AVX2": {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "avx2"},
    "1 thread, oneDNN AVX2": {"OMP_NUM_THREADS": "1", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "1 thread, oneDNN SSE4.1": {"OMP_NUM_THREADS": "1", "ONEDNN_MAX_CPU_ISA": "SSE41"},
    "1 thread, ATen default": {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default"},
}
WORDS = ("run", "--inpainter", "safepaint", "--detector", "trufor", "--buckets", "30-40",
         "--metrics", "auc,psnr")  # fmt: skip


def main() -> None:
    """Print a Markdown table, one row per setting."""
    print("| settings | instruction set | differing bytes | largest difference | AUC | PSNR |")
    print("| --- | --- | --- | --- | --- | --- |")
    with TemporaryDirectory() as folder:
        first: dict[str, np.ndarray] = {}
        for name, variables in SETTINGS.items():
            place = Path(folder, name.replace(" ", "-").strip("-"))
            pinned = ("--reproducible",) if name == "--reproducible" else ()
            _run(place, variables, pinned)
            images = _images(place)
            first = first or images
            apart = [np.abs(images[key].astype(int) - first[key]) for key in first]
            count = sum(int((one > 0).sum()) for one in apart)
            most = max(int(one.max()) for one in apart)
            machine = json.loads((place / "out" / "record.json").read_text())["machine"]
            auc, psnr = _cell(place, "auc"), _cell(place, "psnr")
            kernels = machine["instruction_set"]
            print(f"| {name} | {kernels} | {count} | {most} | {auc} | {psnr} |")


def _run(place: Path, variables: dict[str, str], more: tuple[str, ...]) -> None:
    cleared = {k: v for k, v in os.environ.items() if k not in {"OMP_NUM_THREADS"}}
    place.mkdir()
    subprocess.run(
        [sys.executable, "-c", "from benchmark.cli import main; main()", *WORDS, *more,
         "--out", place / "out", "--store", place / "store"],
        env={**cleared, **variables},
        check=True,
        capture_output=True,
    )  # fmt: skip


def _images(place: Path) -> dict[str, np.ndarray]:
    found = {path.name: cv2.imread(str(path)) for path in (place / "store").rglob("*.png")}
    return {name: image for name, image in found.items() if image is not None}


def _cell(place: Path, metric: str) -> str:
    with (place / "out" / "results.csv").open(newline="") as file:
        return next(row["value"] for row in csv.DictReader(file) if row["metric"] == metric)


if __name__ == "__main__":
    main()
