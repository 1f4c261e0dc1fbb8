"""`bench export`: files, what is left out, and mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Bench
from tests.unit.reports.exports.made import made


def test_it_names_its_files_and_what_is_left_out(bench: Bench) -> None:
    made(Path("run"), absent=("safepaint",))
    result = bench("export", "run", "--format", "model-index", "--out", "cards")
    assert result.exit_code == 0, result.output
    assert result.stdout == "Written: cards/telea.md\n"
    assert result.stderr == "safepaint: 3 of its numbers left out (no weights here).\n"
    again = bench("export", "run", "--format", "every-eval-ever", "--out", "logs", "--json")
    document = json.loads(again.stdout)
    assert len(document["files"]) == len(document["left_out"]) == 1


def _shard(run: Path) -> None:
    path = run / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "shard": "1/2"}))


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gone", "--out", "new"), "gone: no such folder"),
        (("run", "--out", "there"), "there: exists already, and is not overwritten"),
        (("shard", "--out", "new"), "shard 1/2 of a run, whose numbers are of a part"),
        (("begun", "--out", "new"), "begun: the run has not ended"),
        (("authentic", "--out", "new"), "no number of any model"),
        (("changed", "--out", "new"), "results.csv"),
    ],
)
def test_mistakes_are_one_line_and_leave_nothing(
    bench: Bench, words: tuple[str, ...], said: str
) -> None:
    for name in ("run", "shard", "begun", "changed"):
        made(Path(name))
    made(Path("authentic"), inpainters=("original",))
    _shard(Path("shard"))
    Path("begun/record.json").unlink()
    Path("changed/results.csv").write_text("dataset\n", encoding="utf-8")
    Path("there").mkdir()
    result = bench("export", *words, "--format", "every-eval-ever")
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert said in line
    assert not Path("new").exists()
