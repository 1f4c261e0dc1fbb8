"""Reader of run folders: round trip, damaged files, unfinished runs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.core.errors import BadInput, DataError, OutputError, PlanError
from benchmark.results.required_keys import needed_by
from benchmark.results.run_folder import newest_run, read_run
from benchmark.runner.resolve_checks import refuse_names
from benchmark.runner.settings import Settings
from benchmark.runner.shard import Shard
from benchmark.runner.stages import Progress
from benchmark.store.store import Store
from tests.stopped import stop
from tests.unit.reports.runs import Made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = Made(absent=("telea",), launders=("jpeg:70",), value=lambda *_: 0.25)
    return made.write(tmp_path / "run")


def test_results_round_trip(folder: Path) -> None:
    run = read_run(folder)
    assert run.complete
    assert run.plan.inpainters == ("safepaint", "telea", "meanfill", "original")
    assert len(run.results) == 4 * 3 * (2 * 2 + 1)
    first = run.results[0]
    assert (first.detector, first.bucket, first.metric) == ("trufor", "10-20", "auc")
    assert (first.value, first.n, first.expected) == (0.25, 6, 6)
    assert first.edition("trufor") == "mini"
    gap = next(row for row in run.results if row.inpainter == "telea")
    assert (gap.value, gap.low, gap.reason) == (None, None, "no weights here")
    assert {row.launder for row in run.results} == {"", "jpeg:70"}


def test_a_run_without_a_plans_name_is_called_as_its_folder(folder: Path) -> None:
    run = read_run(folder)
    assert run.title == "run"  # the folder
    assert read_run(folder.rename(folder.with_name("first"))).title == "first"
    named = replace(run, plan=run.plan.model_copy(update={"name": "mini"}))
    assert named.title == "mini"


def test_samples_have_numbers_and_gaps(folder: Path) -> None:
    samples = read_run(folder).samples
    assert len(samples) == 3 * 2 * 3 * 6
    assert samples[0].numbers == {"auc": (0.25,), "acc": (0.9, 0.25), "psnr": (0.25,)}
    assert samples[0].score == 0.9
    laundered = next(row for row in samples if row.launder)
    assert "psnr" not in laundered.numbers


def rewrite(name: str, change: Callable[[str], str]) -> Callable[[Path], object]:
    def apply(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(change(text), encoding="utf-8")

    return apply


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda folder: (folder / "plan.toml").unlink(), "not a run folder"),
        (rewrite("plan.toml", lambda text: "old = 1\n" + text), "another version"),
        (rewrite("plan.toml", lambda text: text.replace("trufor", "truefour")), "another version"),
        (rewrite("record.json", lambda text: text[:5]), "record.json: damaged"),
        (rewrite("record.json", lambda text: "[]"), "record.json: damaged"),
        (lambda folder: (folder / "results.csv").unlink(), "results.csv: No such file"),
        (rewrite("results.csv", lambda text: ""), "no column 'dataset'"),
        (rewrite("results.csv", lambda text: text.replace(",launder,", ",laundry,", 1)), "launder"),
        (rewrite("results.csv", lambda text: text[: len(text) // 2]), "results.csv: damaged"),
        (rewrite("results.csv", lambda text: text.replace(",6,6,", ",six,6,", 1)), "six"),
        (lambda folder: (folder / "results.csv").write_bytes(b"\xff\xfe\x00"), "results.csv"),
        (rewrite("samples.csv", lambda text: text[: len(text) // 2 - 20]), "samples.csv: damaged"),
        (rewrite("samples.csv", lambda text: text.replace(",score,", ",x,")), "no column 'score'"),
    ],
)
def test_damage_raises_one_line(folder: Path, harm: Callable[[Path], object], said: str) -> None:
    harm(folder)
    with pytest.raises(DataError, match=said) as caught:
        assert read_run(folder).samples
    assert "\n" not in str(caught.value)


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder"):
        read_run(tmp_path / "gone")


def test_the_newest_run_is_the_one_started_last(tmp_path: Path) -> None:
    for name, when in (("a", 300), ("b", 100), ("c", 200)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plan.toml").write_text("")
        os.utime(tmp_path / name / "plan.toml", (when, when))
    assert newest_run(tmp_path) == tmp_path / "a"
    with pytest.raises(DataError, match="no run below"):
        newest_run(tmp_path / "a")


def test_a_run_without_a_store_that_has_not_ended_says_so(tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(Plan(inpainters=("telea",)).dump())
    with pytest.raises(DataError, match=r"has not ended and .*store is no store; use --store"):
        read_run(tmp_path, store=tmp_path / "store")
    assert not (tmp_path / "store").exists()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder written by `bench run`, with file hashes and a store beside it."""
    place = tmp_path_factory.mktemp("written")
    (place / "photos").mkdir()
    draw = np.random.default_rng(1)
    for name in "abcd":
        pixels = draw.integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(place / "photos" / f"{name}.png")
    plan = Plan(
        datasets=("folder",), images=place / "photos", size=48, buckets=("30-40",),
        inpainters=("meanfill",), detectors=("flatness",), metrics=("auc", "psnr"),
    )  # fmt: skip
    run(plan, store=place / "store", out=place / "out")
    run(plan, store=place / "store", out=place / "half", settings=Settings(shard=Shard(1, 2)))
    return place


def half(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(lines[: len(lines) // 2])


@pytest.mark.parametrize("name", ["results.csv", "samples.csv"])
@pytest.mark.parametrize("change", [half, lambda text: text + text.splitlines(keepends=True)[-1]])
def test_changed_files_raise(
    written: Path, tmp_path: Path, name: str, change: Callable[[str], str]
) -> None:
    folder = tmp_path / "out"
    shutil.copytree(written / "out", folder)
    path = folder / name
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(DataError, match=f"{name}: damaged .*rerun the plan"):
        assert read_run(folder).samples
    if name == "samples.csv":  # required keys are unknown: nothing may be removed
        with pytest.raises(BadInput, match=r"cannot determine .*samples\.csv: damaged"):
            needed_by([folder])


def test_duplicate_columns_raise(folder: Path) -> None:
    path = folder / "results.csv"
    lines = [f"{line},9" for line in path.read_text(encoding="utf-8").splitlines()]
    lines[0] = lines[0].removesuffix(",9") + ",value"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(DataError, match="duplicate column 'value'"):
        read_run(folder)


def test_a_byte_order_mark_changes_nothing(folder: Path) -> None:
    before = read_run(folder)
    for name in ("results.csv", "samples.csv"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    after = read_run(folder)
    assert (after.results, after.samples) == (before.results, before.samples)


def test_an_unfinished_shard_has_only_its_share_of_the_plan(written: Path, tmp_path: Path) -> None:
    ended = read_run(written / "half")
    folder = tmp_path / "half"
    folder.mkdir()
    for name in ("plan.toml", "shard.json", "record.json", "samples.csv"):
        shutil.copy(written / "half" / name, folder / name)
    stop(folder)
    going = read_run(folder, store=written / "store")
    assert not going.complete
    assert (going.results, going.samples) == (ended.results, ended.samples)
    assert {row.expected for row in going.results} == {2}


@pytest.mark.parametrize("name", ["two.b", "score"])
def test_a_metric_with_an_ambiguous_column_raises(name: str) -> None:
    with pytest.raises(PlanError, match=f"metric '{name}': expected a name without a dot"):
        refuse_names(["auc", name])


def test_an_interrupted_run_records_the_keys_it_needs(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    for name in "ab":
        pixels = np.random.default_rng(ord(name)).integers(0, 255, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{name}.png")
    plan = Plan(
        images=photos, inpainters="meanfill,original", detectors="flatness", buckets=("10-20",),
        metrics=("auc", "psnr"), size=64,
    )  # fmt: skip
    out, store = tmp_path / "out", tmp_path / "store"

    def stop_at_the_end(step: Progress) -> None:
        if step.stage == "measure":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(plan, out=out, store=store, notify=stop_at_the_end)
    assert not (out / "record.json").exists()
    moved = photos.rename(tmp_path / "moved")  # neither images nor models are read
    going = read_run(out)  # the location of its store is recorded
    assert not going.complete
    assert {row.expected for row in going.results} == {2}
    assert len(going.samples) == 4
    keys = needed_by([out])
    with Store(store) as answers:
        assert {row.key for row in answers.table.with_prefix("")} <= keys
    moved.rename(photos)
    run(plan, out=out, store=store)
    assert sorted(path.name for path in out.iterdir()) == [
        "plan.toml", "record.json", "results.csv", "samples.csv", "table.md",
    ]  # fmt: skip
    with Store(store) as answers:
        assert {row.key for row in answers.table.with_prefix("")} <= keys


def test_a_read_only_store_can_be_read(
    tmp_path: Path, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan.load(written / "out/plan.toml")
    monkeypatch.setattr("benchmark.store.store._is_read_only", lambda folder: True)
    again = run(plan, out=tmp_path / "again", store=written / "store")
    assert set(again.document["jobs_run"].values()) == {0}
    more = plan.model_copy(update={"seed": 1})
    with pytest.raises(OutputError, match=r"cannot be written as a store .*--store") as caught:
        run(more, out=tmp_path / "more", store=written / "store")
    assert "\n" not in str(caught.value)
