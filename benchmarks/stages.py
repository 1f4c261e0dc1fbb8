"""Time of every stage of a run, by model, and of its report; the five largest are named.

The run starts with an empty store, in this process, so the time of a stage includes loading its
model. What lies before the first stage and after the last one has rows of its own.

    python -m benchmarks.stages mini --limit 2
    python -m benchmarks.stages mini --report --json
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from benchmark import Plan, run
from benchmark.plans import plan_file
from benchmark.runner.stages import Progress

LARGEST = 5
NAMES = {"fill": "inpaint", "judge": "detect", "measure": "measure"}


class StageClock:
    """Adds up the seconds between calls of a run's progress callback.

    Attributes:
        seconds: by stage and model.
    """

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._last = time.perf_counter()
        self._now = "before the first stage"

    def __call__(self, step: Progress) -> None:
        """Count the time since the last call for the stage that was running."""
        name = f"{NAMES[step.stage]} {step.model}"
        self.stop(self._now if step.done == 0 else name)
        self._now = "between stages" if step.done >= step.total else name

    def stop(self, name: str) -> None:
        """Count the time since the last call under a name."""
        now = time.perf_counter()
        self.seconds[name] += now - self._last
        self._last = now


def measure(plan: str, limit: int | None, *, report: bool) -> dict[str, float]:
    """Return seconds by stage and model of a run of `plan`, in the order in which they ended."""
    chosen = Plan.load(plan_file(plan))
    if limit is not None:
        chosen = chosen.model_copy(update={"limit": limit})
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out")
        clock = StageClock()
        run(chosen, store=Path(folder, "store"), out=out, notify=clock)
        clock.stop("after the last stage: results, tables, files")
        if report:
            from reports.page.write import write_report

            write_report(out)
            clock.stop("report")
    return dict(clock.seconds)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("plan", help="name of a plan that ships, or a file")
    parser.add_argument("--limit", type=int, help="number of images")
    parser.add_argument("--report", action="store_true", help="also time its report")
    parser.add_argument("--json", action="store_true", help="print seconds by stage as JSON")
    words = parser.parse_args()
    seconds = measure(words.plan, words.limit, report=words.report)
    if words.json:
        json.dump(seconds, sys.stdout, indent=2)
        return
    whole = sum(seconds.values())
    print("| stage | s | share |\n| --- | --- | --- |")
    for name, own in seconds.items():
        print(f"| {name} | {own:.2f} | {100 * own / whole:.1f} % |")
    print(f"| whole | {whole:.2f} | 100 % |\n")
    largest = sorted(seconds.items(), key=lambda pair: -pair[1])[:LARGEST]
    print("Largest: " + "; ".join(f"{name} {own:.1f} s" for name, own in largest))


if __name__ == "__main__":
    main()
