"""Mutation tests: break the code one line at a time and check that a test fails.

Each entry of mutations.toml changes one text of one file in a copy of the project and names the
tests that must fail. A surviving mutation is a gap in the tests. First the same tests run on the
unchanged copy, as a test that fails anyway would detect every mutation. Equivalent mutations, which
change no output, are listed with a proof and not run. Tests run in children that are forked after
the slow imports.
"""

from __future__ import annotations

import argparse
import importlib
import os
import shutil
import sys
import tempfile
import time
import tomllib
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LIST = Path(__file__).with_suffix(".toml")
LIMIT = 300  # seconds for one test, after which it counts as failed
TIMED_OUT = "from pytest-timeout"
PYTEST = (
    "-x", "-q", "--assert=plain", "-pno:cacheprovider", "-pno:hypothesispytest", "-o",
    f"timeout={LIMIT}",
)  # fmt: skip
SLOW = (
    "cv2", "hypothesis", "numpy", "pandas", "PIL.Image", "pydantic", "safetensors.torch",
    "scipy.ndimage", "scipy.stats", "skimage.metrics", "sklearn.metrics", "torch", "typer.testing",
)  # fmt: skip
LEFT_OUT = shutil.ignore_patterns(".*", "__pycache__", "build", "dist", "site", "shared")
PASSED, FAILED = 0, 1  # exit statuses of pytest; any other means that no test ran


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """A change of one text of one file.

    Attributes:
        name: what is broken.
        file: the file, from the project's root.
        old: the text, which occurs once.
        new: its replacement.
        tests: the tests that must fail, as arguments of pytest.
        proof: why it changes no output, or "" if tests must fail.
    """

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...] = ()
    proof: str = ""

    def applied(self, text: str) -> str:
        """Return the text of the file with the change.

        Raises:
            ValueError: if the old text does not occur exactly once.
        """
        found = text.count(self.old)
        if found != 1 or self.old == self.new:
            raise ValueError(f"{self.file}: has it {found} times, expected once: {self.old}")
        return text.replace(self.old, self.new)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """The outcome of a mutation.

    Attributes:
        mutation: the mutation.
        status: "killed", "killed (time limit)", "survived" or "error".
        seconds: time of its tests.
        said: last output of pytest, if there was an error.
    """

    mutation: Mutation
    status: str
    seconds: float
    said: str = ""


@dataclass(slots=True)
class Copy:
    """A copy of the project in which one child at a time runs tests.

    Attributes:
        tree: the folder.
        log: output of the child.
        mutation: the present change, or None.
        began: start time of its tests, in seconds.
    """

    tree: Path
    log: Path
    mutation: Mutation | None = None
    began: float = 0.0

    @classmethod
    def of(cls, root: Path, folder: Path) -> Copy:
        """Copy a project into a folder."""
        shutil.copytree(root, folder / "tree", ignore=LEFT_OUT, symlinks=True)
        return cls(folder / "tree", folder / "log")

    def begin(self, mutation: Mutation, number: int) -> int:
        """Change the copy and start its tests; return the process ID of the child.

        Args:
            mutation: the change.
            number: a different one for each mutation, so that compiled files are seen to be old.
        """
        place = self.tree / mutation.file
        text, changed = place.read_text(encoding="utf-8"), place.stat().st_mtime
        place.with_suffix(".kept").write_text(text, encoding="utf-8")
        place.write_text(mutation.applied(text), encoding="utf-8")
        os.utime(place, (changed, changed + 1 + number))
        self.mutation, self.began = mutation, time.perf_counter()
        return start_tests(self, mutation.tests)

    def end(self, status: int) -> Result:
        """Revert the change after its tests have ended with an exit status of pytest."""
        mutation, said = self.mutation, self.log.read_text(encoding="utf-8", errors="replace")
        if mutation is None:
            raise RuntimeError("no mutation is being tried")
        place = self.tree / mutation.file
        place.with_suffix(".kept").replace(place)
        self.mutation = None
        word = {PASSED: "survived", FAILED: "killed"}.get(status, "error")
        return Result(
            mutation=mutation,
            status="killed (time limit)" if word == "killed" and TIMED_OUT in said else word,
            seconds=time.perf_counter() - self.began,
            said=f"status {status}: {said[-1500:]}" if word == "error" else "",
        )


def start_tests(copy: Copy, tests: Sequence[str]) -> int:
    """Fork a child that runs tests of a copy up to the first failure; return its process ID."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    status = 3
    try:
        with copy.log.open("w") as log:
            os.dup2(log.fileno(), 1)
            os.dup2(log.fileno(), 2)
        os.chdir(copy.tree)
        os.environ["PYTHONPATH"] = sys.path[0] = str(copy.tree)
        status = int(pytest.main([*PYTEST, *tests]))
    except BaseException:  # noqa: BLE001 (it must not go on as the parent)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


def read_list(path: Path = LIST) -> tuple[list[Mutation], list[Mutation]]:
    """Return the mutations to run, and the equivalent ones."""
    content = tomllib.loads(path.read_text(encoding="utf-8"))
    listed = [Mutation(**{**one, "tests": tuple(one["tests"])}) for one in content["mutation"]]
    equivalent = [Mutation(**one) for one in content.get("equivalent", ())]
    return listed, equivalent


def misfits(mutations: Sequence[Mutation], root: Path = ROOT) -> Iterator[str]:
    """Return entries that do not fit the code: texts that do not occur once, missing tests."""
    for one in mutations:
        try:
            one.applied((root / one.file).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            yield f"{one.name}: {error}"
        for test in one.tests:
            if not (root / test.partition("::")[0]).exists():
                yield f"{one.name}: no tests at {test}"


def control(mutations: Sequence[Mutation], copy: Copy) -> str:
    """Run all tests on an unchanged copy: return "" if they pass, else the output."""
    tests = {test for one in mutations for test in one.tests}
    child = start_tests(copy, sorted(one for one in tests if one.partition("::")[0] not in tests
                                     or "::" not in one))  # fmt: skip
    _, status = os.waitpid(child, 0)
    return copy.log.read_text(encoding="utf-8", errors="replace")[-3000:] if status else ""


def run_all(mutations: Sequence[Mutation], copies: Sequence[Copy]) -> Iterator[Result]:
    """Yield the results as they come, with one child per copy."""
    free, running = list(copies), dict[int, Copy]()
    waiting = list(enumerate(mutations))[::-1]
    while waiting or running:
        while waiting and free:
            number, mutation = waiting.pop()
            copy = free.pop()
            running[copy.begin(mutation, number)] = copy
        child, status = os.wait()
        copy = running.pop(child)
        free.append(copy)
        yield copy.end(os.waitstatus_to_exitcode(status))


def main() -> None:
    """Print the outcome of each mutation; exit with status 1 if one survived or does not fit."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="only those with TEXT in name or file"
    )
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="number of parallel jobs")
    parser.add_argument("--list", action="store_true", help="print the mutations and run nothing")
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
    sys.exit(not tell(listed, equivalent, max(1, words.jobs)))


def tell(listed: Sequence[Mutation], equivalent: Sequence[Mutation], jobs: int) -> bool:
    """Run and print the mutations; return whether all were detected."""
    start = time.perf_counter()
    counts: Counter[str] = Counter()
    os.environ["OMP_NUM_THREADS"] = "1"
    for name in SLOW:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory(prefix="mutations-") as folder:
        copies = [Copy.of(ROOT, Path(folder) / str(number)) for number in range(jobs)]
        said = control(listed, copies[0])
        if said:
            print(f"the tests fail on the unchanged copy:\n{said}")
            return False
        print(f"the tests pass on the unchanged copy ({time.perf_counter() - start:.0f} s)")
        for one in run_all(listed, copies):
            counts[one.status] += 1
            print(f"{one.status:9}{one.seconds:6.1f} s  {one.mutation.file}: {one.mutation.name}")
            print(one.said, end="\n" if one.said else "", flush=True)
    figures = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    print(f"{len(listed)} mutations: {figures}; {len(equivalent)} equivalent, not run; "
          f"{time.perf_counter() - start:.0f} s")  # fmt: skip
    return all(status.startswith("killed") for status in counts)


if __name__ == "__main__":
    main()
