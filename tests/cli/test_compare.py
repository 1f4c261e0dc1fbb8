"""`bench compare` and `bench report --compare`: status 1 beyond a limit, 2 for a user error."""

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


@pytest.mark.usefixtures("runs")
def test_the_short_name_does_the_same(bench: Bench) -> None:
    words = ("before", "after", "--fail-on", "auc:+0.01")
    short, long = bench("compare", *words), bench("report", "--compare", *words)
    assert (short.exit_code, short.output) == (long.exit_code, long.output)
    bench("compare", *words, "--out", "page.html")
    assert "<!doctype html>" in Path("page.html").read_text().lower()


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("style", "beginning"), [("github", "### SafePaint Bench: 9 cells"), ("junit", "<?xml ")]
)
def test_a_document_is_printed_or_written(bench: Bench, style: str, beginning: str) -> None:
    words = ("before", "after", "--fail-on", "auc:+0.01", "--format", style)
    printed = bench("compare", *words)
    assert printed.exit_code == 1
    assert printed.stdout.startswith(beginning)
    assert not Path("after/compare.html").exists()
    written = bench("report", "--compare", *words, "--out", "new.txt")
    assert written.exit_code == 1
    assert written.stdout.endswith("Written: new.txt\n")
    assert "Worst image: image 0, safepaint on trufor: auc" in written.stdout
    assert Path("new.txt").read_text().startswith(beginning)


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--images", "worst"), "--images requires --format github"),
        (("--format", "junit", "--json"), "--json cannot be combined with --format junit"),
        (("--format", "junit", "--out", "before"), "--out before: a folder"),
        (("--out", "after/results.csv"), "--out after/results.csv: a file of the run"),
        (("--format", "junit", "--out", "after/plan.toml/x.xml"), "cannot make this folder"),
    ],
)
def test_outputs_that_cannot_be(bench: Bench, words: tuple[str, ...], said: str) -> None:
    before = Path("after/results.csv").read_bytes()
    result = bench("compare", "before", "after", *words)
    assert result.exit_code == 2, result.output
    (line,) = result.stderr.splitlines()
    assert said in line
    assert Path("after/results.csv").read_bytes() == before


@pytest.mark.usefixtures("runs")
def test_report_without_compare_has_no_formats(bench: Bench) -> None:
    result = bench("report", "before", "--format", "github")
    assert result.exit_code == 2
    assert "require --compare A B" in result.stderr
