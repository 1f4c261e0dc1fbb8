"""A new user's first commands and their output."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.cli.conftest import Bench

QUICK = ("--inpainter", "meanfill,original", "--detector", "flatness", "--size", "64",
         "--metrics", "auc,acc,psnr", "--buckets", "10-20,30-40")  # fmt: skip


def test_the_version(bench: Bench) -> None:
    result = bench("--version")
    assert result.exit_code == 0
    assert result.stdout.startswith("safepaint-bench 0.")


def test_completion_is_offered(bench: Bench) -> None:
    assert "--install-completion" in bench("--help").stdout


def test_the_options_of_run_stand_in_groups(bench: Bench) -> None:
    text = bench("run", "--help").stdout
    places = [text.index(f"─ {group} ─") for group in
              ("Models", "Data", "Metrics", "Execution", "Output")]  # fmt: skip
    assert sorted(places) == sorted(set(places))
    rest = text[text.index("─ Options ─") :].split("╰")[0]  # only these stand in no group
    assert [line.split()[1] for line in rest.splitlines() if "│ --" in line] == ["--json", "--help"]


def test_a_run_ends_with_the_commands_to_go_on_with(bench: Bench, photos: Path) -> None:
    result = bench("run", *QUICK, "--images", photos, "--out", "my out")
    assert result.exit_code == 0, result.output
    steps = result.stderr[result.stderr.index("Next:") :].splitlines()
    assert steps[0].split("Next:")[1].strip().startswith("bench report 'my out' --open ")
    assert steps[1].strip().startswith("bench table 1 --run 'my out' ")
    assert bench("table", "1", "--run", "my out").exit_code == 0
    quiet = bench("run", *QUICK, "--images", photos, "--out", "my out", "--quiet")
    assert quiet.stdout == result.stdout
    assert quiet.stderr == "Results: my out\n"


@pytest.mark.parametrize(("detector", "table"), [("trufor", 3), ("psccnet", 2), ("iidnet", 4)])
def test_the_table_to_go_on_with_is_the_detectors(detector: str, table: int) -> None:
    from benchmark.console import next_steps
    from benchmark.runner.plan import Plan

    record = SimpleNamespace(
        folder=Path("r"), document={"shard": ""}, plan=Plan(detectors=detector)
    )
    assert f"bench table {table} --run r" in "\n".join(next_steps(record))  # type: ignore[arg-type]
    part = SimpleNamespace(folder=Path("r"), document={"shard": "1/2"}, plan=Plan())
    assert "bench merge OUT r" in "\n".join(next_steps(part))  # type: ignore[arg-type]


def test_a_run_remembers_its_store(bench: Bench, photos: Path) -> None:
    words = ("run", *QUICK, "--images", photos)
    assert bench(*words, "--out", "runs/mine", "--store", "kept").exit_code == 0
    record = json.loads(Path("runs/mine/record.json").read_text())
    assert record["store"] == "../../kept"  # as seen from the run
    (run,) = json.loads(bench("list", "runs", "--json").stdout)
    assert (run["folder"], run["state"], run["samples"]) == ("runs/mine", "complete", 6)
    assert run["store"] == record["store"]
    listed = bench("list", "runs").stdout
    assert f"store: {record['store']}" in listed
    assert "inpainters: 2, detectors: 1, samples: 6" in listed
    assert bench("report", "runs/mine").exit_code == 0
    assert "data:image" in Path("runs/mine/index.html").read_text()  # images of that store
    cleaned = bench("clean", "runs/mine", "--dry-run")
    assert cleaned.exit_code == 0, cleaned.output
    assert "Would remove nothing" in cleaned.stdout
    assert bench("check", "runs/mine").exit_code == 0


def test_runs_that_have_not_ended_or_are_damaged_are_listed_as_such(
    bench: Bench, photos: Path
) -> None:
    assert "no run below runs/" in bench("list", "runs").stdout
    for name in ("a", "b"):
        assert bench("run", *QUICK, "--images", photos, "--out", f"runs/{name}").exit_code == 0
    Path("runs/a/record.json").unlink()
    Path("runs/b/plan.toml").write_text("seed = = 1")
    text = bench("list", "runs").stdout
    assert "runs/a  not ended" in text
    assert "runs/b  damaged: " in text
    assert bench("list", "run").exit_code == 2
    assert set(json.loads(bench("list", "plans", "--json").stdout)) == {"plans"}


def test_a_table_names_its_run(bench: Bench, photos: Path) -> None:
    assert bench("run", *QUICK, "--images", photos, "--out", "runs/one").exit_code == 0
    for words in (("1",), ("stats",)):
        assert bench("table", *words).stderr == "Run: runs/one\n"
        assert json.loads(bench("table", *words, "--json").stdout)["run"] == "runs/one"
    assert bench("table", "1", "--paper").stderr == ""
    assert bench("table", "1", "--all").exit_code == 2


def test_a_report_says_what_it_does_and_opens(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert bench("run", *QUICK, "--images", photos, "--out", "out").exit_code == 0
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", lambda page: not opened.append(page))
    result = bench("report", "out", "--open")
    assert result.exit_code == 0, result.output
    assert opened == [Path("out/index.html").absolute().as_uri()]
    assert result.stderr.splitlines() == [
        "Run: out", "1 of 2: plots and gallery of images", "2 of 2: tables and statistics",
    ]  # fmt: skip
    monkeypatch.setattr("webbrowser.open", lambda page: False)
    assert "No web browser found" in bench("report", "out", "--open").stderr


def test_doctor_names_what_is_missing_and_what_gets_it(bench: Bench) -> None:
    result = bench("doctor", "--json")
    assert result.exit_code == 0, result.output
    found = {one["name"]: one for one in json.loads(result.stdout)}
    assert {"Python", "torch", "devices", "cores", "disk", "store", "weights", "browser"} <= {
        *found
    }
    assert found["LPIPS"]["found"] == "missing"
    assert found["LPIPS"]["remedy"].startswith("bench weights fetch alexnet")
    assert "-> bench weights fetch alexnet" in bench("doctor").stdout


def test_doctor_calls_a_home_that_cannot_be_written_missing(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)
    result = bench("doctor")
    assert result.exit_code == 1
    assert "-> export BENCH_HOME=FOLDER, or bench run --store FOLDER" in result.stdout


def test_a_home_that_cannot_be_made_hints_at_the_store(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("file").write_text("no folder")
    monkeypatch.setenv("BENCH_HOME", str(Path("file").absolute() / "home"))
    result = bench("run", *QUICK, "--images", photos, "--out", "out")
    assert result.exit_code == 2
    assert "name another with --store, or set BENCH_HOME" in result.stderr


@pytest.mark.parametrize(
    ("name", "kind", "said"),
    [
        ("auc", "metric", "better:        lower"),
        ("lpips", "metric", "bench weights fetch alexnet"),
        ("samples", "data set", "nothing is downloaded"),
        ("places2", "data set", "below --data-root"),
        ("folder", "data set", "in the folder of --images"),
        ("table3", "plan", "detectors:     trufor"),
        ("trufor", "detector", "paper:"),
    ],
)
def test_show_knows_all_that_list_names(bench: Bench, name: str, kind: str, said: str) -> None:
    assert json.loads(bench("show", name, "--json").stdout)["kind"] == kind
    assert said in bench("show", name).stdout


def test_weights_nobody_can_fetch_are_refused_before_any_terms(bench: Bench) -> None:
    for name in ("safepaint", "ctsdg"):
        result = bench("weights", "fetch", name)
        assert result.exit_code == 2
        assert "Do you accept" not in result.output
        assert f"bench weights add {name}" in result.stderr


def test_weights_are_a_table_of_80_columns_with_what_gets_them(bench: Bench) -> None:
    lines = bench("weights").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    rows = {line.split()[0]: line for line in lines[1 : lines.index("")]}
    assert set(rows) == {one["name"] for one in json.loads(bench("weights", "--json").stdout)}
    assert rows["lama"].split() == [
        "lama",
        "here",
        "missing",
        *["bench", "weights", "fetch", "lama"],
    ]


def test_junk_is_no_checkpoint_and_quotes_nobody(bench: Bench, photos: Path) -> None:
    Path("junk.pth").write_text("nothing that torch.save writes")
    result = bench("run", "--inpainter", "safepaint", "--weights", "safepaint=junk.pth",
                   "--images", photos)  # fmt: skip
    assert result.exit_code == 2
    assert "junk.pth: damaged, truncated or no checkpoint (neither safetensors nor" in result.stderr
    assert "PyTorch 2.6" not in result.stderr


def test_a_bad_value_is_said_in_our_words(bench: Bench) -> None:
    for words, said in (
        (("--inpainter", ","), "inpainters: expected at least one name, got none"),
        (("--seed", "-1"), "seed: expected 0 or more, got -1"),
        (("--pairing", "x"), "pairing: expected 'auto', 'name' or 'drawn', got 'x'"),
        (("--size", "12"), "size: expected a side of 32 to 4096 pixels, or native, got 12"),
    ):
        assert f"options: {said}" in bench("run", *words).stderr


def test_a_table_of_a_web_page_has_its_words_apart(bench: Bench, photos: Path) -> None:
    words = ("--inpainter", "telea,safepaint", "--detector", "none", "--metrics", "psnr")
    done = bench("run", *words, "--size", "64", "--images", photos, "--out", "out")
    assert done.exit_code == 0, done.output
    html = bench("table", "1", "--run", "out", "--format", "html").stdout
    assert "SafePaint <small>ours (mini)</small>" in html
    assert "</small><small>" not in html
    head = bench("table", "1", "--run", "out", "--format", "csv").stdout.splitlines()[0]
    assert ",metric,paper,ours," in head


def test_what_did_not_move_is_counted(bench: Bench, photos: Path) -> None:
    for name in ("before", "after"):
        assert bench("run", *QUICK, "--images", photos, "--out", name).exit_code == 0
    result = bench("report", "--compare", "before", "after")
    assert "numbers, none changed." in result.stdout
    assert len(result.stdout.splitlines()) < 6
    Path("after/results.csv").write_text(
        Path("after/results.csv").read_text().replace(",meanfill,", ",meanfall,", 1)
    )
    result = bench("report", "--compare", "before", "after")
    assert result.exit_code == 2
    assert "after/results.csv: " in result.stderr


def test_plain_lines_have_the_time_left_in_all() -> None:
    from benchmark.progress import TimeLeft, clock
    from benchmark.runner.stages import Progress

    left = TimeLeft()
    later = {"judge": 10, "fill": 5}
    fill = Progress(stage="fill", model="telea", done=0, total=4, later=later)  # type: ignore[arg-type]
    assert left(fill, 100.0) == ""
    said = left(Progress(stage="fill", model="t", done=2, total=4, later=later), 104.0)  # type: ignore[arg-type]
    assert said == "at least 0:14 left in total"  # 2 and 5 fills of 2 s; nothing known of detectors
    left(Progress(stage="fill", model="t", done=4, total=4, later=later), 108.0)  # type: ignore[arg-type]
    left(Progress(stage="judge", model="c", done=0, total=5, later={"fill": 5}), 108.0)
    said = left(Progress(stage="judge", model="c", done=1, total=5, later={"fill": 5}), 111.0)
    assert said == "about 0:22 left in total"
    assert left(Progress(stage="judge", model="c", done=5, total=5), 120.0) == ""
    assert (clock(65), clock(3725)) == ("1:05", "1:02:05")


def test_plain_lines_count_what_was_skipped_apart(capsys: pytest.CaptureFixture[str]) -> None:
    from benchmark.progress import watch
    from benchmark.runner.stages import Progress

    with watch() as notify:
        for done, without in ((0, 0), (3, 1)):
            notify(
                Progress(stage="fill", model="telea", done=done, total=3, without_output=without)
            )
        notify(Progress(stage="judge", model="chance", done=0, total=2))
        notify(Progress(stage="judge", model="chance", done=2, total=2))
    first, second = capsys.readouterr().err.splitlines()
    assert first.startswith("inpaint telea: 3/3, 1 skipped or failed, ")
    assert second.startswith("detect chance: 2/2, ")
    assert "skipped" not in second


def test_a_notebook_shows_bars(monkeypatch: pytest.MonkeyPatch, photos: Path) -> None:
    from benchmark import Plan, run
    from benchmark.progress import in_notebook

    assert not in_notebook()
    shell = type("ZMQInteractiveShell", (), {})()
    monkeypatch.setitem(sys.modules, "IPython", SimpleNamespace(get_ipython=lambda: shell))  # type: ignore[arg-type]
    assert in_notebook()
    watched: list[object] = []
    from contextlib import contextmanager

    @contextmanager
    def watch():  # type: ignore[no-untyped-def]
        yield watched.append

    monkeypatch.setattr("benchmark.progress.watch", watch)
    plan = Plan(images=photos, inpainters="meanfill", detectors="none", metrics="psnr", size=64,
                buckets="30-40")  # fmt: skip
    run(plan, store=photos.parent / "store")
    assert watched
    run(plan, store=photos.parent / "other", notify=lambda step: None)
    assert len(watched) == len({id(step) for step in watched})
