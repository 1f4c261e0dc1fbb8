"""`bench report --compare`: exit status 1 beyond a limit, 2 for a user error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Bench
from tests.unit.reports.runs import Made


@pytest.fixture
def runs(bench: Bench) -> None:
    """Two runs, the second of them worse."""
    Made(value=lambda *_: 0.5).write(Path("before"))
    Made(value=lambda *_: 0.52).write(Path("after"))


@pytest.mark.usefixtures("runs")
def test_a_limit_that_is_passed_names_its_cells(bench: Bench) -> None:
    result = bench("report", "--compare", "before", "after", "--fail-on", "auc:+0.01")
    assert result.exit_code == 1, result.output
    failed = [line for line in result.stdout.splitlines() if line.startswith("Failed: ")]
    assert len(failed) == 9
    assert "safepaint on trufor: auc (samples 10-20 %) moved by +0.020000" in failed[0]


@pytest.mark.usefixtures("runs")
def test_without_a_limit_it_only_tells(bench: Bench) -> None:
    result = bench("report", "--compare", "before", "after")
    assert result.exit_code == 0, result.output
    assert "+0.0200" in result.stdout
    assert bench("report", "--compare", "before", "after", "--fail-on", "auc:+0.03").exit_code == 0


@pytest.mark.usefixtures("runs")
def test_json_is_one_document(bench: Bench) -> None:
    result = bench("report", "--compare", "before", "after", "--fail-on", "psnr:+0.01", "--json")
    assert result.exit_code == 1
    document = json.loads(result.stdout)
    assert len(document["failures"]) == 9
    assert document["cells"][0]["verdict"] == "not tested"
    assert document["cells"][0]["reason"].startswith("p below 0.05 cannot be reached with 6 images")


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("before", "gone"), "gone: no such folder"),
        (("before", "other"), "different images or masks"),
        (("before", "after", "--fail-on", "aucc:+1"), "no 'aucc' in these runs"),
        (("before", "after", "--fail-on", "auc"), "expected METRIC:+NUMBER"),
    ],
)
def test_mistakes_are_one_line(bench: Bench, words: tuple[str, ...], said: str) -> None:
    Made(samples=3).write(Path("other"))
    result = bench("report", "--compare", *words)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert said in line
