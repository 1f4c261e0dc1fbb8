"""Time of whole commands: `bench --help`, `bench list`, and a run with all outputs stored."""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

BENCH = [sys.executable, "-c", "from benchmark.cli import main; main()"]
MAIN_JOB = ("run", "--inpainter", "safepaint", "--detector", "trufor")


def seconds(words: tuple[str, ...], runs: int, home: str) -> list[float]:
    """Return the wall-clock seconds of several runs of a command."""
    found = []
    for _ in range(runs):
        start = time.perf_counter()
        subprocess.run(
            [*BENCH, *words],
            check=True,
            capture_output=True,
            cwd=home,
            env={**os.environ, "BENCH_HOME": home},
        )
        found.append(time.perf_counter() - start)
    return found


def main() -> None:
    """Print a table of medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home:
        first = seconds(MAIN_JOB, 1, home)[0]
        print("| command | median s | fastest s |\n| --- | --- | --- |")
        print(f"| bench {' '.join(MAIN_JOB)} (nothing stored) | {first:.2f} | {first:.2f} |")
        for words in (("--help",), ("list",), MAIN_JOB):
            found = seconds(words, runs, home)
            print(
                f"| bench {' '.join(words)} | {statistics.median(found):.2f} | {min(found):.2f} |"
            )


if __name__ == "__main__":
    main()
