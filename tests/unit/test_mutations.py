"""The mutation runner on a toy project; its list fits the code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.mutations import Mutation, misfits, read_list

PROGRAM = Path(__file__).resolve().parents[2] / "benchmarks" / "mutations.py"
CODE = "def double(number):\n    return 2 * number\n\n\ndef unseen():\n    return 1\n"
TESTS = "from toy import double\n\n\ndef test_double():\n    assert double(3) == 6\n"


def mutation(name: str, old: str, new: str, *tests: str, file: str = "toy.py") -> Mutation:
    return Mutation(name=name, file=file, old=old, new=new, tests=tests or ("test_toy.py",))


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    """A project with the program in it, a module, and a test of one of its two functions."""
    folder = tmp_path / "project"
    (folder / "benchmarks").mkdir(parents=True)
    program = PROGRAM.read_text()
    assert "for name in SLOW:" in program  # the toy needs none of those imports
    program = program.replace("for name in SLOW:", "for name in ():")
    (folder / "benchmarks" / "mutations.py").write_text(program)
    (folder / "toy.py").write_text(CODE)
    (folder / "test_toy.py").write_text(TESTS)
    return folder


def play(toy: Path, *mutations: Mutation, words: tuple[str, ...] = ()) -> tuple[int, list[str]]:
    """Run the program on a list of its own: its exit status, and its lines."""
    parts = ("name", "file", "old", "new", "proof")
    text = ""
    for one in mutations:
        text += "[[equivalent]]\n" if one.proof else "[[mutation]]\n"
        text += "".join(f"{part} = '''{getattr(one, part)}'''\n" for part in parts)
        text += "" if one.proof else f"tests = {list(one.tests)}\n"
    (toy / "benchmarks" / "mutations.toml").write_text(text)
    command = [sys.executable, str(toy / "benchmarks" / "mutations.py"), *words]
    done = subprocess.run(command, cwd=toy, capture_output=True, text=True, check=False)
    assert not done.stderr
    assert (toy / "toy.py").read_text() == CODE  # copies are changed, never the project
    assert sorted(path.name for path in toy.iterdir()) == ["benchmarks", "test_toy.py", "toy.py"]
    return done.returncode, done.stdout.splitlines()


def test_what_a_test_notices_is_killed_and_what_none_does_survives(toy: Path) -> None:
    proof = Mutation(name="same", file="toy.py", old="2 * number", new="number * 2", proof="It is.")
    status, lines = play(
        toy,
        mutation("three", "2 * number", "3 * number"),
        mutation("one more", "return 1", "return 2"),
        mutation("four", "2 * number", "4 * number"),
        mutation("no code", "2 * number", "2 *"),  # no test can judge it
        proof,
        words=("--jobs", "2"),
    )
    assert status == 1
    statuses = {line.rpartition(": ")[2]: line.split()[0] for line in lines if " s  toy.py" in line}
    expected = {"three": "killed", "one more": "survived", "four": "killed", "no code": "error"}
    assert statuses == expected
    assert any("SyntaxError" in line for line in lines)
    assert lines[0].startswith("the tests pass on the unchanged copy")
    assert lines[-1].startswith("4 mutations: 1 error, 2 killed, 1 survived; 1 equivalent, not run")


def test_only_killed_ones_are_a_success_and_an_endless_test_is_one_of_them(toy: Path) -> None:
    program = toy / "benchmarks" / "mutations.py"
    program.write_text(program.read_text().replace("LIMIT = 300 ", "LIMIT = 5 "))
    endless = mutation("endless", "return 2 * number", "\n    while True: number += 1")
    status, lines = play(toy, mutation("one more", "return 1", "return 2"), endless)
    assert status == 1
    status, lines = play(toy, endless, mutation("four", "2 * number", "4 * number"))
    assert status == 0
    assert lines[-1].startswith("2 mutations: 1 killed, 1 killed (time limit);")
    status, lines = play(toy, endless, mutation("four", "2 *", "4 *"), words=("--only", "four"))
    assert (status, len(lines)) == (0, 3)


def test_a_test_that_fails_anyway_kills_nothing(toy: Path) -> None:
    (toy / "test_toy.py").write_text(TESTS.replace("6", "7"))
    status, lines = play(toy, mutation("three", "2 * number", "3 * number"))
    assert status == 1
    assert lines[0] == "the tests fail on the unchanged copy:"


def test_what_does_not_fit_is_named_and_nothing_is_run(toy: Path) -> None:
    status, lines = play(
        toy,
        mutation("three", "2 * number", "3 * number"),
        mutation("none", "no such text", "anything"),
        mutation("two", "return", "yield"),
        mutation("no change", "return 1", "return 1"),
        mutation("no test", "return 1", "return 2", "test_gone.py::test_it"),
        mutation("no file", "a", "b", file="gone.py"),
    )
    assert status == 1
    assert [line.partition(":")[0] for line in lines] == [
        "none", "two", "no change", "no test", "no file",
    ]  # fmt: skip
    assert "toy.py: has it 0 times, expected once: no such text" in lines[0]
    assert "toy.py: has it 2 times" in lines[1]
    assert "no tests at test_gone.py::test_it" in lines[3]
    status, lines = play(toy, mutation("three", "2 *", "3 *"), words=("--list",))
    assert (status, lines) == (0, ["toy.py: three"])


def test_the_list_fits_the_code() -> None:
    """Every text occurs exactly once and every test is there, so the list cannot rot."""
    listed, equivalent = read_list()
    assert list(misfits([*listed, *equivalent])) == []
    assert len(listed) >= 60
    assert all(one.tests and not one.proof for one in listed)
    assert all(one.proof.endswith(".") for one in equivalent)
    names = [one.name for one in (*listed, *equivalent)]
    assert len(set(names)) == len(names)
