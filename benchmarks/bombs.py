"""What files that are small on disk and huge in memory cost their reader: peak memory and seconds.

    python benchmarks/bombs.py

Each of the tests' bombs is read in a process of its own, after the reader was loaded (Linux).
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

from tests.unit.core import test_bounded, test_saved

ROOT = Path(__file__).resolve().parents[1]
READ = """
import sys, time
from pathlib import Path
from benchmark.core.errors import BenchError
from {module} import {function} as read
def most():
    return int(open("/proc/self/status").read().split("VmHWM:")[1].split()[0]) // 1024
before, start = most(), time.perf_counter()
try:
    read(Path(sys.argv[1]))
    said = "read"
except BenchError as error:
    said = str(error).partition(": ")[2]
seconds = time.perf_counter() - start
print(f"{{most() - before}} MiB, {{seconds:.2f}} s | {{said[:90]}}")
"""


def main() -> None:
    """Make and read them all, a line each."""
    with tempfile.TemporaryDirectory() as folder:
        for name, content in test_bounded.bombs().items():
            path = Path(folder) / "a.png"
            path.write_bytes(content)
            _measure(name, path, "benchmark.core.images", "read_picture")
        for count in (test_bounded.bounded.MOST_SCANS, 1500):
            path = Path(folder) / "a.jpg"
            path.write_bytes(test_bounded.with_scans(test_bounded.progressive(2000), count))
            _measure(f"JPEG of {count} scans", path, "benchmark.core.images", "read_picture")
        for name, (value, storage, how, _) in test_saved.bombs().items():
            path = test_saved.archive(Path(folder) / "a.pth", value, storage, how)
            _measure(name, path, "benchmark.core.checkpoints.load", "read_checkpoint")
        for name, (module, function, config) in test_saved.MODELS.items():
            path = test_saved.huge(Path(folder) / "a.safetensors", name, config)
            _measure(f"width of {name}", path, module, function)


def _measure(name: str, path: Path, module: str, function: str) -> None:
    code = READ.format(module=module, function=function)
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    print(f"| {name} | {path.stat().st_size:,} | {done.stdout.strip()} |", flush=True)


if __name__ == "__main__":
    main()
