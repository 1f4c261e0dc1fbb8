"""Concurrency stress test: `bench clean` and `bench check` next to running runs, and killed checks.

    python benchmarks/concurrency.py --rounds 50 --kills 50

In each round, two runs of different plans start with one new store, and until both have ended,
commands that could touch what they use are started: `bench clean` without arguments, with the
store, with a run and with `--unneeded`, `bench check`, and the first run a second time, which must
fail. Afterwards both runs must have the bytes of undisturbed runs, with nothing damaged or lost.

In each kill, `bench check` of a store with 20,000 rows and a damaged database gets SIGKILL at a
random moment, then `bench clean` is run. In the end the store must contain the rows that one
undisturbed check recovers.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.chaos import FILES, WORDS, Case, Ended, load

ROWS = 20_000
RUNS = {"a": ("--seed", "1"), "b": ("--seed", "1", "--launder", "jpeg:70")}
BESIDES = {
    "clean": ("clean",),
    "clean --store": ("clean", "--store", "home/store"),
    "clean RUN": ("clean", "runs/a"),
    "clean --unneeded": ("clean", "--unneeded"),
    "check": ("check",),
    "the same run": (),
}


def main() -> None:
    """Print what was tried and its outcome; exit with status 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    words = parser.parse_args()
    load()
    draw = random.Random(words.seed)  # noqa: S311 (no secret)
    with tempfile.TemporaryDirectory(prefix="besides-") as folder:
        start, here = time.perf_counter(), Path(folder)
        photos = _photos(here / "photos")
        quiet = {name: _quiet(here / f"quiet-{name}", photos, name) for name in RUNS}
        found: dict[str, Any] = {"ends": {}, "wrong": []}
        ends = {name: Counter[str]() for name in (*RUNS, *BESIDES)}
        for number in range(words.rounds):
            said = _round(here / f"round{number}", photos, quiet, draw, ends)
            found["wrong"] += [f"round {number}: {one}" for one in said]
            shutil.rmtree(here / f"round{number}", ignore_errors=True)
        found["ends"] = {name: dict(one) for name, one in ends.items()}
        found["kills"] = dict(_kills(here / "kills", photos, words.kills, draw, found["wrong"]))
        found["seconds"] = round(time.perf_counter() - start, 1)
    print(json.dumps(found, indent=2))
    sys.exit(bool(found["wrong"]))


def _photos(folder: Path) -> Path:
    folder.mkdir()
    for name in "abc":
        fine = np.random.default_rng(ord(name)).integers(0, 256, (32, 40, 3), dtype=np.uint8)
        Image.fromarray(fine).resize((80, 64)).save(folder / f"{name}.png")
    return folder


class BenchProcess:
    """A `bench` command with its own home folder, in a child process."""

    def __init__(self, folder: Path, photos: Path, words: tuple[str, ...], number: int = 0) -> None:
        self._case = Case(folder, photos)
        self._case.log = folder / f"{number}.log"
        self._process = self._case.start(lambda: os.chdir(folder), list(words))
        self.end: Ended | None = None

    def ended(self) -> Ended | None:
        """Return how it ended, or None while it runs."""
        if self.end is None:
            process, raw = os.waitpid(self._process, os.WNOHANG)
            if process:
                said = self._case.log.read_text(errors="replace")
                self.end = Ended(os.waitstatus_to_exitcode(raw), said)
        return self.end

    def wait(self) -> Ended:
        """Wait for it to end."""
        if self.end is None:
            self.end = self._case.wait(self._process)
        return self.end

    def kill(self) -> None:
        """Send SIGKILL."""
        if self.end is None:
            os.kill(self._process, signal.SIGKILL)


def _run_words(photos: Path, name: str) -> tuple[str, ...]:
    return (*WORDS, *RUNS[name], "--images", str(photos), "--out", f"runs/{name}")


def _results(folder: Path, name: str) -> dict[str, bytes]:
    return {one: (folder / "runs" / name / one).read_bytes() for one in FILES}


def _quiet(folder: Path, photos: Path, name: str) -> dict[str, bytes]:
    end = BenchProcess(folder, photos, _run_words(photos, name)).wait()
    if end.status != 0:
        sys.exit(f"the quiet run failed: {end.said}")
    return _results(folder, name)


def _round(
    folder: Path,
    photos: Path,
    quiet: dict[str, dict[str, bytes]],
    draw: random.Random,
    ends: dict[str, Counter[str]],
) -> Iterator[str]:
    """Run two plans with disturbing commands; yield what is wrong afterwards."""
    runs = {
        name: BenchProcess(folder, photos, _run_words(photos, name), number)
        for number, name in enumerate(RUNS, start=1)
    }
    while any(run.ended() is None for run in runs.values()):
        name = draw.choice(list(BESIDES))
        end = BenchProcess(folder, photos, BESIDES[name] or _run_words(photos, "a")).wait()
        ends[name][_word(end)] += 1
        if end.status not in (0, 2) or "Traceback" in end.said:
            yield f"{name}: {end.word}: {end.said[-800:]}"
        time.sleep(draw.uniform(0, 0.05))
    for name, run in runs.items():
        end = run.wait()
        ends[name][end.word] += 1
        if end.status != 0:
            yield f"run {name}: {end.word}: {end.said[-800:]}"
            continue
        found = _results(folder, name)
        yield from (f"run {name}: {one} differs" for one in FILES if found[one] != quiet[name][one])
    for words in (("check", "runs/a"), ("check", "runs/b"), ("clean", "--json")):
        end = BenchProcess(folder, photos, words).wait()
        if end.status != 0 or (words[0] == "clean" and json.loads(end.said) != []):
            yield f"{' '.join(words)} afterwards: {end.said[-800:]}"


def _word(end: Ended) -> str:
    """Return how a command ended, with the reason of an expected failure."""
    reasons = ("is not a store", "in use by another run", "is using this store", "no run")
    why = next((one for one in reasons if one in end.said), end.said[-200:])
    return end.word + (f", {why}" if end.status else "")


def _kills(
    folder: Path, photos: Path, kills: int, draw: random.Random, wrong: list[str]
) -> Counter[str]:
    """Kill checks that recover damaged databases, the given number of times."""
    ends: Counter[str] = Counter()
    _fill(folder / "whole")
    while kills and ends["killed"] < kills:
        ends["databases"] += 1
        damaged = folder / "damaged"
        shutil.copytree(folder / "whole", damaged)
        _damage(damaged / "home/store/answers.sqlite", draw)
        peace = folder / "peace"
        shutil.copytree(damaged, peace)
        began = time.perf_counter()
        first = BenchProcess(peace, photos, ("check",)).wait()
        length = time.perf_counter() - began
        if first.status != 1 or "moved to" not in first.said:
            ends["not damaged enough"] += 1
        else:
            _interrupt(damaged, photos, draw, length, ends)
            last = BenchProcess(damaged, photos, ("check",)).wait()
            ends["rows saved"] += len(_rows(damaged))
            if last.status not in (0, 1) or _rows(damaged) != _rows(peace):
                wrong.append(f"{len(_rows(damaged))} rows, not {len(_rows(peace))}: {last.said}")
            if BenchProcess(damaged, photos, ("check",)).wait().status != 0:
                wrong.append("a check after the last one finds something")
        for one in (damaged, peace):
            shutil.rmtree(one)
    return ends


def _interrupt(
    folder: Path, photos: Path, draw: random.Random, length: float, ends: Counter[str]
) -> None:
    """Run three checks, each killed at a random moment and followed by `bench clean`."""
    for _ in range(3):
        check = BenchProcess(folder, photos, ("check",))
        time.sleep(draw.uniform(0, length))
        ends["had ended before" if check.ended() else "killed"] += 1
        check.kill()
        check.wait()
        clean = BenchProcess(folder, photos, ("clean",)).wait()
        ends[f"clean behind it: {clean.word}"] += 1


def _fill(folder: Path) -> None:
    from benchmark.store.encoding import StoredOutput
    from benchmark.store.store import Store

    numbers = np.random.default_rng(3)
    with Store(folder / "home/store") as store:
        store.put(
            StoredOutput(key=numbers.bytes(16).hex(), numbers=tuple(numbers.random(4)))
            for _ in range(ROWS)
        )
        store.table.sync()


def _damage(database: Path, draw: random.Random) -> None:
    """Overwrite a part of the database: its first page, or a page elsewhere."""
    content = bytearray(database.read_bytes())
    place = draw.choice((0, draw.randrange(4096, len(content) - 4096)))
    content[place : place + 4096] = draw.randbytes(4096)
    database.write_bytes(content)


def _rows(folder: Path) -> set[tuple[Any, ...]]:
    link = sqlite3.connect(folder / "home/store/answers.sqlite")
    try:
        return set(link.execute("SELECT * FROM answers"))
    finally:
        link.close()


if __name__ == "__main__":
    main()
