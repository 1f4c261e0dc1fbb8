"""Seconds per image and peak memory of each model at 256x256, batch 1 and 8."""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys

CODE = """
import resource, sys, time
import torch
kind, name, batch, runs = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
images = torch.rand(batch, 3, 256, 256)
masks = torch.zeros(batch, 1, 256, 256)
masks[:, :, 64:192, 64:192] = 1
if kind == "inpainter":
    from inpainters import create_inpainter
    model = create_inpainter(name)
    call = lambda: model.inpaint(images, masks)
else:
    from detectors import create_detector
    model = create_detector(name)
    call = lambda: model.detect(images)
call()
for _ in range(runs):
    start = time.perf_counter()
    call()
    print((time.perf_counter() - start) / batch)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def measure(kind: str, name: str, batch: int, runs: int) -> tuple[float, float]:
    """Median seconds per image, and peak memory of the process in MB."""
    words = [sys.executable, "-c", CODE, kind, name, str(batch), str(runs)]
    done = subprocess.run(words, check=True, capture_output=True, text=True)
    *seconds, memory = (float(line) for line in done.stdout.split())
    return statistics.median(seconds), memory


def main() -> None:
    """Print a table over the registries."""
    from benchmark.listing import editions
    from detectors import DETECTORS
    from inpainters import INPAINTERS

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    print("| model | batch | s per image | peak MB |\n| --- | --- | --- | --- |")
    for registry in (INPAINTERS, DETECTORS):
        for name in registry:
            for batch in (1, 8) if editions(registry.card(name)) else ():
                seconds, memory = measure(registry.kind, name, batch, runs)
                print(f"| {name} | {batch} | {seconds:.4f} | {memory:.0f} |")


if __name__ == "__main__":
    main()
