"""Every model against outputs of the authors' program under seeded weights."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.core.tensors import to_pixels
from benchmark.verify.golden import Asked, Reference, cases, compare, play, reference_of
from benchmark.verify.models import MODELS
from detectors.base import area_score
from tests.parity.goldens import GOLDENS, needs_goldens

pytestmark = needs_goldens

EVERY = [(name, file.stem) for name in MODELS for file in cases(GOLDENS, name)]
# Its program computes the filled image from bytes as we do; the others' is equal to an ulp.
UNEQUAL = {"ctsdg", "safepaint"}
NUMBER = {"iidnet": 3}  # of cases; all others have two


@pytest.fixture(scope="module", params=EVERY, ids="-".join)
def asked(request: pytest.FixtureRequest) -> Asked:
    name, case = request.param
    return play(GOLDENS, name, GOLDENS / name / f"{case}.npz")


@pytest.fixture
def specified(asked: Asked) -> Reference:
    return reference_of(asked.model.card.name)


def test_every_case_is_played() -> None:
    for name in MODELS:
        stems = [file.stem for file in cases(GOLDENS, name)]
        assert stems == [f"case{number + 1}" for number in range(NUMBER.get(name, 2))]
    found = {file.parent.name for file in GOLDENS.glob("*/manifest.json")}
    assert found == set(MODELS)


def test_every_array_of_the_case_is_compared(asked: Asked, specified: Reference) -> None:
    card = asked.model.card
    given = {"seed", "image", *card.latents} | ({"mask"} & set(asked.expected))
    assert set(asked.expected) - specified.training == given | set(specified.points)
    assert ("mask" in asked.expected) == ("filled" in asked.given)


def test_every_point_in_the_network_s_order(asked: Asked, specified: Reference) -> None:
    found = list(compare(specified, asked))
    assert [one.point for one in found] == list(specified.points)
    moved = [one for one in found if one.moved]
    assert not moved, f"the first point that moved is {moved[0]}"


def test_known_pixels_are_the_image_s_bit_for_bit(asked: Asked) -> None:
    if "filled" not in asked.given:
        pytest.skip("a detector fills nothing")
    filled = asked.given["filled"].numpy()
    known = np.broadcast_to(asked.expected["mask"] == 0, filled.shape)
    image = asked.expected["image"].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    assert np.array_equal(filled[known], image[known])
    if asked.model.card.name not in UNEQUAL:
        assert np.array_equal(filled[known], asked.expected["filled"][known])


def test_the_written_image_is_cut_off(asked: Asked) -> None:
    if "written" not in asked.expected:
        pytest.skip("its reference output holds no written image")
    written = to_pixels(asked.given["filled"][None], rounding=asked.model.card.rounding)[0]
    off, hole = np.abs(written.astype(int) - asked.expected["written"]), asked.expected["mask"] > 0
    assert off[~hole].max() == 0
    assert off.max() <= 1
    assert (off[hole] > 0).mean() <= 0.02


def test_a_derived_score_is_the_share_of_the_heatmap_above_a_half(asked: Asked) -> None:
    if "heatmap" not in asked.given or asked.model.card.score_from != "area":
        pytest.skip("its score is not derived")
    assert torch.equal(asked.given["score"], area_score(asked.given["heatmap"][None])[0])
    expected = float((asked.expected["heatmap"] > 0.5).mean())
    assert float(asked.given["score"]) == pytest.approx(expected, abs=1e-4)
