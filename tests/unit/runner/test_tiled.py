"""Detection in tiles: the same rule for single images and for runs."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.core.errors import PlanError
from benchmark.core.tiles import Tiling
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import resolve_plan
from benchmark.runner.settings import Settings
from benchmark.single.detection import detect_image
from benchmark.single.models import Loaded
from benchmark.store.store import Store


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Two images of 60x90 pixels, larger than a tile of 48, and one of 40x44."""
    photos = tmp_path / "photos"
    photos.mkdir()
    generator = np.random.default_rng(3)
    for name, shape in {"a": (60, 90, 3), "b": (60, 90, 3), "small": (40, 44, 3)}.items():
        smooth = np.full(shape, 120) + generator.normal(0, 1 + 20 * (name == "a"), shape)
        Image.fromarray(smooth.clip(0, 255).astype(np.uint8)).save(photos / f"{name}.png")
    return Plan(
        datasets=("folder",), images=photos, size="native", buckets=("30-40",), tile=48, overlap=8,
        inpainters=("telea",), detectors=("flatness",), metrics=("auc",),
    )  # fmt: skip


def again(plan: Plan, **changes: object) -> Plan:
    return Plan(**{**plan.model_dump(exclude_unset=True), **changes})


def test_a_run_and_a_single_image_have_the_same_tiles(plan: Plan, tmp_path: Path) -> None:
    run(plan, store=tmp_path / "store", settings=Settings(batch=2))
    run(again(plan, tile=None, overlap=None), store=tmp_path / "whole")
    resolved = resolve_plan(plan)
    jobs, (telea,), (flatness,) = PlanJobs(resolved), resolved.inpainters, resolved.detectors
    whole = PlanJobs(resolve_plan(again(plan, tile=None, overlap=None)))
    with (
        Store(tmp_path / "store") as store,
        Store(tmp_path / "whole") as other,
        Store(tmp_path / "single") as single,
    ):
        for index, sample in enumerate(resolved.samples):
            key = jobs.detect_keys(flatness, telea)[index]
            image = store.image(jobs.inpaint_keys(telea)[index])
            large = max(image.shape[:2]) > 48
            tiling = Tiling(side=48, overlap=8) if large else None
            alone = detect_image(flatness, image, loaded=Loaded("cpu"), store=single, tiling=tiling,
                                 name=sample.id)  # fmt: skip
            np.testing.assert_array_equal(store.heatmap(key), alone.logits)
            assert store.scores([key]) == [alone.score]
            unlike = whole.detect_keys(flatness, telea)[index]
            assert unlike != key  # always in the key, also of the small image
            same = np.array_equal(other.heatmap(unlike), store.heatmap(key))
            assert same is not large or sample.id == "b"


def test_a_program_gets_the_tiles_by_name(plan: Plan, tmp_path: Path) -> None:
    program, log = tmp_path / "detect.py", tmp_path / "log"
    program.write_text(
        "import sys\nfrom pathlib import Path\nimport numpy as np\nfrom PIL import Image\n"
        "images, out, log = map(Path, sys.argv[1:])\n"
        "for path in sorted(images.iterdir()):\n"
        "    image = Image.open(path)\n"
        "    with log.open('a') as file: file.write(f'{image.size}\\n')\n"
        "    np.save(out / f'{path.stem}.npy', np.full(image.size[::-1], 0.25, np.float32))\n"
    )
    word = f"mine=cmd:{sys.executable} {program} {{images}} {{out}} {log}"
    record = run(again(plan, detectors=(word,), limit=1), store=tmp_path / "store")
    assert record.complete
    assert log.read_text().splitlines() == ["(48, 48)"] * 6


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 64}, r'tile 48 goes with size="native": images of size 64 are square'),
        ({"tile": None}, "overlap goes with tile"),
        ({"tile": 9}, "tile 9: expected at least 16 pixels"),
        ({"overlap": 25}, "overlap 25: expected 0 to 24, half of tile 48"),
        ({"detectors": (), "metrics": ("psnr",)}, "tile needs a detector"),
    ],
)
def test_tiles_that_cannot_be_used_are_refused(
    plan: Plan, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(PlanError, match=said):
        again(plan, **changes)


def test_a_tile_below_the_smallest_side_of_a_model_is_refused(plan: Plan) -> None:
    small = again(plan, detectors=("flatness", "trufor"), tile=20, overlap=None)
    with pytest.raises(PlanError, match="--tile 20: trufor takes images of at least 29 pixels"):
        resolve_plan(small)
