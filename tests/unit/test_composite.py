"""Composites: splice, none and feather, their names, and what they do to pixels."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from benchmark.composite import (
    Composite,
    canonical,
    feather_weights,
    split_name,
    split_treatment,
    treatment_of,
)
from benchmark.core.errors import BadInput, BadOutput


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("splat", "no composite named 'splat'. Known: splice, none, feather:PX"),
        ("none:1", "no composite named 'none:1'"),
        ("feather", "expected feather:PX with PX a whole number of pixels from 2 to 256"),
        ("feather:x", "expected feather:PX"),
        ("feather:2.5", "expected feather:PX"),
        ("feather:1", "composite feather:1: expected feather:PX"),
        ("feather:257", "from 2 to 256"),
        ("feather:-3", "from 2 to 256"),
        ("feather:1e999", "from 2 to 256"),
    ],
)
def test_a_bad_step_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        Composite.parse(text)
    assert said in str(caught.value)


def test_canonical_steps() -> None:
    assert canonical(("splice",)) == canonical(()) == ()
    assert canonical((" Splice", "NONE", "feather: 8")) == ("splice", "none", "feather:8")


@pytest.mark.parametrize("composite", ["", "none", "feather:8"])
@pytest.mark.parametrize("retouch", ["", "grain:1.5", "grain:match"])
@pytest.mark.parametrize("name", ["lama", "aotgan+rwsa", "safepaint+", "none"])
def test_a_name_is_taken_apart_as_it_was_put_together(
    composite: str, retouch: str, name: str
) -> None:
    treatment = treatment_of(composite, retouch)
    assert split_treatment(treatment) == (composite, retouch)
    assert split_name(f"{name}+{treatment}" if treatment else name) == (name, treatment)


def test_names_of_rows() -> None:
    assert treatment_of("none", "grain:1.5") == "composite:none+grain:1.5"
    assert treatment_of("feather:8", "") == "feather:8"
    assert treatment_of("", "") == ""


def test_weights_rise_from_the_border_of_the_hole() -> None:
    hole = np.zeros((9, 12), bool)
    hole[:, 4:] = True  # reaches the border of the image, which is no border of the hole
    weights = feather_weights(hole, 4)
    np.testing.assert_allclose(weights[4], [0, 0, 0, 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1])
    np.testing.assert_array_equal(weights, np.broadcast_to(weights[4], weights.shape))
    assert feather_weights(np.ones((3, 3), bool), 4).min() == 1


def test_what_becomes_of_the_pixels() -> None:
    generator = np.random.default_rng(0)
    output, image = generator.random((2, 16, 16, 3), dtype=np.float32)
    hole = np.zeros((16, 16), bool)
    hole[3:13, 3:13] = True
    done = {step: Composite.parse(step).apply(output, image, hole) for step in
            ("splice", "none", "feather:3")}  # fmt: skip
    np.testing.assert_array_equal(done["none"], output)
    np.testing.assert_array_equal(done["splice"], np.where(hole[..., None], output, image))
    np.testing.assert_array_equal(done["feather:3"][~hole], image[~hole])
    np.testing.assert_array_equal(done["feather:3"][5:11, 5:11], output[5:11, 5:11])
    mixed = (output[3, 8] + 2 * image[3, 8]) / 3  # the first pixel of the hole
    np.testing.assert_allclose(done["feather:3"][3, 8], mixed, atol=1e-6)


def test_a_known_pixel_that_is_nan_matters_to_none_alone() -> None:
    image = np.full((8, 8, 3), 0.5, np.float32)
    hole = np.zeros((8, 8), bool)
    hole[2:6, 2:6] = True
    output = image.copy()
    output[0, 0] = np.nan
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for step in ("splice", "feather:2"):
            np.testing.assert_array_equal(Composite.parse(step).apply(output, image, hole), image)
    with pytest.raises(BadOutput, match="composite none: the known region of the output is NaN"):
        Composite.parse("none").apply(output, image, hole)
