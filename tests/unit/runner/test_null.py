"""The null in a run: measured with or without `original` in the plan, under the same keys."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.core.errors import PlanError
from benchmark.core.types import Detection
from benchmark.merge import merge
from benchmark.results.required_keys import needed_by
from benchmark.runner import resolve
from benchmark.runner.resolve import ResolvedPlan
from benchmark.runner.settings import Settings
from benchmark.runner.shard import Shard
from benchmark.store.clean import clean_store
from benchmark.store.store import Store
from detectors.baselines import Flatness

Go = Callable[..., RunRecord]
NULLS = {"auc_null", "f1_null", "area_null"}


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images that are flat in places."""
    folder = tmp_path / "photos"
    folder.mkdir()
    generator = np.random.default_rng(1)
    for number in range(3):
        pixels = generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        pixels[:30, : 20 + 8 * number] = 128
        Image.fromarray(pixels).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def go(photos: Path, tmp_path: Path) -> Go:
    def call(
        *, store: str = "store", out: str = "", settings: Settings | None = None, **changes: object
    ) -> RunRecord:
        values: dict[str, object] = {
            "datasets": ("folder",), "images": photos, "size": 64, "metrics": ("auc", "psnr"),
            "buckets": ("10-20", "30-40"), "inpainters": ("meanfill",), "detectors": ("flatness",),
        }  # fmt: skip
        plan = Plan(**{**values, **changes})
        folder = tmp_path / out if out else None
        return run(plan, out=folder, store=tmp_path / store, settings=settings)

    return call


def nulls(record: RunRecord) -> dict[tuple[str, str, str, str], float | None]:
    return {
        (cell.detector, cell.launder, cell.bucket, cell.metric): cell.value
        for cell in record.cells
        if cell.metric.endswith("_null")
    }


def test_the_null_is_the_same_with_and_without_original(go: Go) -> None:
    alone, beside = go(store="one"), go(store="two", inpainters=("meanfill", "original"))
    assert nulls(alone) == nulls(beside)
    assert len(nulls(alone)) == 2 * 3
    assert all(value is not None for value in nulls(alone).values())
    own = [cell for cell in alone.cells if cell.inpainter == "original"]
    assert {cell.metric for cell in own} == NULLS  # none of its other rows
    assert {(cell.n, cell.expected) for cell in own} == {(3, 3)}
    assert {cell.weights for cell in own} == {"original=none flatness=none"}


def test_the_null_shares_outputs_with_original(go: Go) -> None:
    go()
    done = go(inpainters=("meanfill", "original")).document["jobs_run"]
    assert done == {"fill": 0, "judge": 0, "measure": 2 * 6}  # its auc and psnr alone


def test_the_null_is_measured_after_post_processing(go: Go) -> None:
    found = nulls(go(launder=("resize:0.5", "jpeg:60")))
    assert {launder for _, launder, _, _ in found} == {"", "resize:0.5", "jpeg:60"}
    assert all(value is not None for value in found.values())
    assert (
        found["flatness", "resize:0.5", "10-20", "auc_null"]
        != found["flatness", "", "10-20", "auc_null"]
    )


@pytest.mark.parametrize(
    "changes", [{"detectors": ()}, {"metrics": ("psnr",)}], ids=["no detector", "no such metric"]
)
def test_there_is_no_null_without_detections(go: Go, changes: dict[str, object]) -> None:
    record = go(**changes)
    assert not nulls(record)
    assert record.document["jobs_run"]["fill"] == 6  # only what the plan names


def heatmaps(folder: Path) -> str:
    for bucket in ("10-20", "30-40"):
        for number in range(3):
            path = folder / bucket / f"{number}.npy"
            path.parent.mkdir(parents=True, exist_ok=True)
            np.save(path, np.random.default_rng(number).random((64, 64), dtype=np.float32))
    return f"made=heatmaps:{folder}"


def test_heatmaps_have_a_gap_and_no_extra_jobs(go: Go, tmp_path: Path) -> None:
    record = go(detectors=(heatmaps(tmp_path / "maps"),))
    assert record.complete
    assert record.document["jobs_run"]["fill"] == 6
    own = [cell for cell in record.cells if cell.inpainter == "original"]
    assert {cell.metric for cell in own} == NULLS
    assert {(cell.value, cell.n, cell.expected) for cell in own} == {(None, 0, 3)}
    (reason,) = {cell.reason for cell in own}
    assert "a heatmaps: detector runs on authentic images only with" in reason
    assert "original among the inpainters" in reason
    assert not record.distances


def test_other_detectors_beside_heatmaps_have_a_null(go: Go, tmp_path: Path) -> None:
    found = nulls(go(detectors=(heatmaps(tmp_path / "maps"), "flatness")))
    assert {detector for (detector, *_), value in found.items() if value is None} == {"made"}


@pytest.mark.usefixtures("no_minis")
def test_a_detector_without_weights_has_a_gap(go: Go) -> None:
    record = go(detectors=("flatness", "iidnet"))
    gaps = {cell.reason for cell in record.cells if cell.detector == "iidnet"}
    assert gaps == {"no weights here for iidnet"}
    assert record.complete


@pytest.mark.parametrize(("null", "metric"), [("auc_null", "auc"), ("f1_null", "f1")])
def test_a_plan_cannot_name_a_null(null: str, metric: str) -> None:
    with pytest.raises(PlanError, match=rf"{null} is measured .* beside {metric}, in every run"):
        Plan(metrics=("auc", null))


def test_two_sided_auc_has_its_own_null(go: Go) -> None:
    found = {metric for *_, metric in nulls(go(metrics=("auc_two_sided",)))}
    assert found == {*NULLS, "auc_two_sided_null"}


def test_a_detector_runs_once_per_authentic_image(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []
    detect = Flatness._detect

    def watch(self: Flatness, images: Tensor) -> Detection:
        seen.append(images)
        return detect(self, images)

    plain = go(store="batched", settings=Settings(batch=2))
    monkeypatch.setattr(Flatness, "_detect", watch)
    once = go()
    assert len(seen) == 6 + 3  # inpainted images, then three authentic ones
    assert nulls(once) == nulls(plain)
    assert once.document["jobs_run"]["judge"] == 6 + 6  # every output is stored under its key


def test_a_failed_detection_is_not_reused(go: Go, monkeypatch: pytest.MonkeyPatch) -> None:
    detect, count = Flatness._detect, 0

    def fail_once(self: Flatness, images: Tensor) -> Detection:
        nonlocal count
        count += 1
        found = detect(self, images)
        return replace(found, score=found.score * float("nan")) if count == 7 else found

    monkeypatch.setattr(Flatness, "_detect", fail_once)
    record = go()
    assert [(one.sample, one.bucket) for one in record.failures] == [("0", "10-20")]
    assert count == 6 + 4


def test_the_samples_file_has_the_null_of_each_image(go: Go, tmp_path: Path) -> None:
    record = go(out="out")
    with (tmp_path / "out" / "samples.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    own = [row for row in rows if row["inpainter"] == "original"]
    assert len(own) == 6
    assert all(row["auc"] == row["psnr"] == "" for row in own)
    for bucket in ("10-20", "30-40"):
        values = [float(row["auc_null"]) for row in own if row["mask_ratio_percent"] == bucket]
        mean = nulls(record)["flatness", "", bucket, "auc_null"]
        assert np.mean(values) == pytest.approx(mean, abs=1e-6)
    assert all(row["auc_null"] == "" for row in rows if row["inpainter"] != "original")


def test_cleaning_keeps_the_outputs_of_the_null(go: Go, tmp_path: Path) -> None:
    go(out="out")
    with Store(tmp_path / "store") as store:
        removed = list(clean_store(store, needed=needed_by([tmp_path / "out"])))
    assert removed == []
    assert go().document["jobs_run"] == {"fill": 0, "judge": 0, "measure": 0}


def shards(go: Go) -> None:
    for number in (1, 2):
        settings = Settings(shard=Shard(number, 2))
        go(out=f"part{number}", store=f"store{number}", settings=settings)


def test_merged_shards_have_the_null_of_one_run(go: Go, tmp_path: Path) -> None:
    go(out="whole", store="whole-store")
    shards(go)
    merge([tmp_path / "part1", tmp_path / "part2"], out=tmp_path / "all", store=tmp_path / "both")
    for name in ("results.csv", "samples.csv", "table.md"):
        assert (tmp_path / "all" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_shards_of_a_version_without_the_null_are_merged_without_it(
    go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_plan = resolve.resolve_plan

    def older(*arguments: object) -> ResolvedPlan:
        return replace(resolve_plan(*arguments), null_inpainter=None)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr("benchmark.api.resolve_plan", older)
        shards(go)
    copytree(tmp_path / "store1", tmp_path / "both")
    record = merge([tmp_path / "part1", tmp_path / "part2"], out=tmp_path / "all",
                   store=tmp_path / "both")  # fmt: skip
    assert not {cell.metric for cell in record.cells} & set(NULLS)
    assert [cell for cell in record.cells if cell.value is None] == []
