"""The mutation runner on a toy, and whether its list still fits the code."""

from __future__ import annotations

import queue
from pathlib import Path

import pytest

from benchmarks.mutations import (
    LIST,
    Mutation,
    Result,
    control,
    copies,
    misfits,
    read_list,
    run_all,
    try_out,
)

CODE = "def double(number):\n    return 2 * number\n\n\ndef unseen():\n    return 1\n"
TESTS = "from toy import double\n\n\ndef test_double():\n    assert double(3) == 6\n"


def mutation(old: str, new: str, *tests: str) -> Mutation:
    return Mutation(name=new, file="toy.py", old=old, new=new, tests=tests or ("test_toy.py",))


@pytest.fixture
def toy(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "toy.py").write_text(CODE)
    (folder / "test_toy.py").write_text(TESTS)
    (folder / ".hidden").touch()
    return folder


def held(tree: Path) -> queue.Queue[Path]:
    free: queue.Queue[Path] = queue.Queue()
    free.put(tree)
    return free


def test_what_a_test_notices_is_killed_and_what_none_does_survives(toy: Path) -> None:
    mutations = [
        mutation("2 * number", "3 * number"),
        mutation("return 1", "return 2"),
        mutation("2 * number", "4 * number"),
        mutation("no such text", "anything"),
        mutation("return", "yield"),  # there twice
        mutation("2 * number", "2 *"),  # no test can run
        mutation("2 * number", "5 * number", "test_gone.py"),
    ]
    results = {one.mutation.new: one for one in run_all(mutations, held(toy), 1)}
    statuses = {new: one.status for new, one in results.items()}
    assert statuses == {
        "3 * number": "killed",
        "return 2": "survived",
        "4 * number": "killed",
        "anything": "error",
        "yield": "error",
        "2 *": "error",
        "5 * number": "error",
    }
    assert "toy.py: has it 0 times, expected once" in results["anything"].said
    assert "toy.py: has it 2 times" in results["yield"].said
    assert [one.status for one in results.values() if one.good] == ["killed", "killed"]
    assert (toy / "toy.py").read_text() == CODE


def test_tests_that_do_not_end_are_killed_and_it_is_said(toy: Path) -> None:
    endless = mutation("return 2 * number", "\n    while True: number += 1")
    assert try_out(endless, toy, 0, limit=8).status == "killed (time limit)"
    assert Result(mutation=endless, status="killed (time limit)").good
    assert (toy / "toy.py").read_text() == CODE


def test_tests_that_fail_anyway_kill_nothing(toy: Path) -> None:
    mutations = [mutation("2 * number", "3 * number")]
    assert control(mutations, held(toy)) == ""
    (toy / "test_toy.py").write_text(TESTS.replace("6", "7"))
    assert "pytest ended with status 1" in control(mutations, held(toy))


def test_only_copies_are_changed(toy: Path) -> None:
    with copies(2, toy) as free:
        one, other = free.get(), free.get()
        (one / "toy.py").write_text("")
        assert sorted(path.name for path in other.iterdir()) == ["test_toy.py", "toy.py"]
        assert (other / "toy.py").read_text() == (toy / "toy.py").read_text() == CODE
    assert not one.exists()


def test_the_list_fits_the_code() -> None:
    """Every text occurs exactly once and every test is there, so the list cannot rot."""
    listed, equivalent = read_list()
    assert list(misfits([*listed, *equivalent])) == []
    assert len(listed) >= 60
    assert all(one.tests and not one.proof for one in listed)
    assert all(one.proof.endswith(".") for one in equivalent)
    names = [one.name for one in (*listed, *equivalent)]
    assert len(set(names)) == len(names)


def test_what_does_not_fit_is_named(toy: Path) -> None:
    wrong = [
        mutation("no such text", "anything"),
        mutation("return 1", "return 1"),
        mutation("return 1", "return 2", "test_gone.py::test_it"),
        Mutation(name="gone", file="gone.py", old="a", new="b", tests=("test_toy.py",)),
    ]
    said = list(misfits(wrong, toy))
    assert [line.partition(":")[0] for line in said] == ["anything", "return 1", "return 2", "gone"]
    assert "no tests at test_gone.py::test_it" in said[2]
    assert LIST.name == "mutations.toml"
