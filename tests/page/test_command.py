"""`bench report` on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from tests.page.conftest import Made
from tests.page.test_contents import forget_sum


@pytest.fixture(autouse=True)
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip drawing the figures: it takes most of the time and is tested elsewhere."""
    monkeypatch.setattr("reports.figures.files.write_figures", lambda *_: ())


def bench(*words: object) -> Any:
    return CliRunner().invoke(app, ["report", *(str(word) for word in words)])


def test_it_names_the_page_it_wrote(copied: Made) -> None:
    done = bench(copied.folder, "--store", copied.store)
    assert done.exit_code == 0, done.output
    assert done.stdout == f"Report: {copied.folder / 'index.html'}\n"
    assert (copied.folder / "index.html").stat().st_size > 10_000


def test_the_newest_run_is_the_default(
    copied: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    copied.folder.rename(tmp_path / "runs" / "one")
    monkeypatch.chdir(tmp_path)
    done = bench("--store", copied.store)
    assert done.stdout == f"Report: {Path('runs/one/index.html')}\n"


def test_comparing_a_run_with_itself_moves_nothing(made: Made, copied: Made) -> None:
    done = bench("--compare", made.folder, copied.folder, "--fail-on", "auc:+0.01")
    assert done.exit_code == 0, done.output
    assert " none changed" in done.stdout
    assert (copied.folder / "compare.html").is_file()


def test_what_moved_too_far_gives_status_1(made: Made, copied: Made) -> None:
    path = copied.folder / "results.csv"
    rows = path.read_text(encoding="utf-8").splitlines(keepends=True)
    wanted = next(row for row in rows if ",telea,,10-20,auc," in row)
    moved = wanted.split(",")
    moved[7] = "0.999999"
    path.write_text("".join(rows).replace(wanted, ",".join(moved)), encoding="utf-8")
    forget_sum(copied.folder, "results.csv")
    done = bench("--compare", made.folder, copied.folder, "--fail-on", "auc:+0.01")
    assert done.exit_code == 1
    assert done.stdout.count("Failed: telea") == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["gone"], "gone: no such folder"),
        (["--fail-on", "auc:+0.01"], "--images require --compare A B"),
        (["here", "--compare", "a", "b"], "--compare A B cannot be combined"),
        (["--compare", "gone", "gone"], "gone: no such folder"),
        ([], "no run below runs/"),
    ],
)
def test_a_mistake_is_one_line(
    words: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = bench(*words)
    assert done.exit_code == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1
    assert not any(tmp_path.glob("*.html"))
