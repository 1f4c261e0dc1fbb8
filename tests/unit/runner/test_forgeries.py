"""Runs of sets of forgeries: keys, cells, statistics over originals, what is skipped."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file, save_file
from sklearn.metrics import f1_score, roc_auc_score

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.core.checkpoints.resolve import sha256_of
from benchmark.core.errors import DataError, PlanError
from benchmark.core.training_exposure import read_bench_metadata
from benchmark.forgeries.reading import read_forgeries
from benchmark.merge import merge
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import read_run
from benchmark.runner.settings import Settings
from benchmark.runner.shard import Shard
from benchmark.store.store import Store
from tests.small import small_weights
from tests.unit.forgeries.test_parquet import write as write_parquet
from tests.unit.forgeries.test_published import TREES
from tests.unit.forgeries.trees import make

SIDE = (32, 40)
HEAD = "image,mask,original,group,subset,method\n"
Go = Callable[..., RunRecord]


def textured(seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    small = draw.integers(0, 256, (8, 10, 3), dtype=np.uint8)
    return np.asarray(Image.fromarray(small).resize((SIDE[1], SIDE[0])))


def save(path: Path, pixels: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Four originals, two forgeries of each by two methods, in two subsets."""
    root, lines = tmp_path / "set", []
    for at in range(4):
        subset = "indoor" if at < 2 else "outdoor"
        pixels = textured(at)
        save(root / f"au/{at}.png", pixels)
        lines.append(f"au/{at}.png,authentic,,g{at},{subset},\n")
        for method, left in (("flat", 4), ("original", 16)):
            forged, truth = pixels.copy(), np.zeros(SIDE, np.uint8)
            truth[8 : 20 + at, left : left + 12] = 255
            forged[truth > 0] = 90 if method == "flat" else pixels[::-1][truth > 0]
            save(root / f"{method}/{at}.png", forged)
            save(root / f"gt/{method}-{at}.png", truth)
            lines.append(
                f"{method}/{at}.png,gt/{method}-{at}.png,au/{at}.png,g{at},{subset},{method}\n"
            )
    (root / "manifest.csv").write_text(HEAD + "".join(lines))
    return root


@pytest.fixture
def go(tmp_path: Path, place: Path) -> Go:
    def call(out: str = "run", settings: Settings | None = None, **changes: object) -> RunRecord:
        plan = Plan(**{"forgeries": place, "detectors": "flatness", **changes})  # type: ignore[arg-type]
        return run(plan, out=tmp_path / out, store=tmp_path / "store", settings=settings)

    return call


def cell(record: RunRecord, metric: str, method: str, subset: str = "all", **of: str) -> ResultRow:
    wanted = {"metric": metric, "inpainter": method, "bucket": subset, "detector": "flatness",
              "launder": "", **of}  # fmt: skip
    (found,) = [
        one for one in record.cells if all(getattr(one, key) == wanted[key] for key in wanted)
    ]
    return found


def ran(record: RunRecord) -> dict[str, int]:
    counts: dict[str, int] = record.document["jobs_run"]
    return counts


def test_every_number_is_that_of_scikit_learn(go: Go, tmp_path: Path, place: Path) -> None:
    record = go(launder="jpeg:80")
    assert record.complete
    with (tmp_path / "run/samples.csv").open(newline="") as file:
        rows = [one for one in csv.DictReader(file) if one["detector"] == "flatness"]
    rows = [one for one in rows if not one["launder"]]
    scores: dict[str, tuple[list[float], list[float]]] = {}
    with Store(tmp_path / "store", read_only=True) as store:
        for row in rows:
            if row["kind"] == "authentic":
                assert (row["auc"], row["f1"], row["acc"], row["fpr"] == "") == (
                    "", "", "", False,
                )  # fmt: skip
                continue
            truth = np.asarray(Image.open(place / row["mask"])).ravel() > 127
            logits = store.heatmap(row["heatmap_key"]).ravel().astype(np.float64)
            found = scores.setdefault(row["method"], ([], []))
            found[0].append(roc_auc_score(truth, logits))
            found[1].append(f1_score(truth, logits > 0))
            assert float(row["auc"]) == pytest.approx(found[0][-1], abs=1e-6)
    for method, (auc, f1) in scores.items():
        assert cell(record, "auc", method).value == pytest.approx(np.mean(auc), abs=1e-6)
        assert cell(record, "f1", method).value == pytest.approx(np.mean(f1), abs=1e-6)
    labels = [row["kind"] == "forged" for row in rows]
    area = roc_auc_score(labels, [float(row["score"]) for row in rows])
    assert cell(record, "image_auc", "all").value == pytest.approx(area, abs=1e-6)
    called = [float(row["fpr"]) for row in rows if row["kind"] == "authentic"]
    assert cell(record, "fpr", "authentic").value == pytest.approx(np.mean(called))
    whole = cell(record, "auc", "all")
    assert (whole.n, whole.expected, whole.images) == (4, 4, 8)
    assert {one.inpainter for one in record.cells if one.bucket == "indoor"} == {
        "flat", "original", "all", "authentic",
    }  # fmt: skip
    assert cell(record, "fpr", "authentic", "indoor").images == 2


def test_again_computes_nothing_and_files_are_read_back(go: Go, tmp_path: Path) -> None:
    first, again = go(), go()
    assert ran(first) == {"fill": 0, "judge": 12, "measure": 36}
    assert set(ran(again).values()) == {0}
    assert again.cells == first.cells == read_run(tmp_path / "run").results
    assert "inpainters" not in (tmp_path / "run/plan.toml").read_text()
    assert Plan.load(tmp_path / "run/plan.toml").forgeries is not None


def test_a_new_name_recomputes_nothing_and_a_new_byte_does(go: Go, place: Path) -> None:
    go()
    (place / "flat/0.png").rename(place / "flat/other.png")
    text = (place / "manifest.csv").read_text()
    (place / "manifest.csv").write_text(text.replace("flat/0.png,", "flat/other.png,"))
    assert set(ran(go("renamed", launder="noise:3")).values()) == {12, 36, 0}
    assert set(ran(go("plain")).values()) == {0}
    save(place / "flat/other.png", textured(99))
    assert ran(go("changed")) == {"fill": 0, "judge": 1, "measure": 3}


def test_another_truth_recomputes_the_measurements_alone(go: Go, place: Path) -> None:
    go()
    truth = np.zeros(SIDE, np.uint8)
    truth[:4, :4] = 255
    save(place / "gt/flat-0.png", truth)
    record = go("other")
    assert ran(record) == {"fill": 0, "judge": 0, "measure": 3}
    save(place / "gt/flat-1.png", np.zeros(SIDE, np.uint8))  # and one that cannot be used
    record = go("empty")
    (failure,) = record.failures
    assert (failure.kind, failure.sample, failure.bucket) == ("skipped", "flat/1", "")
    assert "empty truth: no pixel is marked as forged" in failure.reason
    assert cell(record, "auc", "flat").images == 3


@pytest.mark.parametrize(
    ("pixels", "said"),
    [
        (np.full((8, 8), 255, np.uint8), "truth of another shape: the image has 40x32 pixels"),
        (np.zeros(SIDE, np.uint8), "empty truth: no pixel is marked as forged"),
    ],
)
def test_a_bad_truth_is_skipped_before_detection(
    go: Go, place: Path, pixels: np.ndarray, said: str
) -> None:
    save(place / "gt/flat-0.png", pixels)
    record = go()
    assert ran(record)["judge"] == 11
    (failure,) = record.failures
    assert failure.kind == "skipped"
    assert said in failure.reason
    assert not record.complete
    with pytest.raises(DataError, match=r"flat/0|flat-0"):
        go("strict", settings=Settings(strict=True))


def test_a_forgery_without_truth_counts_for_images_alone(go: Go, place: Path) -> None:
    text = (place / "manifest.csv").read_text()
    for at in range(4):
        text = text.replace(f"gt/flat-{at}.png", "unknown")
    (place / "manifest.csv").write_text(text)
    record = go(convention="imdlbenco")  # which counts empty truths as 0
    gap = cell(record, "f1_imdlbenco", "flat")
    assert (gap.value, gap.n, gap.reason) == (
        None, 0, "no truth: it is not known which pixels are forged"
    )  # fmt: skip
    assert cell(record, "acc", "flat").images == 4
    assert cell(record, "f1_imdlbenco", "all").images == 4
    assert cell(record, "f1_imdlbenco", "authentic").value == 0


def test_tgif_counts_an_authentic_image_without_a_called_pixel_as_1(go: Go) -> None:
    record = go(convention="tgif")
    rows = [one for one in read_run(record.folder or "").samples if one.forgery]
    with Store(record.store, read_only=True) as store:
        for row in rows:
            if row.forgery and row.forgery.kind == "authentic":
                called = bool((store.heatmap(row.keys.heatmap) > 0).any())
                assert row.numbers["f1_tgif"] == (0.0 if called else 1.0,)
    assert cell(record, "f1_tgif", "authentic").images == 4
    assert cell(record, "auc", "flat") == cell(go("paper"), "auc", "flat")


def test_authentic_images_without_a_subset_belong_to_every_subset(go: Go, place: Path) -> None:
    text = (place / "manifest.csv").read_text()
    for at, subset in enumerate(("indoor", "indoor", "outdoor")):
        text = text.replace(f"authentic,,g{at},{subset},", f"authentic,,g{at},,")
    (place / "manifest.csv").write_text(text)
    record = go()
    assert cell(record, "image_auc", "all", "indoor").images == 4 + 3
    assert cell(record, "image_auc", "all", "outdoor").images == 4 + 1  # it has its own
    assert cell(record, "fpr", "authentic").images == 4
    assert set(record.samples["group"]) == {"g0", "g1", "g2", "g3"}


def test_only_authentic_images_have_false_positives_alone(go: Go, place: Path) -> None:
    (place / "manifest.csv").write_text("image,mask\nau/0.png,authentic\nau/1.png,Negative\n")
    record = go()
    known = {one.metric for one in record.cells if one.value is not None}
    assert known == {"fpr"}
    assert cell(record, "fpr", "authentic").n == 2


def test_one_original_has_no_interval(go: Go) -> None:
    record = go(limit=1)
    assert {one.sample for one in read_run(record.folder or "").samples} == {
        "au/0", "flat/0", "original/0",
    }  # fmt: skip
    for one in record.cells:
        assert (one.low, one.high) == (None, None)
        assert one.n == (1 if one.value is not None else 0)


def test_a_limit_takes_originals_with_and_without_forgeries_in_turn(go: Go, place: Path) -> None:
    save(place / "au/alone.png", textured(7))
    with (place / "manifest.csv").open("a") as file:
        file.write("au/alone.png,authentic,,alone,indoor,\n")
    samples = read_run(go(limit=2).folder or "").samples
    assert {one.forgery.group for one in samples if one.forgery} == {"g0", "alone"}


def test_shards_merge_to_the_run(go: Go, tmp_path: Path) -> None:
    whole = go()
    for index in (1, 2):
        settings = Settings(shard=Shard(index, 2))
        run(whole.plan, out=tmp_path / f"s{index}", settings=settings)
    merged = merge([tmp_path / "s1", tmp_path / "s2"], out=tmp_path / "merged")
    assert merged.cells == whole.cells
    for name in ("results.csv", "samples.csv", "table.md"):
        assert (tmp_path / "run" / name).read_text() == (tmp_path / "merged" / name).read_text()


def test_a_number_as_size_resizes_the_central_square_and_says_it(go: Go, place: Path) -> None:
    said: list[str] = []
    record = go(size=32, settings=Settings(tell=said.append))
    assert any("resized to 32 pixels a side; resizing removes traces" in line for line in said)
    assert record.complete
    with Store(record.store, read_only=True) as store:
        row = next(one for one in read_run(record.folder or "").samples if one.detector)
        assert store.heatmap(row.keys.heatmap).shape == (32, 32)
    side = np.zeros(SIDE, np.uint8)
    side[:, :2] = 255
    save(place / "gt/flat-0.png", side)
    (failure,) = go("cut", size=32).failures
    assert "no forged pixel is left in the central square at --size 32" in failure.reason


def test_truths_that_look_inverted_are_said(go: Go, place: Path) -> None:
    for path in place.glob("gt/*.png"):
        save(path, 255 - np.asarray(Image.open(path)))
    said: list[str] = []
    go(settings=Settings(tell=said.append))
    assert any("if that is the authentic part, add --black-forged" in line for line in said)
    said.clear()
    go("black", black_forged=True, settings=Settings(tell=said.append))
    assert not any("authentic part" in line for line in said)


def test_heatmaps_already_made_are_found_by_the_item_s_name(
    go: Go, tmp_path: Path, place: Path
) -> None:
    for item in read_forgeries(place).items:
        path = tmp_path / "maps" / f"{item.name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        truth = np.zeros(SIDE) if item.mask is None else np.asarray(Image.open(item.mask.label))
        np.save(path, (truth > 0) * 0.8 + 0.1)
    record = go(detectors=f"mine=heatmaps:{tmp_path / 'maps'}")
    assert record.complete
    assert cell(record, "auc", "all", detector="mine").value == 1
    assert cell(record, "image_auc", "all", detector="mine").value == 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("image,mask\ngone.png,unknown\n", "gone.png"),
        ("image,mask\nau/0.png,authentic\nau/0.png,authentic\n", "au/0.png"),
        ("image,mask,colour\nau/0.png,authentic,red\n", "colour"),
        (HEAD + "au/0.png,unknown,,,all,\n", "subset 'all' has another meaning"),
        (HEAD + "au/0.png,unknown,,,,authentic\n", "method 'authentic' has another meaning"),
    ],
)
def test_a_bad_manifest_is_an_error_that_leaves_nothing(
    go: Go, tmp_path: Path, place: Path, text: str, said: str
) -> None:
    (place / "manifest.csv").write_text(text)
    with pytest.raises(DataError) as wrong:
        go()
    assert said in str(wrong.value)
    assert "\n" not in str(wrong.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"inpainters": "telea"}, "inpainters does not go with forgeries"),
        ({"masks": "m"}, "masks does not go with forgeries"),
        ({"buckets": "10-20"}, "buckets does not go with forgeries"),
        ({"mask_polarity": "black-hole"}, "black_forged says that black is forged"),
        ({"metrics": "psnr"}, "compares an inpainted image with its original"),
        ({"metrics": "image_auc"}, "image_auc is reported beside acc: use acc"),
        ({"detectors": "none"}, "forgeries needs a detector"),
        ({"tile": 64, "size": 96}, "tile 64 goes with size"),
        ({"overlap": 8}, "overlap goes with tile"),
        ({"tile": 64, "detectors": "h=heatmaps:maps"}, "finished heatmaps are read whole"),
    ],
)
def test_what_does_not_go_with_forgeries_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        Plan(**{"forgeries": Path("set"), "detectors": "flatness", **values})  # type: ignore[arg-type]


def test_keys_of_forgeries_are_refused_without_them() -> None:
    for values in ({"layout": "tgif"}, {"black_forged": True}, {"metrics": "image_auc"}):
        with pytest.raises(PlanError, match=r"forgeries"):
            Plan(**values)  # type: ignore[arg-type]
    assert "layout" not in Plan().dump()
    assert not {"layout", "black_forged", "forgeries"} & set(Plan().document())


def manifest(root: Path) -> None:
    make(root, ("a.png", "b.png"), ("t.png",))
    (root / "manifest.csv").write_text("image,mask\na.png,t.png\nb.png,authentic\n")


OWN: dict[str, Callable[[Path], object]] = {
    "benco": lambda root: make(root, ("Tp/1.png", "Au/1.png"), ("Gt/1.png",)),
    "benco-json": lambda root: (
        make(root, ("1.png", "2.png"), ("t.png",)),
        (root / "set.json").write_text('[["1.png", "t.png"], ["2.png", "Negative"]]'),
    ),
    "manifest": manifest,
    "opensdid": lambda root: write_parquet(root / "data/sd15-00000-of-00001.parquet"),
    "pairs": lambda root: make(
        root, ("a.png", "a_output.png", "b.png"), ("a_mask.png", "b_mask.png")
    ),
}


@pytest.mark.parametrize("layout", [*TREES, *OWN])
def test_a_made_up_tree_of_each_layout_gives_a_table(tmp_path: Path, layout: str) -> None:
    root = tmp_path / "set"
    root.mkdir()
    (OWN[layout] if layout in OWN else TREES[layout][1])(root)
    place = root / "set.json" if layout == "benco-json" else root
    record = run(Plan(forgeries=place, detectors=("chance",)), store=tmp_path / "store")
    assert record.complete, record.failures
    known = [one for one in record.cells if one.value is not None]
    assert {one.metric for one in known} >= {"auc", "f1", "acc"}
    for one in known:
        assert 1 <= one.n <= (one.images or 0)
        assert (one.low is not None) <= (one.n > 1)


def test_rows_that_a_detector_was_trained_on_are_marked(
    go: Go, tmp_path: Path, place: Path
) -> None:
    """By the method's name, or all of them by one image; the run's files say the same."""
    source, path = small_weights("iidnet"), tmp_path / "iidnet.safetensors"
    noted = read_bench_metadata(source) | {"met": ["flat"]}

    def marks(out: str, **changes: object) -> dict[str, str]:
        save_file(load_file(source), path, {"bench": json.dumps(noted | changes)})
        record = go(out, detectors="iidnet", weights={"iidnet": str(path)}, limit=1)
        found = {one.inpainter: one.met for one in record.cells if one.bucket == "indoor"}
        text = (tmp_path / out / "table.md").read_text()
        assert ("¶ seen in training: the detector was trained on images of" in text) is any(
            found.values()
        )
        assert ("| flat¶ |" in text) is (found["flat"] == "yes")
        again = read_run(tmp_path / out).results
        assert [one.met for one in again] == [one.met for one in record.cells]
        return found

    other = {"images": sha256_of(place / "gt/flat-0.png")[:12]}
    assert marks("method", forgeries=[other]) == {
        "flat": "yes", "original": "", "all": "yes", "authentic": ""
    }  # fmt: skip
    one = {"images": other["images"] + sha256_of(place / "au/0.png")[:12]}
    assert set(marks("unknown", met=None, forgeries=[one]).values()) == {"yes"}
