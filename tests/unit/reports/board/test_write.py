"""The site: which folders it replaces, what is left out, and names that are HTML."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.core.errors import DataError, OutputError
from reports.board.names import slug
from reports.board.write import write_board
from tests.unit.reports.board.made import make, sources

VALUES = {"telea": 0.7, "lama": 0.6}
HARMFUL = "<script>alert(1)<"


def board_data(page: Path) -> dict[str, object]:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="board-data">(.*?)</script>', text)
    assert found
    return json.loads(found[1])


def test_it_writes_a_site_that_needs_no_network(tmp_path: Path) -> None:
    made = write_board([make(tmp_path / "one", VALUES)], tmp_path / "site")
    site = tmp_path / "site"
    assert made.page == site / "index.html"
    assert {path.name for path in site.iterdir()} >= {"style.css", "script.js", "board.json"}
    assert len(list(site.glob("inpainters/*.html"))) == 2
    assert len(list(site.glob("detectors/*.html"))) == 1
    data = board_data(made.page)
    (section,) = data["sections"]  # type: ignore[misc]
    assert section["scopes"]["||"]["rows"][0][0][:6] == [7003, 7001, 7004, 5003, 2000, 2]
    for page in site.rglob("*.html"):
        text = page.read_text(encoding="utf-8")
        assert not re.search(r'(src|href)="https?://(?!arxiv|openaccess|doi|github)', text), page
        for link in re.findall(r'href="(?!data:|https?:|#)([^"#]+)', text):
            assert (page.parent / link).exists(), f"{page}: {link}"


def test_a_report_beside_a_run_is_linked(tmp_path: Path) -> None:
    folder = make(tmp_path / "one & two", VALUES)
    (folder / "index.html").write_text("a report", encoding="utf-8")
    write_board([folder], tmp_path / "site")
    (page,) = (tmp_path / "site" / "runs").glob("*.html")
    assert 'href="../../one%20%26%20two/index.html"' in page.read_text(encoding="utf-8")


def test_an_earlier_board_is_replaced_and_nothing_else(tmp_path: Path) -> None:
    one = make(tmp_path / "one", VALUES)
    write_board([one], tmp_path / "site")
    old = {path.name for path in (tmp_path / "site" / "runs").iterdir()}
    write_board([make(tmp_path / "two", VALUES)], tmp_path / "site")
    assert {path.name for path in (tmp_path / "site" / "runs").iterdir()}.isdisjoint(old)
    (tmp_path / "site" / "mine.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"mine\.txt: not of this board"):
        write_board([one], tmp_path / "site")
    (tmp_path / "site" / "mine.txt").unlink()
    (tmp_path / "site" / "runs" / "mine").mkdir()
    write_board([one], tmp_path / "site")  # an empty folder is no loss
    (tmp_path / "site" / "runs" / "mine").mkdir()
    (tmp_path / "site" / "runs" / "mine" / "results.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match=r"results\.csv: not of this board"):
        write_board([one], tmp_path / "site")
    other = tmp_path / "other"
    other.mkdir()
    (other / "index.html").write_text("mine", encoding="utf-8")
    with pytest.raises(OutputError, match="'bench board' did not write"):
        write_board([one], other)
    assert (other / "index.html").read_text(encoding="utf-8") == "mine"
    (tmp_path / "link").symlink_to(tmp_path / "site")
    with pytest.raises(OutputError, match="is a link"):
        write_board([one], tmp_path / "link")
    with pytest.raises(OutputError, match="contains the run"):
        write_board([one], tmp_path)
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".draft")]


def test_an_interruption_between_the_renames_keeps_the_earlier_board(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = make(tmp_path / "one", VALUES)
    page = write_board([one], tmp_path / "site").page
    before, plain = page.read_bytes(), Path.rename

    def stopped(path: Path, target: Path) -> Path:
        if target.name == "site" and not target.exists() and (path / "board.json").exists():
            monkeypatch.undo()
            raise KeyboardInterrupt
        return plain(path, target)

    monkeypatch.setattr(Path, "rename", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_board([one], tmp_path / "site")
    assert page.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "site"]


def test_an_error_leaves_the_earlier_board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = make(tmp_path / "one", VALUES)
    page = write_board([one], tmp_path / "site").page
    before = page.read_bytes()

    def fail(*_: object) -> None:
        raise OutputError("no space")

    monkeypatch.setattr("reports.board.write.write_data", fail)
    with pytest.raises(OutputError, match="no space"):
        write_board([one], tmp_path / "site")
    assert page.read_bytes() == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".draft")]


def test_a_run_that_cannot_be_used_is_left_out_and_named(tmp_path: Path) -> None:
    good = make(tmp_path / "good", VALUES)
    damaged = make(tmp_path / "damaged", VALUES)
    path = damaged / "results.csv"
    path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8")
    running = make(tmp_path / "running", VALUES)
    (running / "record.json").unlink()
    shard = make(tmp_path / "shard", VALUES)
    record = json.loads((shard / "record.json").read_text(encoding="utf-8"))
    (shard / "record.json").write_text(json.dumps({**record, "shard": "1/2"}), encoding="utf-8")
    shutil.copytree(good, tmp_path / "copy")
    (tmp_path / "file.txt").write_text("text", encoding="utf-8")
    names = ("good", "damaged", "running", "shard", "copy", "gone", "file.txt")
    made = write_board([tmp_path / name for name in names], tmp_path / "site")
    assert made.runs == ("good",)
    reasons = {one.run: one.reason for one in made.left_out}
    assert "results.csv: damaged" in reasons["damaged"]
    assert "has not ended" in reasons["running"]
    assert "bench merge" in reasons["shard"]
    assert "the same run as 'good'" in reasons["copy"]
    assert "no such folder" in reasons["gone"]
    assert "file.txt" in reasons["file.txt"]
    text = made.page.read_text(encoding="utf-8")
    assert "6 runs left out" in text
    with pytest.raises(DataError, match="no run can be shown"):
        write_board([tmp_path / "damaged"], tmp_path / "site")


@pytest.mark.parametrize(
    ("number", "said"),
    [
        ("1e300", "value: Value error, expected a number up to 1e+15"),
        ("1.5", "damaged (auc of 1.5)"),
        ("nan", "expected a number, or nothing, got 'nan'"),
    ],
)
def test_a_number_that_the_metric_cannot_have(tmp_path: Path, number: str, said: str) -> None:
    folder = make(tmp_path / "run", VALUES)
    path = folder / "results.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub("(lama,,10-20,auc,)[0-9.]+", rf"\g<1>{number}", text), encoding="utf-8")
    found = sources(folder)
    assert said in found.left_out[0].reason
    assert str(tmp_path) not in found.left_out[0].reason


def test_runs_of_equal_names_are_numbered(tmp_path: Path) -> None:
    folders = [make(tmp_path / name / "run", VALUES, commit=name) for name in "ab"]
    assert [run.name for run in sources(*folders).runs] == ["run [1]", "run [2]"]


def test_a_name_that_is_html_is_only_text_and_no_file_name(tmp_path: Path) -> None:
    folder = make(tmp_path / HARMFUL, VALUES)
    plan = folder / "plan.toml"
    named = plan.read_text(encoding="utf-8").replace('name = "run"', f"name = '{HARMFUL}/'")
    plan.write_text(named, encoding="utf-8")
    samples = folder / "samples.csv"
    text = samples.read_text(encoding="utf-8").replace("image 0", HARMFUL)
    samples.write_text(text, encoding="utf-8")
    write_board([folder], tmp_path / "site")
    for path in (tmp_path / "site").rglob("*"):
        assert re.fullmatch(r"[a-z0-9.-]+", path.name), path
        if path.suffix in (".html", ".js") and path.name != "script.js":
            assert "<script>alert" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize("name", ["../../x", "CON", "a" * 300, "", "é", "<b>", "a/b", "x.html"])
def test_file_names_are_safe_and_differ(name: str) -> None:
    assert re.fullmatch(r"[a-z0-9][a-z0-9-]{0,60}", slug(name))
    assert slug(name) != slug(name + " ")


def test_a_board_and_a_comparison_load_no_torch(tmp_path: Path) -> None:
    run = make(tmp_path / "run", VALUES)
    (tmp_path / "other").mkdir()
    other = make(tmp_path / "other" / "run", VALUES)
    program = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from benchmark.cli import app\n"
        "run, other, out = sys.argv[1:]\n"
        "for words in (['board', run, '--out', out], ['compare', run, other]):\n"
        "    done = CliRunner().invoke(app, words)\n"
        "    assert done.exit_code == 0, done.output\n"
        "assert 'torch' not in sys.modules\n"
    )
    words = [sys.executable, "-c", program, run, other, tmp_path / "site"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
