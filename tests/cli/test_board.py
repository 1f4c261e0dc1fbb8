"""`bench board`: exit status 1 if a run is left out, 2 for a user error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Bench
from tests.unit.reports.board.made import make


@pytest.fixture
def runs(bench: Bench) -> None:
    """Two runs, and a folder that is none."""
    make(Path("one"), {"telea": 0.7})
    make(Path("two"), {"telea": 0.7}, buckets=("30-40",))
    Path("none").mkdir()


@pytest.mark.usefixtures("runs")
def test_it_names_the_page(bench: Bench) -> None:
    done = bench("board", "one", "two", "--out", "site")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"2 runs in 2 sections\nBoard: {Path('site/index.html')}\n"
    assert Path("site/index.html").is_file()


@pytest.mark.usefixtures("runs")
def test_a_run_that_is_left_out_gives_status_1(bench: Bench) -> None:
    done = bench("board", "one", "none", "--out", "site", "--json")
    assert done.exit_code == 1, done.output
    found = json.loads(done.stdout)
    assert found["runs"] == ["one"]
    assert found["left_out"] == [
        {"run": "none", "reason": "none: not a run folder (plan.toml is missing)", "twice": False}
    ]
    done = bench("board", "one", "no\nBoard: such", "--out", "site")
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == [
        "Left out", "1 run in 1 section", "Board",
    ]  # fmt: skip
    done = bench("board", "one", "one", "--out", "site")
    assert done.exit_code == 0, done.output
    assert "the same run as 'one' (equal files); shown once" in done.stdout


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("none", "--out", "site"), "no run can be shown: none: not a run folder"),
        (("one", "--out", "two"), "a folder that 'bench board' did not write"),
        (("one", "--out", "one/site/../.."), "contains the run"),
    ],
)
def test_mistakes_are_one_line(bench: Bench, words: tuple[str, ...], said: str) -> None:
    done = bench("board", *words)
    assert done.exit_code == 2, done.output
    assert said in done.stderr.splitlines()[-1]
    assert not Path("site").exists()
