"""Runs with composites: one forward pass for all of them, and every number by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.composite import Composite, split_treatment
from benchmark.core.errors import PlanError
from benchmark.core.seeds import seed_of
from benchmark.core.types import Pixels
from benchmark.executors.processes import Processes
from benchmark.retouch import Retouch
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import resolve_plan
from benchmark.runner.settings import Settings
from benchmark.store.store import Store
from inpainters import create_inpainter
from inpainters.baselines import MeanFill
from tests.unit.runner.single_jobs import inpaint_jobs

ALL = ("splice", "none", "feather:4")
Go = Callable[..., RunRecord]
Found = dict[tuple[str, str], Pixels]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Three noisy slopes of 48x56 pixels, each with a square hole."""
    photos, holes = tmp_path / "photos", tmp_path / "holes"
    photos.mkdir()
    holes.mkdir()
    generator = np.random.default_rng(1)
    for number in range(3):
        slope = np.linspace(40, 200, 56)[None, :, None] + generator.normal(0, 3, (48, 56, 3))
        Image.fromarray(slope.clip(0, 255).astype(np.uint8)).save(photos / f"{number}.png")
        hole = np.zeros((48, 56), np.uint8)
        hole[10:34, 12 + number : 42 + number] = 255
        Image.fromarray(hole).save(holes / f"{number}.png")
    return Plan(
        datasets=("folder",), images=photos, masks=holes, size="native", buckets=("20-40",),
        inpainters=("telea",), detectors=("flatness",), metrics=("auc", "psnr"), composite=ALL,
        mask_polarity="white-hole",
    )  # fmt: skip


@pytest.fixture
def go(plan: Plan, tmp_path: Path) -> Go:
    def call(store: str = "store", *, settings: Settings | None = None, **changes: object):  # type: ignore[no-untyped-def]
        return run(again(plan, **changes), store=tmp_path / store, settings=settings or Settings())

    return call


def again(plan: Plan, **changes: object) -> Plan:
    return Plan(**{**plan.model_dump(exclude_unset=True), **changes})


def stored(plan: Plan, place: Path) -> Found:
    """Return the images in a store by treatment and sample, of the plan's first inpainter."""
    jobs = PlanJobs(resolve_plan(plan))
    with Store(place) as store:
        return {
            (job.treatment, job.sample.id): store.image(job.key)
            for job in inpaint_jobs(jobs, jobs.resolved.inpainters[0])
        }


def sample_of(plan: Plan, name: str) -> tuple[Pixels, np.ndarray]:
    resolved = resolve_plan(plan)
    (sample,) = (resolved.sources.load(ref) for ref in resolved.samples if ref.id == name)
    return sample.image, sample.mask


class Halved(MeanFill):
    """Returns the whole image at half its brightness, whatever the hole."""

    passes = 0

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        type(self).passes += len(images)
        return images * 0.5


@pytest.mark.parametrize("batch", [1, 2])
def test_one_pass_gives_every_image_and_each_number_is_numpys(
    plan: Plan, go: Go, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(MeanFill, "_fill", Halved._fill)
    monkeypatch.setattr(MeanFill, "passes", 0, raising=False)
    chosen = {"inpainters": ("meanfill", "original"), "retouch": ("none", "grain:2"),
              "rounding": "authors"}  # fmt: skip
    record = go(settings=Settings(batch=batch), **chosen)
    assert MeanFill.passes == 3  # type: ignore[attr-defined]
    found = stored(again(plan, **chosen), tmp_path / "store")
    assert len(found) == 3 * 3 * 2
    shares, changes = [], []
    for (treatment, name), image in found.items():
        original, hole = sample_of(plan, name)
        floats = original.astype(np.float32) / np.float32(255)
        composite, retouch = split_treatment(treatment)
        expected = Composite.parse(composite).apply(floats / 2, floats, hole)
        if retouch:
            seed = seed_of("retouch", 0, name)
            expected = Retouch.parse(retouch).apply(expected, hole, seed=seed)
        np.testing.assert_array_equal(image, np.rint(expected * 255).astype(np.uint8))
        if treatment == "composite:none":
            apart = np.abs(image[~hole].astype(int) - original[~hole])
            shares.append(apart.any(axis=1).mean())
            changes.append(apart.mean())
    cells = {(cell.painter, cell.metric): cell.value for cell in record.cells}
    assert cells["meanfill+composite:none", "known_changed"] == pytest.approx(np.mean(shares))
    assert cells["meanfill+composite:none", "known_mae"] == pytest.approx(np.mean(changes))
    assert ("meanfill", "known_changed") not in cells
    assert not any(name.startswith("original+") and ":" in name and "composite" in name
                   for name, _ in cells)  # fmt: skip
    assert {"original", "original+grain:2"} <= {name for name, _ in cells}


def test_a_model_that_keeps_known_pixels_changes_none(go: Go) -> None:
    record = go()
    cells = {(cell.painter, cell.metric): cell.value for cell in record.cells}
    assert {"known_changed", "known_mae"} <= set(record.document["metrics"])  # for merge and clean
    assert cells["telea+composite:none", "known_changed"] == 0
    assert cells["telea+composite:none", "auc"] == cells["telea", "auc"]


def test_a_later_composite_adds_its_own_outputs_and_changes_no_other(
    plan: Plan, go: Go, tmp_path: Path
) -> None:
    first = go(composite=())
    keys = stored(again(plan, composite=()), tmp_path / "store")
    both = go()
    assert both.document["jobs_stored"]["fill"] == 2 * 3  # spliced, and those of the null
    assert both.document["jobs_run"]["fill"] == 2 * 3
    for name, image in keys.items():
        np.testing.assert_array_equal(stored(plan, tmp_path / "store")[name], image)
    assert next(one.value for one in first.cells if one.metric == "psnr") == next(
        one.value for one in both.cells if one.metric == "psnr" and one.painter == "telea"
    )


def test_processes_give_the_same(go: Go) -> None:
    one = go()
    two = go("spread", settings=Settings(executor=Processes(2)))
    assert [cell.value for cell in one.cells] == [cell.value for cell in two.cells]


def test_a_known_pixel_that_is_nan_fails_none_alone(
    go: Go, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(_: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return (images * 0.5).masked_fill(masks == 0, float("nan"))

    monkeypatch.setattr(MeanFill, "_fill", fill)
    record = go(inpainters=("meanfill",))
    assert {one.retouch for one in record.failures} == {"composite:none"}
    assert {one.painter for one in record.cells if one.metric == "psnr" and one.n} == {
        "meanfill", "meanfill+feather:4",
    }  # fmt: skip


def test_finished_images_are_judged_as_they_are(plan: Plan, go: Go, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    for name in "012":
        original, hole = sample_of(plan, name)
        changed = original + np.uint8(1)
        changed[hole] = 90
        Image.fromarray(changed).save(made / f"{name}.png")
    word = f"mine=outputs:{made}"
    assert go("old", inpainters=(word,), composite=()).failures  # the old rule
    record = go(inpainters=(word,))
    assert not record.failures
    found = stored(again(plan, inpainters=(word,)), tmp_path / "store")
    for (treatment, name), image in found.items():
        original, hole = sample_of(plan, name)
        expected = original + np.uint8(treatment == "composite:none")
        np.testing.assert_array_equal(image[~hole], expected[~hole])
    cells = {(cell.painter, cell.metric): cell.value for cell in record.cells}
    assert cells["mine+composite:none", "known_changed"] == 1
    assert cells["mine+composite:none", "known_mae"] == 1
    assert record.document["known_pixels"]["mine"]["moved"] == 3


def test_the_image_of_a_program_is_kept_whole(plan: Plan, go: Go, tmp_path: Path) -> None:
    program = tmp_path / "paint.py"
    program.write_text(
        "import sys\nfrom pathlib import Path\nfrom PIL import Image, ImageOps\n"
        "images, masks, out = map(Path, sys.argv[1:])\n"
        "for path in sorted(images.iterdir()):\n"
        "    ImageOps.invert(Image.open(path).convert('RGB')).save(out / path.name)\n"
    )
    word = f"mine=cmd:{sys.executable} {program} {{images}} {{masks}} {{out}}"
    go(inpainters=(word,), composite=("splice", "none"))
    found = stored(again(plan, inpainters=(word,), composite=("splice", "none")),
                   tmp_path / "store")  # fmt: skip
    for name in "012":
        original, hole = sample_of(plan, name)
        np.testing.assert_array_equal(found["composite:none", name], 255 - original)
        spliced = np.where(hole[..., None], 255 - original, original)
        np.testing.assert_array_equal(found["", name], spliced)


def test_inpaint_keeps_its_contract_beside_inpaint_whole(plan: Plan) -> None:
    import torch

    image = torch.rand(1, 3, 40, 44)
    mask = torch.zeros(1, 1, 40, 44)
    mask[..., 8:20, 8:24] = 1
    shiftmap = create_inpainter("shiftmap")
    spliced, whole = shiftmap.inpaint(image, mask), shiftmap.inpaint_whole(image, mask)
    assert torch.equal(spliced, torch.where(mask.bool(), whole, image))
    assert not torch.equal(whole, spliced)  # its colors pass through CIE Lab


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"composite": "splat"}, "no composite named 'splat'"),
        ({"composite": "none,none"}, "composite 'none' is named twice"),
        ({"composite": ("feather:0",)}, "from 2 to 256"),
    ],
)
def test_a_bad_composite_is_refused(values: dict[str, object], said: str) -> None:
    with pytest.raises(PlanError, match=said):
        Plan(**values)  # type: ignore[arg-type]


def test_the_default_leaves_no_trace() -> None:
    for plan in (Plan(), Plan(composite="splice"), Plan(composite=())):  # type: ignore[arg-type]
        assert "\ncomposite" not in plan.dump()
        assert "composite" not in plan.document()
    assert Plan(composite="none").composite == ("none",)  # type: ignore[arg-type]
    assert Plan(composite="none").treatments == ("composite:none",)  # type: ignore[arg-type]
