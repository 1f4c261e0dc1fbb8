"""Peak memory of runs with the weightless baselines, on few samples and on many."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

CODE = """
import resource, sys
from benchmark import Plan, run
run(Plan(datasets=("folder",), images=sys.argv[1], size=64, buckets=("30-40",),
         inpainters=("meanfill", "original"), detectors=("flatness", "chance"),
         metrics=("auc", "f1", "acc", "psnr")), out=sys.argv[2], store=sys.argv[3])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def save_images(folder: Path, count: int) -> Path:
    """Write small random images into a folder."""
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number in range(count):
        pixels = generator.integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((64, 64)).save(folder / f"{number:06}.png")
    return folder


def peak(images: Path, place: Path) -> float:
    """Return the peak resident memory of a run in MB."""
    done = subprocess.run(
        [sys.executable, "-c", CODE, str(images), str(place / "out"), str(place / "store")],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    return int(done.stdout) / 1024


def main() -> None:
    """Print a table of peaks."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--counts", type=int, nargs="+", default=[100, 10_000])
    counts = parser.parse_args().counts
    print("| samples | peak MB |\n| --- | --- |")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            print(f"| {count} | {peak(save_images(place / 'images', count), place):.0f} |")


if __name__ == "__main__":
    main()
