"""Break the code on purpose, a line at a time, and see whether a test notices.

Each entry of mutations.toml changes one text of one file in a copy of the project and names the
tests that have to fail then. A survivor is a gap in the tests. Before that the same tests run on
the unchanged copy: a test that fails anyway would kill every mutation. Equivalent mutations, which
change no answer, stand in the list with the proof and are not run.
"""

from __future__ import annotations

import argparse
import os
import queue
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_suffix(".toml")
LIMIT = 300.0  # seconds; tests that then still run on a broken copy count as failed
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "site", "shared")
FAILED, PASSED = 1, 0  # of pytest's exit statuses; any other says that no test has run


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A change of one text of one file.

    Attributes:
        name: what is broken.
        file: the file, from the project's root.
        old: the text, which occurs once.
        new: what takes its place.
        tests: the tests that have to notice, as pytest's arguments.
        proof: why it changes no answer, or "" where tests have to notice.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()
    proof: str = ""

    def applied(self, text: str) -> str:
        """The file's text with the change.

        Raises:
            ValueError: if the old text does not occur exactly once.
        """
        found = text.count(self.old)
        if found != 1 or self.old == self.new:
            raise ValueError(f"{self.file}: has it {found} times, expected once: {self.old}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a mutation.

    Attributes:
        mutation: which one.
        status: "killed", "killed (time limit)", "survived" or "error".
        seconds: that its tests took.
        said: what was wrong with an error.
    """

    mutation: Mutation
    status: str
    seconds: float = 0.0
    said: str = ""

    @property
    def good(self) -> bool:
        """Whether a test noticed."""
        return self.status.startswith("killed")


def read_list(path: Path = LIST) -> tuple[list[Mutation], list[Mutation]]:
    """The mutations to run, and those that are equivalent."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    listed = [Mutation(**{**one, "tests": tuple(one["tests"])}) for one in content["mutation"]]
    equivalent = [Mutation(**one) for one in content.get("equivalent", ())]
    return listed, equivalent


def misfits(mutations: Sequence[Mutation], root: Path = ROOT) -> Iterator[str]:
    """What does not fit the present code: texts that do not occur once, tests that are gone."""
    for one in mutations:
        try:
            one.applied((root / one.file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            yield f"{one.name}: {error}"
        for test in one.tests:
            if not (root / test.partition("::")[0]).exists():
                yield f"{one.name}: no tests at {test}"


@contextmanager
def copies(count: int, root: Path = ROOT) -> Iterator[queue.Queue[Path]]:
    """So many copies of the project, to be taken and put back; the original stays as it is."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        free: queue.Queue[Path] = queue.Queue()
        for number in range(count):
            place = Path(folder) / str(number) / root.name
            shutil.copytree(root, place, ignore=LEFT_OUT, symlinks=True)
            free.put(place)
        yield free


def run_tests(tree: Path, tests: Sequence[str], limit: float) -> subprocess.CompletedProcess[str]:
    """Run tests of a copy, up to the first that fails.

    Raises:
        TimeoutExpired: if they take longer than the limit, in seconds.
    """
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    surroundings = {**os.environ, "PYTHONPATH": str(tree), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=tree, env=surroundings, capture_output=True, text=True, check=False,
        timeout=limit,
    )  # fmt: skip


def try_out(mutation: Mutation, tree: Path, number: int, limit: float = LIMIT) -> Result:
    """Change a copy, run the tests, and change it back.

    Args:
        mutation: what to change.
        tree: the copy.
        number: another for each mutation, by which a compiled file shows that it is out of date.
        limit: seconds for the tests.
    """
    place = tree / mutation.file
    start = time.perf_counter()
    whole, kept = place.read_bytes(), place.stat()
    try:
        place.write_text(mutation.applied(whole.decode()), encoding="utf-8")
        os.utime(place, (kept.st_atime, kept.st_mtime + 1 + number))
        done = run_tests(tree, mutation.tests, limit)
    except ValueError as error:
        return Result(mutation=mutation, status="error", said=str(error))
    except subprocess.TimeoutExpired:
        return Result(mutation=mutation, status="killed (time limit)", seconds=limit)
    finally:
        place.write_bytes(whole)
        os.utime(place, (kept.st_atime, kept.st_mtime))
    status = {FAILED: "killed", PASSED: "survived"}.get(done.returncode, "error")
    said = _end_of(done) if status == "error" else ""
    seconds = time.perf_counter() - start
    return Result(mutation=mutation, status=status, seconds=seconds, said=said)


def _end_of(done: subprocess.CompletedProcess[str]) -> str:
    return f"pytest ended with status {done.returncode}: {(done.stdout + done.stderr)[-1500:]}"


def control(mutations: Sequence[Mutation], free: queue.Queue[Path]) -> str:
    """Run all their tests on an unchanged copy: "" where they pass, else what was said."""
    tree = free.get()
    tests = sorted({test for one in mutations for test in one.tests})
    whole = [test for test in tests if test.partition("::")[0] == test or
             test.partition("::")[0] not in tests]  # fmt: skip
    done = run_tests(tree, whole, LIMIT * max(1, len(whole)))
    free.put(tree)
    return "" if done.returncode == PASSED else _end_of(done)


def run_all(mutations: Sequence[Mutation], free: queue.Queue[Path], jobs: int) -> Iterator[Result]:
    """The results, as they come."""

    def work(number: int) -> Result:
        tree = free.get()
        try:
            return try_out(mutations[number], tree, number)
        finally:
            free.put(tree)

    with ThreadPoolExecutor(jobs) as pool:
        for future in as_completed([pool.submit(work, number) for number in range(len(mutations))]):
            yield future.result()


def main() -> None:
    """Print what became of each mutation; status 1 where one survived or does not fit the code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="TEXT", help="those with it in name or file")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="so many at once")
    parser.add_argument("--list", action="store_true", help="print them and run nothing")
    words = parser.parse_args()
    listed, equivalent = (
        [one for one in some if words.only in one.name or words.only in one.file]
        for some in read_list()
    )
    wrong = list(misfits([*listed, *equivalent]))
    if words.list:
        for one in (*listed, *equivalent):
            print(f"{one.file}: {one.name}" + (f" (equivalent: {one.proof})" if one.proof else ""))
    if wrong or words.list:
        print(*wrong, sep="\n", end="\n" if wrong else "")
        sys.exit(bool(wrong))
    sys.exit(not tell(listed, equivalent, words.jobs))


def tell(listed: Sequence[Mutation], equivalent: Sequence[Mutation], jobs: int) -> bool:
    """Run and print them; whether none is left over."""
    start = time.perf_counter()
    counts: Counter[str] = Counter()
    with copies(jobs) as free:
        said = control(listed, free)
        if said:
            print(f"the tests fail on the unchanged copy; {said}")
            return False
        print(f"the tests pass on the unchanged copy ({time.perf_counter() - start:.0f} s)")
        for one in run_all(listed, free, jobs):
            counts[one.status] += 1
            print(f"{one.status:9}{one.seconds:6.1f} s  {one.mutation.file}: {one.mutation.name}")
            print(one.said, end="\n" if one.said else "", flush=True)
    figures = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    print(f"{len(listed)} mutations: {figures}; {len(equivalent)} equivalent, not run; "
          f"{time.perf_counter() - start:.0f} s")  # fmt: skip
    return all(status.startswith("killed") for status in counts)


if __name__ == "__main__":
    main()
