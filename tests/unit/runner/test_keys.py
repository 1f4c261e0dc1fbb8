"""Keys hash everything that determines an output, and defaults add nothing to them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.core.checkpoints.resolve import Weights
from benchmark.core.tiles import Tiling
from benchmark.runner.jobs import ResolvedModel, SampleRef
from benchmark.runner.keys import detect_key, key_of
from tests.small import small_weights
from tests.unit.runner.single_jobs import (
    CARD,
    SAMPLE,
    detect_job,
    inpaint_job,
    measure_job,
    resolved,
)

TWIN = SampleRef("folder", "b", "10-20", "generated", "5a")  # the pixels of SAMPLE, another name


def digest(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def test_a_default_adds_nothing_to_a_key() -> None:
    """Stores of older versions hold outputs under these keys, so they are spelled out here."""
    inpaint = inpaint_job(resolved())
    assert inpaint.key == digest("fill", "model@3+11", "5a", "", "round")
    judge = detect_job(resolved(), inpaint)
    assert judge.key == digest("judge", "model@3+11", inpaint.key)
    assert measure_job("f1", "1", inpaint, judge).key == digest(
        "measure", "f1", "1", inpaint.key, judge.key
    )
    assert measure_job("psnr", "1", inpaint, None).key == digest(
        "measure", "psnr", "1", inpaint.key, ""
    )
    laundered = detect_job(resolved(), inpaint, "jpeg:90")
    assert laundered.key == digest("launder", "1", "jpeg:90", "", judge.key)


CHANGES: Mapping[str, Callable[[ResolvedModel], ResolvedModel]] = {
    "weights": lambda one: replace(one, weights=Weights(edition="mini", sha256="22")),
    "revision": lambda one: replace(one, card=replace(one.card, revision=4)),
    "model": lambda one: replace(one, card=replace(one.card, name="other")),
    "precision": lambda one: replace(one, precision="bf16"),
    "compiled": lambda one: replace(one, compiled=True),
    "engine": lambda one: replace(one, engine="openvino"),
    "source": lambda one: replace(one, source="somewhere:else"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_everything_that_determines_an_output_is_in_the_key(change: str) -> None:
    model, other = resolved(), CHANGES[change](resolved())
    assert inpaint_job(other).key != inpaint_job(model).key
    inpaint = inpaint_job(model)
    assert detect_job(other, inpaint).key != detect_job(model, inpaint).key
    assert detect_job(model, inpaint_job(other)).key != detect_job(model, inpaint).key


def test_precision_and_compilation_are_in_the_identity() -> None:
    tuned = [resolved(), resolved(precision="bf16"), resolved(compiled=True)]
    tuned.append(resolved(precision="bf16", compiled=True))
    tuned += [resolved(engine="openvino"), resolved(engine="onnxruntime")]
    assert len({one.identity for one in tuned}) == 6


def test_the_label_of_an_external_model_is_in_no_key() -> None:
    one, other = (resolved(replace(CARD, name=name), source="it.py:It") for name in ("a", "b"))
    assert inpaint_job(one).key == inpaint_job(other).key


def test_seed_and_name_are_in_the_key_of_seeded_models_only() -> None:
    seeded, unseeded = resolved(replace(CARD, seeded=True)), resolved()
    keys = {
        inpaint_job(seeded, sample, seed=seed).key for sample in (SAMPLE, TWIN) for seed in (0, 1)
    }
    assert len(keys) == 4
    keys = {
        inpaint_job(unseeded, sample, seed=seed).key for sample in (SAMPLE, TWIN) for seed in (0, 1)
    }
    assert len(keys) == 1


def test_the_rounding_is_in_the_key_if_the_authors_rule_differs() -> None:
    cuts, rounds = resolved(replace(CARD, rounding="cut")), resolved()
    assert inpaint_job(cuts, rounding="authors").key != inpaint_job(cuts).key
    assert inpaint_job(rounds, rounding="authors").key == inpaint_job(rounds).key
    assert inpaint_job(cuts, rounding="authors").rounding == "cut"
    assert inpaint_job(cuts).rounding == "round"


def test_a_blind_hole_is_in_the_key_of_a_model_that_inpaints() -> None:
    paints, keeps = resolved(), resolved(replace(CARD, paints=False))
    assert inpaint_job(paints, blind=True).key != inpaint_job(paints).key
    assert inpaint_job(keeps, blind=True).key == inpaint_job(keeps).key
    assert not inpaint_job(keeps, blind=True).blind


def test_sample_and_fingerprint_are_in_the_key() -> None:
    assert inpaint_job(resolved(), replace(SAMPLE, key="5b")).key != inpaint_job(resolved()).key
    assert inpaint_job(resolved(), fingerprint="ab").key != inpaint_job(resolved()).key


def test_only_noise_depends_on_seed_and_sample() -> None:
    fills = [inpaint_job(resolved(), one, seed=seed) for one in (SAMPLE, TWIN) for seed in (0, 1)]
    noisy = [detect_job(resolved(), inpaint, "noise:2") for inpaint in fills]
    assert len({job.seed for job in noisy}) == len({job.key for job in noisy}) == 4
    blurred = [detect_job(resolved(), inpaint, "blur:1") for inpaint in fills]
    assert len({job.key for job in blurred}) == 1
    steps = ["", "noise:2", "noise:3", "blur:1"]
    assert len({detect_job(resolved(), fills[0], step).key for step in steps}) == 4


def test_only_grain_depends_on_seed_and_sample() -> None:
    pairs = [(sample, seed) for sample in (SAMPLE, TWIN) for seed in (0, 1)]
    grain = [inpaint_job(resolved(), one, seed=seed, treatment="grain:2") for one, seed in pairs]
    assert len({job.grain_seed for job in grain}) == len({job.key for job in grain}) == 4
    blurred = [inpaint_job(resolved(), one, seed=seed, treatment="blur:1") for one, seed in pairs]
    assert len({job.key for job in blurred}) == 1
    keys = {
        inpaint_job(resolved(), treatment=step).key for step in ("", "grain:2", "grain:3", "blur:1")
    }
    keys.add(inpaint_job(resolved(sha256="22"), treatment="blur:1").key)
    assert len(keys) == 5


def test_composite_and_tiles_are_in_the_key() -> None:
    treatments = (
        "", "composite:none", "feather:8", "feather:9", "composite:none+blur:1", "blur:1",
    )  # fmt: skip
    assert len({inpaint_job(resolved(), treatment=one).key for one in treatments}) == 6
    tilings = (
        None,
        Tiling(side=64, overlap=8),
        Tiling(side=64, overlap=4),
        Tiling(side=32, overlap=8),
    )
    keys = {detect_key(resolved(), "ab", tiling=one) for one in tilings}
    assert len(keys) == 4
    assert detect_key(resolved(), "ab") in keys


def test_everything_that_determines_a_number_is_in_its_key() -> None:
    inpaint, other = inpaint_job(resolved()), inpaint_job(resolved(sha256="22"))
    judge = detect_job(resolved(), inpaint)
    jobs = [
        measure_job("f1", "1", inpaint, judge),
        measure_job("f1", "2", inpaint, judge),
        measure_job("auc", "1", inpaint, judge),
        measure_job("f1", "1", inpaint, None),
        measure_job("f1", "1", inpaint, detect_job(resolved(sha256="22"), inpaint)),
        measure_job("f1", "1", other, detect_job(resolved(), other)),
    ]
    assert len({job.key for job in jobs}) == len(jobs)


def test_parts_of_a_key_are_separated() -> None:
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("a", "") != key_of("a")


Go = Callable[..., RunRecord]


@pytest.fixture
def go(tmp_path: Path) -> Go:
    """Run a plan over two images with masks from files, on a named store."""
    for name in ("photos", "masks"):
        (tmp_path / name).mkdir()
    rng = np.random.default_rng(2)
    for name in "ab":
        pixels = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "photos" / f"{name}.png")
    white = np.zeros((64, 64), np.uint8)
    white[20:44, 8:56] = 255
    Image.fromarray(white).save(tmp_path / "masks" / "hole.png")

    def call(store: str, **changes: object) -> RunRecord:
        values: dict[str, object] = {
            "datasets": ("folder",), "images": tmp_path / "photos", "masks": tmp_path / "masks",
            "size": 64, "buckets": ("20-30",), "inpainters": ("fcf",), "detectors": (),
            "metrics": ("psnr", "psnr_hole"),
            "weights": {"fcf": str(small_weights("fcf"))},
        }  # fmt: skip
        return run(Plan(**{**values, **changes}), store=tmp_path / store)

    return call


def values(record: RunRecord) -> list[float | None]:
    assert record.complete
    return [cell.value for cell in record.cells]


def check_two_runs(go: Go, first: dict[str, object], second: dict[str, object]) -> None:
    """Check that the second of two runs on one store has the numbers of a run on its own store."""
    one, other = go("shared", **first), go("shared", **second)
    assert other.document["jobs_run"]["fill"] == 2
    assert values(other) == values(go("own", **second))
    assert values(other) != values(one)
    assert go("shared", **first).document["jobs_run"]["fill"] == 0


def test_two_weights_files_and_one_store(go: Go, tmp_path: Path) -> None:
    file = small_weights("fcf")
    with safe_open(file, "pt") as read:
        state = {name: read.get_tensor(name) for name in read.keys()}  # noqa: SIM118
        metadata = read.metadata()
    state["synthesis.foreword.torgb.bias"] += 0.5
    save_file(state, tmp_path / "other.safetensors", metadata=metadata)
    check_two_runs(go, {}, {"weights": {"fcf": str(tmp_path / "other.safetensors")}})


def test_two_seeds_and_one_store(go: Go) -> None:
    check_two_runs(go, {"seed": 1}, {"seed": 2})
    plain = {"inpainters": ("meanfill",), "weights": {}}
    go("shared", **plain, seed=1)
    assert go("shared", **plain, seed=2).document["jobs_run"]["fill"] == 0


def test_both_rounding_rules_and_one_store(go: Go) -> None:
    cut = {"inpainters": ("lama",), "weights": {"lama": str(small_weights("lama"))}}
    check_two_runs(go, {"rounding": "even", **cut}, {"rounding": "authors", **cut})
