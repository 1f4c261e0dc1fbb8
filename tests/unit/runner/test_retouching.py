"""Runs with retouching: one output of the inpainter for all variants, with the same bytes."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.core.seeds import seed_of
from benchmark.core.tensors import to_images, to_masks
from benchmark.core.types import Mask, Pixels
from benchmark.executors.processes import Processes
from benchmark.results.required_keys import needed_by
from benchmark.results.rows import ResultRow
from benchmark.retouch import Retouch
from benchmark.runner.executor import Executor
from benchmark.runner.jobs import InpaintJob, make_inpaint_job
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import resolve_plan
from benchmark.runner.settings import Settings
from benchmark.runner.waves import count_missing
from benchmark.store.clean import clean_store
from benchmark.store.store import Store
from inpainters import create_inpainter
from inpainters.baselines import MeanFill
from tests.unit.runner.single_jobs import inpaint_jobs

ALL = ("none", "grain:1.5", "grain:match", "blur:1", "sharpen:0.5", "median:3")
Go = Callable[..., RunRecord]


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    """Five images of two shapes: a slope with grain of 3 gray levels."""
    photos = tmp_path / "photos"
    photos.mkdir()
    generator = np.random.default_rng(1)
    for number in range(5):
        width = 80 + number % 2 * 16
        slope = np.linspace(40, 200, width)[None, :, None] + 3 * generator.standard_normal(
            (80, width, 3)
        )
        Image.fromarray(slope.clip(0, 255).astype(np.uint8)).save(photos / f"{number}.png")
    return Plan(
        datasets=("folder",), images=photos, size="native", buckets=("30-40",),
        inpainters=("telea",), detectors=("flatness",), metrics=("auc", "acc", "psnr"),
    )  # fmt: skip


@pytest.fixture
def go(plan: Plan, tmp_path: Path) -> Go:
    def call(
        store: str = "store",
        *,
        executor: Executor | None = None,
        batch: int = 1,
        out: Path | None = None,
        save_images: bool = False,
        **changes: object,
    ) -> RunRecord:
        return run(
            again(plan, **changes),
            store=tmp_path / store,
            out=out,
            save_images=save_images,
            settings=Settings(batch=batch, executor=executor),
        )

    return call


def again(plan: Plan, **changes: object) -> Plan:
    return Plan(**{**plan.model_dump(exclude_unset=True), **changes})


def stored_images(plan: Plan, place: Path) -> dict[tuple[str, str, str], Pixels]:
    """Return the images in a store by inpainter, retouching and sample."""
    jobs = PlanJobs(resolve_plan(plan))
    with Store(place) as store:
        return {
            (job.inpainter.name, job.treatment, job.sample.id): store.image(job.key)
            for inpainter in jobs.resolved.inpainters
            for job in inpaint_jobs(jobs, inpainter)
            if store.known([job.key])
        }


def masks(plan: Plan) -> dict[str, Mask]:
    resolved = resolve_plan(plan)
    return {ref.id: resolved.sources.load(ref).mask for ref in resolved.samples}


def shown(record: RunRecord) -> list[ResultRow]:
    """Return the cells of the plan's own inpainters, without those of the null."""
    return [cell for cell in record.cells if not cell.metric.endswith("_null")]


def values(record: RunRecord) -> dict[tuple[str, str], float | None]:
    return {(cell.painter, cell.metric): cell.value for cell in record.cells}


def test_each_variant_is_the_float_output_retouched_then_rounded(
    plan: Plan, go: Go, tmp_path: Path
) -> None:
    go(retouch=ALL)
    whole = again(plan, retouch=ALL)
    resolved = resolve_plan(whole)
    telea = create_inpainter("telea")
    for ref in resolved.samples:
        sample = resolved.sources.load(ref)
        (floats,) = telea.inpaint(to_images(sample.image[None]), to_masks(sample.mask[None]))
        for step in ALL[1:]:
            changed = Retouch.parse(step).apply(
                np.ascontiguousarray(floats.numpy().transpose(1, 2, 0)),
                sample.mask,
                seed=seed_of("retouch", plan.seed, ref.id),
            )
            found = stored_images(whole, tmp_path / "store")["telea", step, ref.id]
            np.testing.assert_array_equal(found, np.rint(changed * 255).astype(np.uint8))
            np.testing.assert_array_equal(found[~sample.mask], sample.image[~sample.mask])


@pytest.mark.parametrize("batch", [1, 2])
def test_the_same_bytes_whether_computed_together_or_later(
    plan: Plan, go: Go, tmp_path: Path, batch: int
) -> None:
    models = ("meanfill", "telea")
    go("together", batch=batch, retouch=ALL, inpainters=models)
    go("later", batch=1, inpainters=models)
    go("later", batch=batch, retouch=("blur:1", "grain:1.5"), inpainters=models)
    last = go("later", batch=3 - batch, retouch=ALL, inpainters=models)
    whole = again(plan, retouch=ALL, inpainters=models)
    one, two = (stored_images(whole, tmp_path / name) for name in ("together", "later"))
    assert len(one) == len(two) == 2 * 5 * len(ALL)
    for key, image in one.items():
        np.testing.assert_array_equal(image, two[key])
    assert last.document["jobs_run"]["fill"] == 2 * 5 * (len(ALL) - 3)


def test_processes_give_the_same_bytes(go: Go, tmp_path: Path) -> None:
    files = ("results.csv", "samples.csv", "table.md")
    go("serial", out=tmp_path / "one", retouch=ALL)
    go("spread", out=tmp_path / "two", retouch=ALL, executor=Processes(2), batch=2)
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_the_inpainter_runs_once_per_sample(
    go: Go, monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    seen: list[int] = []
    own = MeanFill._fill

    def counted(self: MeanFill, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        seen.append(len(images))
        return own(self, images, masks, seed=seed)

    monkeypatch.setattr(MeanFill, "_fill", counted)
    go(batch=batch, retouch=ALL, inpainters=("meanfill",))
    assert sum(seen) == 5
    go(batch=batch, retouch=ALL, inpainters=("meanfill",))
    assert sum(seen) == 5
    go(batch=batch, retouch=(*ALL, "grain:9"), inpainters=("meanfill",))  # floats are not stored
    assert sum(seen) == 10


def test_only_retouched_variants_have_new_keys(
    plan: Plan,
) -> None:
    def keys(**changes: object) -> list[InpaintJob]:
        jobs = PlanJobs(resolve_plan(again(plan, **changes)))
        return inpaint_jobs(jobs, jobs.resolved.inpainters[0])[: len(jobs.resolved.retouches)]

    (bare,) = keys()
    (said,) = keys(retouch=("none",))
    several = keys(retouch=ALL)
    assert bare.key == said.key == several[0].key
    assert len({one.key for one in several}) == len(ALL)


def test_the_seed_is_in_the_key_of_grain_alone(plan: Plan) -> None:
    resolved = resolve_plan(plan)
    sample, telea = resolved.samples[0], resolved.inpainters[0]

    def key(step: str, seed: int) -> str:
        return make_inpaint_job(telea, sample, seed=seed, rounding="even", treatment=step).key

    for step in ALL[1:]:
        assert (key(step, 0) != key(step, 1)) == step.startswith("grain")


def test_the_hole_of_a_retouched_original_is_the_truth(go: Go) -> None:
    found = values(go(retouch=("none", "grain:4"), inpainters=("original",)))
    assert found["original", "auc"] is None
    assert found["original", "fpr"] is not None
    assert found["original+grain:4", "auc"] is not None
    assert found["original+grain:4", "acc"] is not None
    assert ("original+grain:4", "fpr") not in found
    assert (found["original+grain:4", "psnr"] or 0) > 30


def test_without_none_only_the_retouched_are_shown(go: Go) -> None:
    both, one = go("a", retouch=("none", "grain:2")), go("b", retouch=("grain:2",))
    assert {cell.painter for cell in shown(one)} == {"telea+grain:2"}
    assert one.document["jobs_run"]["fill"] == 5 + 5  # with the authentic images, for the null
    assert values(one).items() <= values(both).items()


def test_the_null_does_not_depend_on_retouching(go: Go) -> None:
    def nulls(retouch: tuple[str, ...], *inpainters: str) -> dict[str, float | None]:
        record = go(retouch=retouch, inpainters=inpainters)
        found = [cell for cell in record.cells if cell.metric.endswith("_null")]
        assert {cell.painter for cell in found} == {"original"}
        return {cell.metric: cell.value for cell in found}

    plain = nulls(("none",), "telea")
    assert plain["auc_null"] is not None
    assert nulls(("grain:9",), "telea") == plain
    assert nulls(("grain:9",), "original") == plain  # its grain is inside the hole only
    assert nulls(("none", "grain:9"), "original", "telea") == plain


@pytest.mark.parametrize(
    "changes",
    [{"hole_blind": True}, {"rounding": "authors"}, {"launder": ("jpeg:80", "noise:2")}],
    ids=str,
)
def test_retouching_with_other_options(go: Go, changes: dict[str, object]) -> None:
    record = go(retouch=("none", "grain:3"), inpainters=("safepaint", "telea"), **changes)
    assert record.complete
    launders = ("", *changes.get("launder", ()))  # type: ignore[misc]
    auc = [cell for cell in record.cells if cell.metric == "auc"]
    assert {(cell.painter, cell.launder) for cell in auc} == {
        (name, step)
        for name in ("safepaint", "safepaint+grain:3", "telea", "telea+grain:3")
        for step in launders
    }
    assert all(cell.value is not None for cell in auc)


def test_a_missing_known_region_is_a_failed_sample(plan: Plan, go: Go, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    for number in range(5):
        mask = np.zeros((80, 80 + number % 2 * 16), np.uint8)
        mask[20:60, 20:60] = 255
        if number == 2:  # all but 81 pixels; a mask without known pixels is not valid
            mask[:] = 255
            mask[30:39, 30:39] = 0
        Image.fromarray(mask).save(folder / f"{number}.png")
    record = go(
        retouch=("none", "grain:match", "grain:1"), masks=folder, mask_polarity="white-hole",
        buckets=("0-100",),
    )  # fmt: skip
    (failure,) = record.failures
    assert (failure.kind, failure.sample, failure.model) == ("failed", "2", "telea")
    assert failure.retouch == "grain:match"
    assert "the known region has fewer than" in failure.reason
    counts = {(cell.painter, cell.metric): cell.n for cell in record.cells}
    assert counts["telea", "psnr"] == counts["telea+grain:1", "psnr"] == 5
    gap = next(cell for cell in record.cells if cell.painter == "telea+grain:match")
    assert (gap.value, gap.reason) == (None, "only 4 of 5 samples were measured")
    assert record.document["failures"][0]["retouch"] == "grain:match"


def test_an_image_that_cannot_be_read_is_skipped_once(plan: Plan, go: Go) -> None:
    assert plan.images is not None
    (plan.images / "3.png").write_text("no image")
    record = go(retouch=ALL)
    assert [(one.kind, one.retouch) for one in record.failures] == [("skipped", "")]


def test_finished_images_are_retouched_from_8_bits(plan: Plan, go: Go, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    holes = masks(plan)
    assert plan.images is not None
    for path in plan.images.iterdir():
        pixels = np.asarray(Image.open(path)).copy()
        pixels[holes[path.stem]] = 90
        pixels[0, 0] = np.where(holes[path.stem][0, 0], pixels[0, 0], pixels[0, 0] ^ 1)
        Image.fromarray(pixels).save(made / path.name)
    word = f"mine=outputs:{made}"
    steps = ("none", "grain:2", "blur:1")
    record = go(retouch=steps, inpainters=(word,), recomposite=True)
    found = stored_images(again(plan, inpainters=(word,), retouch=steps, recomposite=True),
                     tmp_path / "store")  # fmt: skip
    for (_, step, name), image in found.items():
        original = np.asarray(Image.open(plan.images / f"{name}.png"))
        np.testing.assert_array_equal(image[~holes[name]], original[~holes[name]])
        eight = np.where(holes[name][..., None], 90, original).astype(np.float32) / 255
        expected = (
            Retouch.parse(step).apply(eight, holes[name], seed=seed_of("retouch", 0, name))
            if step
            else eight
        )
        np.testing.assert_array_equal(image, np.rint(expected * 255).astype(np.uint8))
    assert record.document["known_pixels"]["mine"]["pictures"] == 5
    late = go("fresh", retouch=("grain:2",), inpainters=(word,), recomposite=True)
    assert late.document["known_pixels"] == record.document["known_pixels"]


def test_a_program_runs_once_for_all_variants(plan: Plan, go: Go, tmp_path: Path) -> None:
    program, log = tmp_path / "paint.py", tmp_path / "log"
    program.write_text(
        "import sys\nfrom pathlib import Path\nfrom PIL import Image\n"
        "images, masks, out, log = map(Path, sys.argv[1:])\n"
        "for path in sorted(images.iterdir()):\n"
        "    with log.open('a') as file: file.write(path.name + '\\n')\n"
        "    Image.open(path).convert('L').convert('RGB').save(out / path.name)\n"
    )
    word = f"mine=cmd:{sys.executable} {program} {{images}} {{masks}} {{out}} {log}"
    record = go(retouch=("none", "grain:2", "median:3"), inpainters=(word,))
    assert record.complete
    assert len(log.read_text().splitlines()) == 5


def test_finished_heatmaps_are_found_by_variant(plan: Plan, go: Go, tmp_path: Path) -> None:
    for folder, level in (("telea", 0), ("telea+grain-2", 255)):
        place = tmp_path / "heat" / folder
        place.mkdir(parents=True)
        for name, hole in masks(plan).items():
            Image.fromarray(np.full(hole.shape, level, np.uint8)).save(place / f"{name}.png")
    word = f"heat=heatmaps:{tmp_path / 'heat'}"
    record = go(retouch=("none", "grain:2"), detectors=(word,), metrics=("area",))
    assert record.complete, record.failures
    found = {(cell.painter, cell.metric): cell.value for cell in shown(record)}
    assert found == {("telea", "area"): 0.0, ("telea+grain:2", "area"): 1.0}
    gaps = [cell for cell in record.cells if cell.metric.endswith("_null")]
    assert gaps
    assert all(cell.value is None and "authentic images" in cell.reason for cell in gaps)


def test_cleaning_keeps_what_retouched_runs_need(plan: Plan, go: Go, tmp_path: Path) -> None:
    go(out=tmp_path / "out", retouch=("none", "grain:1.5"))
    go(retouch=("blur:2",))
    whole = again(plan, retouch=("none", "grain:1.5"))
    with Store(tmp_path / "store") as store:
        gone = list(clean_store(store, needed=needed_by([tmp_path / "out"])))
        assert gone
        assert count_missing(PlanJobs(resolve_plan(whole)), store) == 0
        assert count_missing(PlanJobs(resolve_plan(again(plan, retouch=("blur:2",)))), store) > 0


def test_saved_images_have_names_that_every_file_system_takes(go: Go, tmp_path: Path) -> None:
    go(out=tmp_path / "out", save_images=True, retouch=("none", "grain:1.5"))
    names = {path.name for path in (tmp_path / "out" / "images").rglob("*.png")}
    assert names == {
        "original.png", "mask.png", "telea.png", "telea.flatness.png", "telea+grain-1.5.png",
        "telea+grain-1.5.flatness.png",
    }  # fmt: skip


def test_files_of_a_run_say_what_was_retouched(go: Go, tmp_path: Path) -> None:
    go(out=tmp_path / "out", retouch=("none", "grain:1.5"))
    for name in ("results.csv", "samples.csv"):
        with (tmp_path / "out" / name).open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert {(row["inpainter"], row["retouch"]) for row in rows} == {
            ("telea", ""), ("telea", "grain:1.5"), ("original", ""),
        }  # fmt: skip
    assert "retouch = [" in (tmp_path / "out" / "plan.toml").read_text()


def test_a_default_is_not_written_so_that_older_runs_go_on(go: Go, tmp_path: Path) -> None:
    go(out=tmp_path / "out")
    before = (tmp_path / "out" / "plan.toml").read_text()
    assert "retouch" not in before
    go(out=tmp_path / "out", retouch=("none",))
    assert (tmp_path / "out" / "plan.toml").read_text() == before


def test_heatmaps_that_do_not_say_of_which_variant_they_are_are_refused(
    plan: Plan, go: Go, tmp_path: Path
) -> None:
    (tmp_path / "heat").mkdir()
    for name, hole in masks(plan).items():
        Image.fromarray(np.zeros(hole.shape, np.uint8)).save(tmp_path / "heat" / f"{name}.png")
    word = f"heat=heatmaps:{tmp_path / 'heat'}"
    assert go("one", detectors=(word,), metrics=("area",)).complete
    record = go("two", retouch=("none", "grain:2"), detectors=(word,), metrics=("area",))
    assert len(record.failures) == 10
    assert {one.retouch for one in record.failures} == {"", "grain:2"}
