"""Forge numbers of bundles and count how many forgeries `bench prove` finds.

    python benchmarks/bundles.py --tries 200 --seed 1

A small run (telea and meanfill against flatness, all maps and images enclosed) is submitted. Each
try changes one thing and makes all checksums anew, as a forger would. Exit status 1 if one is not
found, or if the unchanged bundle contradicts itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmark.bundle import prove
from benchmark.bundle.numbers import put_numbers, read_numbers
from benchmark.bundle.read import open_bundle
from benchmark.core.errors import BenchError
from benchmark.core.inspecting import inspecting
from benchmark.results.aggregate import aggregate
from benchmark.results.csv import write_results
from benchmark.results.record import read_record
from benchmark.results.recorded_jobs import recorded_jobs
from benchmark.results.run_folder import read_plan
from benchmark.results.samples import read_samples
from benchmark.store.store import Store
from benchmarks.bundle_faults import FAULTS, MEASURED, RERUN, Dice
from benchmarks.bundle_file import RESULTS, Bundle, make_bundle

ALL = 1000  # more than there are detections


def computed_results(path: Path) -> bytes:
    """Return the results.csv that the samples of a bundle give, as a run would write it."""
    with inspecting(), open_bundle(path) as opened:
        record = read_record(opened.run)
        if record is None:
            raise ValueError(f"{path}: no record")
        plan, samples = read_plan(opened.run, record), opened.run / "samples.csv"
        jobs = recorded_jobs(plan, record, read_samples(samples))
        with Store(opened.store) as store:
            exact = opened.folder / "numbers.csv"
            numbers = read_numbers(exact) if exact.is_file() else ()
            put_numbers(store, read_samples(samples), numbers, record.metrics)
            cells = tuple(aggregate(jobs, store, record.failures))
        write_results(opened.folder / "again.csv", cells)
        return (opened.folder / "again.csv").read_bytes()


def forge(path: Path, target: Path, number: int, seed: int) -> str:
    """Write a bundle with one change and return what was changed.

    Args:
        path: the whole bundle.
        target: the forged one.
        number: number of the try, which decides the kind of change.
        seed: seed of the changes.
    """
    dice = Dice(f"{seed} {number}")
    bundle = Bundle(path)
    before = dict(bundle.members)
    while bundle.members == before:  # some changes change nothing
        said = FAULTS[number % len(FAULTS)](bundle, dice)
    bundle.save(target)
    if FAULTS[number % len(FAULTS)] in MEASURED:
        bundle.members[RESULTS] = computed_results(target)
        bundle.save(target)
    return said


def is_found(path: Path, number: int = 0) -> str:
    """Return what `bench prove` says first against a bundle, or "" if it finds nothing.

    Args:
        path: the bundle.
        number: number of the try, which decides whether models have to run again.
    """
    try:
        proof = prove(path, count=ALL if FAULTS[number % len(FAULTS)] in RERUN else 0)
    except BenchError as error:
        return str(error)
    return proof.mismatches[0].line if proof.mismatches else ""


def main() -> int:
    """Run the tries and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tries", type=int, default=200)
    options.add_argument("--seed", type=int, default=1)
    chosen = options.parse_args()
    tried, found = Counter[str](), Counter[str]()
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as scratch:
        path = make_bundle(Path(scratch))
        if said := is_found(path):
            print(f"the unchanged bundle: {said}")
            return 1
        for number in range(chosen.tries):
            said = forge(path, Path(scratch) / "forged.zip", number, chosen.seed)
            against = is_found(Path(scratch) / "forged.zip", number)
            tried[said] += 1
            found[said] += bool(against)
            if not against:
                print(f"NOT FOUND: try {number}: {said}")
    for said, count in sorted(tried.items()):
        print(f"{said:<45} {found[said]:>4} of {count}")
    print(f"{found.total()} of {tried.total()} found, {time.perf_counter() - start:.0f} s")
    return 0 if found.total() == tried.total() else 1


if __name__ == "__main__":
    sys.exit(main())
