"""How many times as fast each network is by an engine, or compiled, as by torch as it is loaded.

Models without installed weights are measured with random ones at the official size; `--mini` takes
the mini weights. Each form is a process of its own, and they take turns, so that other load affects
all. A ratio is the median over turns of torch's seconds divided by the form's of the same turn,
and so is that of CPU seconds, which with one thread hardly depends on other load. The first pass,
in which a network is converted and compared with torch, is not counted: its time and the largest
difference are printed by the form itself, and a form that cannot be used says why.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext

from benchmarks.models import NETWORKS, weights_of

FORMS = ("openvino", "onnxruntime", "compile")
CHILD = """
import sys, time
import torch
from benchmark.core.errors import BenchError
from detectors import create_detector
from inpainters import INPAINTERS, create_inpainter
name, weights, threads, form, side = sys.argv[1:]
torch.set_num_threads(int(threads))
torch.manual_seed(0)
side = int(side)
images, masks = torch.rand(1, 3, side, side), torch.zeros(1, 1, side, side)
masks[:, :, side // 4 : 3 * side // 4, side // 4 : 3 * side // 4] = 1
create = create_inpainter if name in INPAINTERS else create_detector
model = create(name, weights=weights)
try:
    if form == "compile":
        model.tune(compiled=True)
    elif form != "torch":
        type(model).engines = {form: 9.0}  # measured here
        model.use_engine(form)
    call = (lambda: model.inpaint(images, masks)) if name in INPAINTERS else (
        lambda: model.detect(images))
    call()
except BenchError as error:
    print("=", error, flush=True)
    raise SystemExit
print("= ready", flush=True)
for line in sys.stdin:
    start, cpu = time.perf_counter(), time.process_time()
    call()
    print("=", time.perf_counter() - start, time.process_time() - cpu, flush=True)
"""


class Form:
    """A process with a model in one form, which times a pass on request.

    Attributes:
        reason: why it cannot be used, or "".
        seconds: wall and CPU seconds of each turn.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", CHILD, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.seconds: list[tuple[float, float]] = []
        answer = self._answer()
        self.reason = "" if answer == "ready" else answer or "the process ended"

    def __enter__(self) -> Form:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def turn(self) -> None:
        """Time one pass."""
        print(file=self._process.stdin, flush=True)
        wall, cpu = self._answer().split()
        self.seconds.append((float(wall), float(cpu)))

    def _answer(self) -> str:
        """Return the next line for us; torch prints others when it cannot convert."""
        lines = self._process.stdout or ()
        return next((line[1:].strip() for line in lines if line.startswith("=")), "")


def measure(name: str, weights: str, threads: int, options: argparse.Namespace) -> None:
    """Print a row for each form of a model."""
    with ExitStack() as stack:
        forms = {
            form: stack.enter_context(Form([name, weights, str(threads), form, str(options.side)]))
            for form in ("torch", *options.forms)
        }
        running = {form: one for form, one in forms.items() if not one.reason}
        for _ in range(options.runs):
            for one in running.values():
                one.turn()
    plain = forms["torch"].seconds
    for form in options.forms:
        row = f"| {name} | {form} | {threads} |"
        if forms[form].reason:
            print(f"{row} | | | {forms[form].reason} |", flush=True)
            continue
        pairs = list(zip(plain, forms[form].seconds, strict=True))
        wall, cpu = (statistics.median(a[i] / b[i] for a, b in pairs) for i in (0, 1))
        seconds = statistics.median(b[0] for _, b in pairs)
        print(f"{row} {wall:.2f} | {cpu:.2f} | {seconds:.3f} | |", flush=True)


def main() -> None:
    """Print a table: models, forms, threads, ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(NETWORKS))
    parser.add_argument("--forms", default=",".join(FORMS), help="comma-separated")
    parser.add_argument("--threads", default="1,2", help="comma-separated")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--mini", action="store_true", help="the mini weights")
    options = parser.parse_args()
    options.forms = options.forms.split(",")
    print("| model | form | threads | torch / this | CPU seconds | s per image | refused |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BENCH_HOME"] = folder  # converted anew, and not kept
        for name in options.models.split(","):
            with nullcontext("mini") if options.mini else weights_of(name) as weights:
                for threads in map(int, options.threads.split(",")):
                    measure(name, weights or "official", threads, options)


if __name__ == "__main__":
    main()
