"""Overhead of a run besides forward passes: decoding, masks, PNG, heatmaps, metrics, database."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from benchmark import Plan, run


def main() -> None:
    """Run SafePaint against TruFor into an empty store and print the share of everything else."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=Path, help="folder of images; default: samples")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--weights", action="append", default=[], help="MODEL=PATH")
    words = parser.parse_args()
    plan = Plan(
        datasets=("folder" if words.images else "samples",),
        images=words.images,
        limit=words.limit,
        weights=dict(pair.split("=", 1) for pair in words.weights),
    )
    with tempfile.TemporaryDirectory() as folder:
        run(plan.model_copy(update={"limit": 1}), store=Path(folder, "warm"))
        start = time.perf_counter()
        record = run(plan, store=Path(folder, "store"), out=Path(folder, "out"))
        whole = time.perf_counter() - start
    model = sum(record.document["model_seconds"].values())
    jobs = record.document["jobs_run"]
    print("| jobs | whole s | in models s | overhead |\n| --- | --- | --- | --- |")
    print(f"| {jobs} | {whole:.2f} | {model:.2f} | {100 * (whole - model) / whole:.1f} % |")


if __name__ == "__main__":
    main()
