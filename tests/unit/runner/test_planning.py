"""Columns of jobs: no key is hashed twice in a run, and keys equal those of single jobs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.results.required_keys import needed_by
from benchmark.runner import keys as keys_module
from benchmark.runner.jobs import make_inpaint_job
from benchmark.runner.keys import mask_key
from benchmark.runner.planning import Keys, PlanJobs
from benchmark.runner.resolve import resolve_plan
from benchmark.store.store import Store
from tests.small import small_weights
from tests.stopped import stop
from tests.unit.runner.single_jobs import detect_job, measure_job


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    photos = tmp_path / "photos"
    photos.mkdir()
    rng = np.random.default_rng(4)
    for name in "abc":
        pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(photos / f"{name}.png")
    return Plan(
        datasets=("folder",), images=photos, size=64, buckets=("10-20", "30-40"),
        inpainters=("meanfill", "fcf", "original"), detectors=("flatness", "chance"),
        metrics=("auc", "acc", "f1_pooled", "psnr"), launder=("noise:2", "jpeg:80"),
        retouch=("none", "grain:2", "blur:1"), rounding="authors",
        weights={"fcf": str(small_weights("fcf"))},
    )  # fmt: skip


def again(plan: Plan, **changes: object) -> Plan:
    """Return the plan with changes, without the network."""
    return Plan(**{**plan.model_dump(exclude_unset=True), "weights": {}, **changes})


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """The number of times that each key is hashed."""
    found: Counter[str] = Counter()
    key_of = keys_module.key_of

    def counted(*parts: object) -> str:
        key = key_of(*parts)
        found[key] += 1
        return key

    monkeypatch.setattr("benchmark.runner.keys.key_of", counted)
    monkeypatch.setattr("benchmark.runner.sources.key_of", counted)
    return found


@pytest.mark.parametrize("warm", [False, True], ids=["fresh store", "full store"])
def test_no_key_is_hashed_twice_in_a_run(
    plan: Plan, tmp_path: Path, hashed: Counter[str], *, warm: bool
) -> None:
    store = tmp_path / "store"
    if warm:
        run(plan, store=store)
        hashed.clear()
    record = run(plan, store=store, out=tmp_path / "out", save_images=True)
    assert record.complete
    assert {key: times for key, times in hashed.items() if times > 1} == {}
    with Store(store) as opened:
        stored = {row.key for row in opened.table.with_prefix("")}
    assert stored <= set(hashed)  # all stored keys were counted
    assert len(stored) > 500


def test_columns_equal_single_jobs(plan: Plan) -> None:
    resolved = resolve_plan(plan)
    jobs = PlanJobs(resolved)
    (flatness, _) = resolved.detectors
    for inpainter in resolved.inpainters:
        for retouch in resolved.retouches:
            column = jobs.inpaint_jobs(inpainter, retouch)
            measures = [one.keys for one in jobs.measure_jobs(inpainter, retouch)]
            for place, sample in enumerate(resolved.samples):
                inpaint = make_inpaint_job(
                    inpainter, sample, seed=plan.seed, rounding=plan.rounding, treatment=retouch
                )
                assert column.job(place) == inpaint
                assert column.keys[place] == inpaint.key
                for launder in resolved.launders:
                    detect = detect_job(flatness, inpaint, launder)
                    assert (
                        jobs.detect_jobs(flatness, inpainter, retouch, launder).job(place) == detect
                    )
                    assert measure_job("auc", "1", inpaint, detect).key in {
                        keys[place] for keys in measures
                    }
            assert len({keys[0] for keys in measures}) == len(measures)


def test_images_are_stored_as_outputs_of_original(plan: Plan) -> None:
    jobs = PlanJobs(resolve_plan(plan))
    (original,) = (one for one in jobs.resolved.inpainters if one.name == "original")
    assert list(jobs.image_keys()) == list(jobs.inpaint_keys(original))
    assert list(jobs.mask_keys()) == [mask_key(one) for one in jobs.resolved.samples]
    assert len({*jobs.image_keys(), *jobs.mask_keys()}) == 2 * len(jobs.resolved.samples)


def test_keys_are_returned_unchanged() -> None:
    words = [f"{number:032x}" for number in range(5)]
    keys = Keys(words)
    assert (len(keys), list(keys), keys.at([3, 0])) == (5, words, [words[3], words[0]])


@pytest.mark.parametrize(
    "changes",
    [
        {"inpainters": ("meanfill", "original")},
        {"inpainters": ("meanfill",)},
        {"inpainters": ("meanfill",), "detectors": (), "launder": ()},
    ],
    ids=["with original", "for the null alone", "without detectors"],
)
def test_images_and_masks_of_all_samples_are_in_the_store(
    plan: Plan, tmp_path: Path, changes: dict[str, object]
) -> None:
    plan = again(plan, **changes)
    run(plan, store=tmp_path / "store")
    jobs = PlanJobs(resolve_plan(plan))
    with Store(tmp_path / "store") as store:
        for place, sample in enumerate(jobs.resolved.samples):
            loaded = jobs.resolved.sources.load(sample)
            assert np.array_equal(store.image(jobs.image_keys()[place]), loaded.image)
            assert np.array_equal(store.mask(jobs.mask_keys()[place]), loaded.mask)


def test_a_store_of_an_older_version_gets_its_images_and_masks(plan: Plan, tmp_path: Path) -> None:
    plan = again(plan, inpainters=("meanfill",), detectors=(), launder=())
    first = run(plan, store=tmp_path / "store")
    jobs = PlanJobs(resolve_plan(plan))
    inputs = [*jobs.image_keys(), *jobs.mask_keys()]
    with Store(tmp_path / "store") as store, store.table.writing():
        store.table.drop(inputs)
    second = run(plan, store=tmp_path / "store")
    assert set(second.document["jobs_run"].values()) == {0}
    assert second.cells == first.cells
    with Store(tmp_path / "store") as store:
        assert store.known(inputs) == set(inputs)


def test_the_required_keys_of_a_run_come_from_its_files(
    plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(plan, store=tmp_path / "store", out=tmp_path / "out")

    def gone(*_: object) -> None:
        raise AssertionError("neither data nor models are needed")

    with Store(tmp_path / "store") as store:
        stored = {row.key for row in store.table.with_prefix("")}
    with monkeypatch.context() as patch:
        patch.setattr("benchmark.results.run_folder.resolve_plan", gone)
        assert stored <= needed_by([tmp_path / "out"])
        stop(tmp_path / "out")
        assert needed_by([tmp_path / "out"]) == stored  # written at the start
