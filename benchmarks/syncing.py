"""Share of a run that is spent on syncing files to the disk.

    python benchmarks/syncing.py

Runs telea and safepaint against TruFor on the samples, with a new store, and sums the seconds in
`core.paths.sync`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from benchmark import Plan
from benchmark import run as run_plan
from benchmark.core import paths


def main() -> None:
    """Run, and print both times and their share."""
    spent: list[float] = []
    plain = paths.sync

    def timed(path: Path) -> None:
        start = time.perf_counter()
        plain(path)
        spent.append(time.perf_counter() - start)

    paths.sync = timed
    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        plan = Plan(inpainters=("telea", "safepaint"), detectors=("trufor",))
        run_plan(plan, out=Path(folder) / "out", store=Path(folder) / "store")
        whole = time.perf_counter() - start
    share = 100 * sum(spent) / whole
    print(f"{len(spent)} syncs, {sum(spent):.3f} s of {whole:.1f} s: {share:.2f} %")


if __name__ == "__main__":
    main()
