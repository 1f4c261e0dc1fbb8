"""Fault injection: disturb small runs at random points, resume, and compare with undisturbed runs.

Each case has its own store: some faults one after the other, then the same command once without
faults. Its results must equal those of the undisturbed run byte for byte, `bench check` must find
nothing, and `bench clean` nothing but temporary files. Runs are children, forked after the imports.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

FILES = ("plan.toml", "results.csv", "samples.csv", "table.md")
WORDS = (
    "run", "--inpainter", "telea,meanfill,original", "--detector", "flatness,chance", "--metrics",
    "auc,f1,acc,psnr", "--size", "64", "--buckets", "10-20,30-40",
)  # fmt: skip
CALLS = 18  # of about 60 in an undisturbed run; three faults leave some
HANG = 3.0  # seconds without a new output after which a run counts as hung
SIGNALS = {"SIGKILL": signal.SIGKILL, "SIGTERM": signal.SIGTERM, "SIGINT": signal.SIGINT}
OTHERS = ("exception", "out of memory", "file size limit", "disk full", "hung model")
KINDS = (*SIGNALS, *OTHERS)


class Ended(NamedTuple):
    """How a run ended: its exit status, or minus the signal number; and its output."""

    status: int
    said: str

    @property
    def word(self) -> str:
        if self.status < 0:
            return signal.Signals(-self.status).name
        trace = " and a traceback" if "Traceback" in self.said else ""
        return f"status {self.status}{trace}"


def main() -> None:
    """Print the injected faults and their outcome; exit with status 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=120, help="minimum number of faults")
    parser.add_argument("--each", type=int, default=3, help="consecutive faults per case")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    words = parser.parse_args()
    load()
    with tempfile.TemporaryDirectory(prefix="chaos-") as folder:
        found = play(Path(folder), words.faults, words.each, random.Random(words.seed))  # noqa: S311 (no secret)
    print(json.dumps(found, indent=2) if words.json else text(found))
    sys.exit(bool(found["wrong"]))


def load() -> None:
    """Import everything that runs import, once."""
    for name in ("benchmark.api", "benchmark.cli", "benchmark.console", "benchmark.runner.worker"):
        importlib.import_module(name)


def play(folder: Path, faults: int, each: int, draw: random.Random) -> dict[str, Any]:
    photos = folder / "photos"
    photos.mkdir()
    for name in "abc":
        fine = np.random.default_rng(ord(name)).integers(0, 256, (32, 40, 3), dtype=np.uint8)
        Image.fromarray(fine).resize((80, 64)).save(photos / f"{name}.png")
    start = time.perf_counter()
    Case(folder / "warm", photos).run()
    quiet, began = Case(folder / "quiet", photos), time.perf_counter()
    first = quiet.run()
    length = time.perf_counter() - began
    wrong = [] if first.status == 0 else [f"undisturbed: {first.said}"]
    expected = quiet.results()
    ends: dict[str, Counter[str]] = defaultdict(Counter)
    count = cases = 0
    deck: list[str] = []
    traces: list[str] = []
    while count < faults:
        cases += 1
        with mounted(folder / f"case{cases}") as disk:
            case = Case(folder / f"case{cases}", photos)
            for _ in range(each):
                deck = deck or draw.sample(KINDS, len(KINDS))
                kind = deck.pop()
                count += 1
                if kind == "disk full" and disk is None:
                    ends[kind]["skipped: no file system may be mounted here"] += 1
                    continue
                ended = disturb(case, kind, draw, length, disk)
                ends[kind][ended.word] += 1
                if "Traceback" in ended.said and ended.status and kind != "exception":
                    traces.append(f"{kind}: {ended.said[-1500:]}")
            wrong += [f"case {cases}: {what}" for what in case.settle(expected)]
    return {
        "faults": count,
        "cases": cases,
        "seconds": round(time.perf_counter() - start, 1),
        "undisturbed_seconds": round(length, 2),
        "ends": {kind: dict(ends[kind].most_common()) for kind in KINDS if ends[kind]},
        "wrong": wrong,
        "tracebacks": traces,
    }


class Case:
    """A store and a results folder, and runs on them."""

    def __init__(self, folder: Path, photos: Path) -> None:
        self.folder = folder
        self.log = folder.with_suffix(".log")  # not on the disk that is filled
        folder.mkdir(exist_ok=True)
        self.words = [*WORDS, "--images", str(photos), "--out", str(folder / "out")]

    def start(self, before: Callable[[], None] = lambda: None, words: Any = None) -> int:
        """Fork a child that runs `bench` with these arguments."""
        log = self.log.open("w+b")
        child = os.fork()
        if child == 0:
            status = 70
            try:
                os.dup2(log.fileno(), 1)
                os.dup2(log.fileno(), 2)
                os.environ["BENCH_HOME"] = str(self.folder / "home")
                signal.signal(signal.SIGINT, signal.default_int_handler)
                before()
                status = command(words or self.words)
            except BaseException:  # noqa: BLE001 (as the interpreter: say it and end with 1)
                status = 1
                os.write(2, traceback.format_exc().encode())
            finally:
                os._exit(status)
        log.close()
        return child

    def wait(self, child: int) -> Ended:
        _, raw = os.waitpid(child, 0)
        said = self.log.read_text(errors="replace")
        return Ended(os.waitstatus_to_exitcode(raw), said)

    def run(self, before: Callable[[], None] = lambda: None, words: Any = None) -> Ended:
        return self.wait(self.start(before, words))

    def results(self) -> dict[str, bytes]:
        return {name: (self.folder / "out" / name).read_bytes() for name in FILES}

    def settle(self, expected: dict[str, bytes]) -> Iterator[str]:
        """Run once without faults; yield what is wrong afterwards."""
        last = self.run()
        if last.status != 0:
            yield f"going on ended with {last.word}: {last.said[-500:]}"
            return
        yield from (
            f"{name} differs" for name, one in self.results().items() if one != expected[name]
        )
        check = self.run(words=["check", str(self.folder / "out")])
        if check.status != 0:
            yield f"check: {check.said}"
        clean = self.run(words=["clean", str(self.folder / "out"), "--json"])
        others = [one for one in json.loads(clean.said) if one["kind"] != "draft"]
        if clean.status != 0 or others:
            yield f"clean: {clean.said}"
        yield from (f"left: {path}" for path in self.folder.rglob(".draft-*"))


def command(words: list[str]) -> int:
    from benchmark.cli import main

    sys.argv = ["bench", *words]
    try:
        main()
    except SystemExit as end:
        sys.stdout.flush()
        sys.stderr.flush()
        return int(end.code or 0)
    return 0


def disturb(case: Case, kind: str, draw: random.Random, length: float, disk: Path | None) -> Ended:
    if kind in SIGNALS:
        if draw.random() < 0.6:  # in the worker, else at any time
            number, wait = draw.randint(1, CALLS), draw.uniform(0, 0.05)
            return case.run(lambda: at_call(number, lambda: signal_soon(SIGNALS[kind], wait)))
        child = case.start()
        time.sleep(draw.uniform(0, length))
        os.kill(child, SIGNALS[kind])
        return case.wait(child)
    if kind == "hung model":
        number = draw.randint(1, CALLS)
        return hung(case, case.start(lambda: at_call(number, hang)))
    if kind == "disk full" and disk:
        used = int(subprocess.check_output(["du", "-sk", str(disk)]).split()[0])
        resize(disk, f"{used + draw.randint(4, 120)}k")
        try:
            return case.run()
        finally:
            resize(disk, "64m")
    number, bytes_ = draw.randint(1, CALLS), draw.randint(100, 40_000)
    more = draw.randint(0, 6_000_000)
    return case.run({
        "exception": lambda: at_call(number, fail),
        "out of memory": lambda: at_call(number, lambda: fill_memory(more)),
        "file size limit": lambda: at_call(number, lambda: limit(resource.RLIMIT_FSIZE, bytes_)),
    }[kind])  # fmt: skip


def hung(case: Case, child: int) -> Ended:
    """Kill a run without output for a while, as a job scheduler would."""
    count, since = -1, time.monotonic()
    while time.monotonic() - since < HANG:
        ended, raw = os.waitpid(child, os.WNOHANG)
        if ended:
            said = case.log.read_text(errors="replace")
            return Ended(os.waitstatus_to_exitcode(raw), said)
        now = len(list((case.folder / "home").glob("store/objects/*/*")))
        if now != count:
            count, since = now, time.monotonic()
        time.sleep(0.1)
    os.kill(child, signal.SIGKILL)
    return case.wait(child)


def at_call(number: int, do: Callable[[], None]) -> None:
    """Replace the worker's work on its n-th chunk."""
    from benchmark.runner.worker import Worker

    answer, left = Worker.__call__, number

    def call(self: Worker, *chunk: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            do()
        return answer(self, *chunk)

    Worker.__call__ = call  # type: ignore[method-assign]


def signal_soon(number: int, wait: float) -> None:
    threading.Timer(wait, os.kill, (os.getpid(), number)).start()


def fail() -> None:
    raise RuntimeError("injected")


def hang() -> None:
    time.sleep(3600)


def fill_memory(more: int) -> None:
    """Allocate all remaining memory, as a model that is too large does."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit(resource.RLIMIT_AS, pages * resource.getpagesize() + more)
    taken = []
    while True:
        taken.append(bytearray(100_000))


def limit(what: int, number: int) -> None:
    resource.setrlimit(what, (number, resource.getrlimit(what)[1]))


@contextmanager
def mounted(folder: Path) -> Iterator[Path | None]:
    """Mount an in-memory file system for a case; yield None if mounting is not allowed."""
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(folder)]
    try:
        done = subprocess.run(words, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        done = False
    try:
        yield folder if done else None
    finally:
        if done:
            subprocess.run(["umount", str(folder)], check=True)


def resize(disk: Path, size: str) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


def text(found: dict[str, Any]) -> str:
    lines = ["| injected | times | how the run ended |", "| --- | --- | --- |"]
    for kind, ends in found["ends"].items():
        told = "; ".join(f"{count} x {end}" for end, count in ends.items())
        lines.append(f"| {kind} | {sum(ends.values())} | {told} |")
    lines.append("")
    lines.append(
        f"{found['faults']} faults in {found['cases']} cases, {found['seconds']} s; an undisturbed "
        f"run takes {found['undisturbed_seconds']} s. Wrong afterwards: {len(found['wrong'])}."
    )
    return "\n".join([*lines, *found["wrong"], *found["tracebacks"]])


if __name__ == "__main__":
    main()
