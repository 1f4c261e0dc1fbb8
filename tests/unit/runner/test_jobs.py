"""Keys: all that decides an answer is in them, and a default adds nothing."""

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
from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.runner.jobs import (
    InpaintJob,
    ResolvedModel,
    SampleRef,
    key_of,
    make_inpaint_job,
)
from tests.small import small_weights
from tests.unit.runner.made import judge_job, measure_job

CARD = Card(name="model", title="a model", sizes="any", revision=3)
SAMPLE = SampleRef("folder", "a", "10-20", "drawn", "5a")
ROW = SampleRef("folder", "b", "10-20", "drawn", "5a")  # the same pixels under another name


def chosen(card: Card = CARD, *, sha256: str = "11", **changes: object) -> ResolvedModel:
    weights = Weights(edition="mini", sha256=sha256)
    return replace(ResolvedModel(name=card.name, card=card, weights=weights), **changes)


def painted(model: ResolvedModel, sample: SampleRef = SAMPLE, **changes: object) -> InpaintJob:
    return make_inpaint_job(model, sample, **{"seed": 0, "rounding": "even", **changes})


def digest(*parts: str) -> str:
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()


def test_a_default_adds_nothing_to_a_key() -> None:
    """Stores of older versions hold answers under these keys; written out, not called."""
    fill = painted(chosen())
    assert fill.key == digest("fill", "model@3+11", "5a", "", "round")
    judge = judge_job(chosen(), fill)
    assert judge.key == digest("judge", "model@3+11", fill.key)
    assert measure_job("f1", "1", fill, judge).key == digest(
        "measure", "f1", "1", fill.key, judge.key
    )
    assert measure_job("psnr", "1", fill, None).key == digest("measure", "psnr", "1", fill.key, "")
    laundered = judge_job(chosen(), fill, "jpeg:90")
    assert laundered.key == digest("launder", "1", "jpeg:90", "", judge.key)


CHANGES: Mapping[str, Callable[[ResolvedModel], ResolvedModel]] = {
    "weights": lambda one: replace(one, weights=Weights(edition="mini", sha256="22")),
    "revision": lambda one: replace(one, card=replace(one.card, revision=4)),
    "model": lambda one: replace(one, card=replace(one.card, name="other")),
    "precision": lambda one: replace(one, precision="bf16"),
    "compiled": lambda one: replace(one, compiled=True),
    "source": lambda one: replace(one, source="somewhere:else"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_all_that_decides_a_model_s_answer_is_in_its_keys(change: str) -> None:
    model, other = chosen(), CHANGES[change](chosen())
    assert painted(other).key != painted(model).key
    fill = painted(model)
    assert judge_job(other, fill).key != judge_job(model, fill).key
    assert judge_job(model, painted(other)).key != judge_job(model, fill).key


def test_what_tuning_does_is_told_apart() -> None:
    tuned = [chosen(), chosen(precision="bf16"), chosen(compiled=True)]
    tuned.append(chosen(precision="bf16", compiled=True))
    assert len({one.identity for one in tuned}) == 4


def test_a_label_of_a_user_s_model_is_in_no_key() -> None:
    one, other = (chosen(replace(CARD, name=name), source="it.py:It") for name in ("a", "b"))
    assert painted(one).key == painted(other).key


def test_seed_and_name_are_in_the_key_of_a_model_that_draws_and_of_no_other() -> None:
    draws, does_not = chosen(replace(CARD, seeded=True)), chosen()
    keys = {painted(draws, sample, seed=seed).key for sample in (SAMPLE, ROW) for seed in (0, 1)}
    assert len(keys) == 4
    keys = {painted(does_not, sample, seed=seed).key for sample in (SAMPLE, ROW) for seed in (0, 1)}
    assert len(keys) == 1


def test_the_rounding_is_in_the_key_where_the_authors_differ() -> None:
    cuts, rounds = chosen(replace(CARD, rounding="cut")), chosen()
    assert painted(cuts, rounding="authors").key != painted(cuts).key
    assert painted(rounds, rounding="authors").key == painted(rounds).key
    assert painted(cuts, rounding="authors").rounding == "cut"
    assert painted(cuts).rounding == "round"


def test_a_blind_hole_is_in_the_key_of_a_model_that_paints() -> None:
    paints, keeps = chosen(), chosen(replace(CARD, paints=False))
    assert painted(paints, blind=True).key != painted(paints).key
    assert painted(keeps, blind=True).key == painted(keeps).key
    assert not painted(keeps, blind=True).blind


def test_the_sample_and_what_is_its_own_are_in_the_key() -> None:
    assert painted(chosen(), replace(SAMPLE, key="5b")).key != painted(chosen()).key
    assert painted(chosen(), own="ab").key != painted(chosen()).key


def test_noise_is_another_for_each_seed_and_sample_and_nothing_else_is() -> None:
    fills = [painted(chosen(), one, seed=seed) for one in (SAMPLE, ROW) for seed in (0, 1)]
    noisy = [judge_job(chosen(), fill, "noise:2") for fill in fills]
    assert len({job.seed for job in noisy}) == len({job.key for job in noisy}) == 4
    blurred = [judge_job(chosen(), fill, "blur:1") for fill in fills]
    assert len({job.key for job in blurred}) == 1
    steps = ["", "noise:2", "noise:3", "blur:1"]
    assert len({judge_job(chosen(), fills[0], step).key for step in steps}) == 4


def test_grain_is_another_for_each_seed_and_sample_and_no_other_retouching_is() -> None:
    pairs = [(sample, seed) for sample in (SAMPLE, ROW) for seed in (0, 1)]
    grain = [painted(chosen(), one, seed=seed, retouch="grain:2") for one, seed in pairs]
    assert len({job.grain_seed for job in grain}) == len({job.key for job in grain}) == 4
    blurred = [painted(chosen(), one, seed=seed, retouch="blur:1") for one, seed in pairs]
    assert len({job.key for job in blurred}) == 1
    keys = {painted(chosen(), retouch=step).key for step in ("", "grain:2", "grain:3", "blur:1")}
    keys.add(painted(chosen(sha256="22"), retouch="blur:1").key)
    assert len(keys) == 5


def test_what_is_painted_or_retouched_is_changed() -> None:
    keeps = chosen(replace(CARD, paints=False))
    assert painted(chosen()).changed
    assert not painted(keeps).changed
    assert painted(keeps, retouch="blur:1").changed


def test_all_that_decides_a_number_is_in_its_key() -> None:
    fill, other = painted(chosen()), painted(chosen(sha256="22"))
    judge = judge_job(chosen(), fill)
    jobs = [
        measure_job("f1", "1", fill, judge),
        measure_job("f1", "2", fill, judge),
        measure_job("auc", "1", fill, judge),
        measure_job("f1", "1", fill, None),
        measure_job("f1", "1", fill, judge_job(chosen(sha256="22"), fill)),
        measure_job("f1", "1", other, judge_job(chosen(), other)),
    ]
    assert len({job.key for job in jobs}) == len(jobs)


def test_parts_do_not_run_into_each_other() -> None:
    assert key_of("ab", "c") != key_of("a", "bc")
    assert key_of("a", "") != key_of("a")


Go = Callable[..., RunRecord]


@pytest.fixture
def go(tmp_path: Path) -> Go:
    """Run two images, with holes that do not depend on the seed, on one store or another."""
    for name in ("photos", "masks"):
        (tmp_path / name).mkdir()
    draw = np.random.default_rng(2)
    for name in "ab":
        pixels = draw.integers(0, 256, (64, 64, 3), dtype=np.uint8)
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


def holds(go: Go, first: dict[str, object], second: dict[str, object]) -> None:
    """Two runs on one store: the second gets its own numbers, those of a store of its own."""
    one, other = go("shared", **first), go("shared", **second)
    assert other.document["jobs_run"]["fill"] == 2
    assert values(other) == values(go("own", **second))
    assert values(other) != values(one)
    assert go("shared", **first).document["jobs_run"]["fill"] == 0


def test_two_weights_files_and_one_store(go: Go, tmp_path: Path) -> None:
    file = small_weights("fcf")
    with safe_open(file, "pt") as read:
        state = {name: read.get_tensor(name) for name in read.keys()}  # noqa: SIM118
        noted = read.metadata()
    state["synthesis.foreword.torgb.bias"] += 0.5
    save_file(state, tmp_path / "other.safetensors", metadata=noted)
    holds(go, {}, {"weights": {"fcf": str(tmp_path / "other.safetensors")}})


def test_two_seeds_and_one_store(go: Go) -> None:
    holds(go, {"seed": 1}, {"seed": 2})
    plain = {"inpainters": ("meanfill",), "weights": {}}
    go("shared", **plain, seed=1)
    assert go("shared", **plain, seed=2).document["jobs_run"]["fill"] == 0


def test_both_rounding_rules_and_one_store(go: Go) -> None:
    cut = {"inpainters": ("lama",), "weights": {"lama": str(small_weights("lama"))}}
    holds(go, {"rounding": "even", **cut}, {"rounding": "authors", **cut})
