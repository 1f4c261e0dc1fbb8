"""Retouched holes: only the hole changes, and as the kind says."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from benchmark.core.types import Mask, Pixels
from benchmark.retouch import residual
from benchmark.training.data import retouching as module
from benchmark.training.data.options import Retouching, RetouchKind
from benchmark.training.data.postprocess import Forgery
from benchmark.training.data.retouching import retouch_hole

SIDE = 96
KINDS: tuple[RetouchKind, ...] = ("grain", "match", "blur", "sharpen", "median")


def only(kind: RetouchKind, **changes: float) -> Retouching:
    chosen: dict[str, float] = dict.fromkeys(KINDS, 0.0) | {kind: 1.0, "share": 1.0} | changes
    return Retouching.model_validate(chosen)


def hole() -> Mask:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[24:72, 24:72] = True
    return mask


def forged(known: float = 3.0, own: float = 0.0) -> Forgery:
    """A slope with grain of `known` levels around the hole, and of `own` in it."""
    draw = np.random.default_rng(0)
    slope = np.linspace(80, 160, SIDE)[None, :, None] + np.zeros((SIDE, SIDE, 3))
    noise = draw.standard_normal((SIDE, SIDE, 1))
    sigma = np.where(hole()[..., None], own, known)
    pixels = np.rint(slope + sigma * noise).clip(0, 255).astype(np.uint8)
    return Forgery(pixels=pixels, truth=hole())


def grain_of(pixels: Pixels, region: Mask) -> float:
    return residual(pixels.astype(np.float32) / 255, region)


@pytest.mark.parametrize("kind", KINDS)
def test_only_the_hole_is_retouched(kind: RetouchKind) -> None:
    before = forged(own=1.0)
    after = retouch_hole(before, only(kind), np.random.default_rng(1), by="telea")
    assert np.array_equal(after.pixels[~hole()], before.pixels[~hole()])
    assert (after.pixels[hole()] != before.pixels[hole()]).mean() > 0.2
    assert np.array_equal(after.truth, before.truth)


@pytest.mark.parametrize(
    ("kind", "rises"), [("grain", True), ("sharpen", True), ("blur", False), ("median", False)]
)
def test_grain_rises_or_falls(kind: RetouchKind, rises: bool) -> None:
    before = forged(own=2.0)
    after = retouch_hole(before, only(kind), np.random.default_rng(1), by="lama")
    assert (grain_of(after.pixels, hole()) > grain_of(before.pixels, hole())) is rises


def test_matched_grain_is_about_as_strong_as_the_known_regions(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "COLORED", 0.0)
    monkeypatch.setattr(module, "SOFT", 0.0)
    before = forged(known=4.0, own=0.5)
    known = grain_of(before.pixels, ~hole())
    for seed in range(8):
        after = retouch_hole(before, only("match"), np.random.default_rng(seed), by="flat")
        assert 0.7 * known < grain_of(after.pixels, hole()) < 1.3 * known
    grainy = forged(known=1.0, own=4.0)
    after = retouch_hole(grainy, only("match"), np.random.default_rng(0), by="flat")
    assert np.array_equal(after.pixels, grainy.pixels)  # there is no grain to add


def test_too_small_a_hole_to_measure_stays_as_it_is() -> None:
    truth = np.zeros((SIDE, SIDE), np.bool_)
    truth[40:44, 40:44] = True
    before = Forgery(pixels=forged().pixels, truth=truth)
    after = retouch_hole(before, only("match"), np.random.default_rng(0), by="telea")
    assert np.array_equal(after.pixels, before.pixels)


def test_grain_is_never_stronger_than_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SOFT", 0.0)
    before = forged(known=0.0, own=0.0)
    strongest = only("grain", strongest=3.0)
    found = [
        (retouch_hole(before, strongest, np.random.default_rng(seed), by="telea").pixels[hole()]
         - before.pixels[hole()].astype(float)).std()
        for seed in range(30)
    ]  # fmt: skip
    assert 0.3 < min(found) < 1.2
    assert 2.2 < max(found) < 3.2


@pytest.mark.parametrize(
    ("by", "share"), [("telea", 0.6), ("splice", 0.2), ("copy-move", 0.2), ("retouched", 1.0)]
)
def test_how_often_depends_on_the_forger(by: str, share: float) -> None:
    before = forged(own=1.0)
    count = sum(
        not np.array_equal(
            retouch_hole(before, only("grain", share=0.6), draw, by=by).pixels, before.pixels
        )
        for draw in map(np.random.default_rng, range(200))
    )
    assert abs(count / 200 - share) < 0.12


def test_content_of_its_own_is_never_given_the_grain_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen = Counter[str]()

    def noted(kind: RetouchKind, forgery: Forgery, strongest: float, draw: object) -> Pixels:
        seen[kind] += 1
        return forgery.pixels

    monkeypatch.setattr(module, "_changed", noted)
    for seed in range(300):
        for by in ("retouched", "flat"):
            retouch_hole(forged(), Retouching(share=1), np.random.default_rng(seed), by=by)
    total = sum(seen.values())
    assert set(seen) == set(KINDS)
    assert 0.10 < seen["match"] / total < 0.20  # 0.30 of flat's alone


def test_an_image_that_is_true_nowhere_stays_as_it_is() -> None:
    plain = Forgery(pixels=forged().pixels, truth=np.zeros((SIDE, SIDE), np.bool_))
    after = retouch_hole(plain, only("grain"), np.random.default_rng(0), by="telea")
    assert np.array_equal(after.pixels, plain.pixels)
