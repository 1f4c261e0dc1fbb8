"""Peak memory and time of `bench detect` on a large image in tiles."""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

CODE = "from benchmark.cli import main; main()"


def picture(path: Path, width: int, height: int) -> Path:
    """A JPEG of smooth noise of a size."""
    generator = np.random.default_rng(0)
    coarse = generator.integers(0, 256, (height // 16, width // 16, 3), dtype=np.uint8)
    Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC).save(path, quality=92)
    return path


def main() -> None:
    """Print a line per detector: megapixels, peak resident memory in MB, seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="4000x3000", help="WIDTHxHEIGHT")
    parser.add_argument("--detector", default="trufor")
    parser.add_argument("words", nargs="*", help="further options of bench detect, after --")
    given = parser.parse_args()
    width, height = map(int, given.size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        image = picture(place / "large.jpg", width, height)
        start = time.monotonic()
        subprocess.run(
            [
                sys.executable, "-c", CODE, "detect", str(image), "--detector", given.detector,
                "--out", str(place / "out"), "--store", str(place / "store"), *given.words,
            ],
            check=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        seconds = time.monotonic() - start
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"{given.detector}: {width * height / 1e6:.1f} MP, peak {peak:.0f} MB, {seconds:.0f} s")


if __name__ == "__main__":
    main()
