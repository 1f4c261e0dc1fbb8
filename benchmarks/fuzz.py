"""Fuzzing: thousands of damaged files for every reader of untrusted files.

The same inputs as in tests/fuzz, but more, in a process with limited memory. With --atheris, a
coverage-guided fuzzer also feeds the parsers, if it is installed.
"""

from __future__ import annotations

import argparse
import faulthandler
import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tests.fuzz.guard import read
from tests.fuzz.inputs import nearly
from tests.fuzz.targets import Target, targets

GUIDED = ("picture", "checkpoint", "safetensors", "archive", "bare pickle", "plan")
MEMORY = 3 << 30  # bytes that the process may allocate after its imports


def main() -> None:
    """Print a row per reader; exit with status 1 if one did not raise a one-line error."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=1000, help="inputs per reader")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="folder for inputs that caused a failure")
    parser.add_argument("--atheris", type=int, default=0, help="guided inputs per parser")
    words = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fuzz-") as folder:
        found = targets(Path(folder, "made"))
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        print("| reader | inputs | read | refused | broken | slowest, ms |")
        print("| --- | --- | --- | --- | --- | --- |")
        broken = sum(fuzz(one, Path(folder), words) for one in found)
    print(f"\npeak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MiB")
    if words.atheris:
        broken += sum(guided(name, words.atheris) for name in GUIDED)
    sys.exit(bool(broken))


def fuzz(target: Target, folder: Path, words: argparse.Namespace) -> int:
    ends: Counter[str] = Counter()
    reasons: Counter[str] = Counter()
    slowest = 0.0
    place = folder / "place"
    place.mkdir(exist_ok=True)

    @seed(words.seed)
    @settings(max_examples=words.each, deadline=None, database=None,
              suppress_health_check=list(HealthCheck))  # fmt: skip
    @given(nearly(target.seeds))
    def feed(content: bytes) -> None:
        nonlocal slowest
        faulthandler.dump_traceback_later(60, exit=True)
        start = time.perf_counter()
        try:
            ends[read(target, content, place)] += 1
        except Exception as error:  # noqa: BLE001 (whatever it is, it is counted)
            ends["broken"] += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            reason = (
                f"{type(error).__name__} in {Path(where.filename).name}:{where.lineno}: {error}"
            )
            reasons[reason[:150]] += 1
            if words.keep:
                words.keep.mkdir(parents=True, exist_ok=True)
                (words.keep / f"{target.name}-{sum(reasons.values())}").write_bytes(content)
        slowest = max(slowest, time.perf_counter() - start)

    feed()
    faulthandler.cancel_dump_traceback_later()
    for path in place.iterdir():
        path.unlink()
    print(f"| {target.name} | {sum(ends.values())} | {ends['read']} | {ends['refused']} "
          f"| {ends['broken']} | {1000 * slowest:.0f} |", flush=True)  # fmt: skip
    for reason, count in reasons.most_common(8):
        print(f"  {count} x {reason}")
    return ends["broken"]


def guided(name: str, runs: int) -> int:
    """Run one parser under atheris in a child process, because atheris ends its process."""
    if importlib.util.find_spec("atheris") is None:
        print("atheris is not installed: no guided inputs")
        return 0
    program = Path(__file__).with_name("fuzz_guided.py")
    command = [sys.executable, str(program), name, str(runs)]
    start = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - start
    last = [line for line in done.stderr.splitlines() if line.startswith("Done ")]
    print(f"atheris, {name}: {last[-1] if last else done.stderr[-1500:]} ({seconds:.0f} s)")
    return int(done.returncode != 0 or not last)


if __name__ == "__main__":
    main()
