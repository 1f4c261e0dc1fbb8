"""Chains of post-processing steps: order, seeds, keys, limits; and what is missing here."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.core.errors import BadInput, BadOutput, ExternalError
from benchmark.core.types import Pixels
from benchmark.postprocess import LAUNDERS, PostProcess, codecs
from benchmark.testing import check_launder

ARGUMENTS = {
    "jpeg": "90", "resize": "0.75", "noise": "2", "blur": "1", "webp": "80", "avif": "60",
    "jpeg2000": "20", "median": "3", "sharpen": "1", "gamma": "0.8", "crop": "4", "fit": "32",
    "social": "telegram",
}  # fmt: skip
FROM_FILES = ("spandrel", "vae")


@pytest.fixture
def picture() -> Pixels:
    return np.random.default_rng(5).integers(0, 256, (40, 56, 3), dtype=np.uint8)


@pytest.mark.parametrize("kind", [one for one in LAUNDERS.built_in if one not in FROM_FILES])
def test_every_step_keeps_the_contract(kind: str) -> None:
    check_launder(kind, ARGUMENTS[kind])


def test_steps_are_applied_in_order(picture: Pixels) -> None:
    one = PostProcess.parse
    chain = one("resize:0.5+jpeg:30")
    by_hand = one("jpeg:30").apply(one("resize:0.5").apply(picture, seed=0), seed=0)
    assert np.array_equal(chain.apply(picture, seed=0), by_hand)
    other = one("jpeg:30+resize:0.5").apply(picture, seed=0)
    assert not np.array_equal(other, by_hand)
    assert chain.size(40, 56) == (20, 28) == chain.truth(np.ones((40, 56), np.bool_)).shape
    assert np.array_equal(chain.resized(picture), one("resize:0.5").apply(picture, seed=0))


def test_each_noise_of_a_chain_has_a_seed_of_its_own(picture: Pixels) -> None:
    grey = np.full_like(picture, 128)
    first, both = (
        PostProcess.parse(text).apply(grey, seed=3).astype(int) - 128
        for text in ("noise:5", "noise:5+noise:5")
    )
    second = both - first
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.1
    after = PostProcess.parse("jpeg:95+noise:5").apply(grey, seed=3).astype(int) - 128
    assert np.array_equal(after, first)  # the first noise is that of the step alone
    assert PostProcess.parse("jpeg:90+noise:5").is_random
    assert not PostProcess.parse("jpeg:90+blur:1").is_random


def test_the_key_of_a_step_is_its_label_and_that_of_a_preset_its_chain() -> None:
    for text in ("jpeg:90", "resize:0.5+noise:2", "crop:8"):
        assert PostProcess.parse(text).key == PostProcess.parse(text).name == text
    preset = PostProcess.parse("social:telegram+noise:1")
    assert preset.name == preset.label == "social:telegram+noise:1"
    assert preset.key == "social:telegram = fit:1280+jpeg:87+noise:1"


def test_a_preset_is_the_chain_it_stands_for(picture: Pixels) -> None:
    large = np.tile(picture, (20, 30, 1))
    preset = PostProcess.parse("social:telegram")
    expected = PostProcess.parse("fit:1280+jpeg:87").apply(large, seed=0)
    assert np.array_equal(preset.apply(large, seed=0), expected)
    assert max(expected.shape) == 1280
    assert preset.size(800, 1680) == expected.shape[:2] == preset.resized(large).shape[:2]
    assert preset.truth(np.ones((800, 1680), np.bool_)).shape == expected.shape[:2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resize:0.5+gif:3+jpeg:1", r"step 2 of 3 in 'resize:0.5\+gif:3\+jpeg:1': no post-process"),
        ("jpeg:80+", r"step 2 of 2 in 'jpeg:80\+': post-processing '': expected a step"),
        ("+jpeg:80", "step 1 of 2"),
        ("jpeg:80+jpeg:101", r"step 2 of 2 .* whole quality from 1 to 100"),
        ("+".join(["jpeg:80"] * 9), "9 steps; expected at most 8"),
    ],
)
def test_a_bad_chain_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(BadInput, match=said) as caught:
        PostProcess.parse(text)
    assert "\n" not in str(caught.value)


def test_an_image_that_grows_too_large_fails_before_it_is_made() -> None:
    large = np.zeros((3000, 3000, 3), np.uint8)
    with pytest.raises(BadOutput, match="resize:4 makes 12000x12000 pixels of 3000x3000: more"):
        PostProcess.parse("resize:4+jpeg:90").apply(large, seed=0)


def test_a_size_that_a_codec_does_not_take_is_the_sample_s_failure() -> None:
    with pytest.raises(BadOutput, match="webp:80: cannot encode 16384x1 pixels"):
        PostProcess.parse("webp:80").apply(np.zeros((1, 16384, 3), np.uint8), seed=0)


def test_a_missing_codec_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(codecs.Avif, "format", "NONE")
    codecs._missing.cache_clear()
    with pytest.raises(ExternalError, match=r"avif:60: .* get it with pip install 'pillow>=11\.3'"):
        PostProcess.parse("jpeg:90+avif:60").check()
    codecs._missing.cache_clear()
