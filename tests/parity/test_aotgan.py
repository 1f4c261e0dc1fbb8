"""AOT-GAN against its goldens: the authors' program's answers under seeded weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.core.pixels import to_images
from inpainters.aotgan import AOTGAN
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part, summary

pytestmark = needs_goldens

TAPS = {  # in network order: what leaves a module, but for the input, which enters one
    "tap_input": "encoder.0",
    "tap_encoder": "encoder.6",
    "tap_middle0_branch3": "middle.0.block03",
    "tap_middle0_gate": "middle.0.gate",
    "tap_middle0": "middle.0",
    "tap_middle7": "middle.7",
    "tap_decoder0": "decoder.0",
    "tap_decoder": "decoder.4",
}


@dataclass
class Played:
    """One case's expected arrays and what this project answers."""

    expected: dict[str, np.ndarray]
    filled: torch.Tensor
    raw: torch.Tensor
    taps: dict[str, np.ndarray]


@pytest.fixture(scope="module", params=["case1", "case2"])
def played(request, tmp_path_factory):
    expected = golden("aotgan", request.param)
    folder = tmp_path_factory.mktemp(request.param)
    torch.save(seeded_part("aotgan", "generator", int(expected["seed"])), folder / "G0010000.pt")
    inpainter = AOTGAN(weights=folder)
    taps, answers = {}, []
    for tap, module in TAPS.items():
        inpainter.network.get_submodule(module).register_forward_hook(
            lambda _module, inputs, answer, tap=tap: taps.update(
                {tap: summary(inputs[0] if tap == "tap_input" else answer)}
            )
        )
    inpainter.network.register_forward_hook(lambda _m, _i, answer: answers.append(answer))
    masks = torch.from_numpy(expected["mask"] > 0)[None, None].float()
    filled = inpainter.inpaint(to_images(expected["image"][None]), masks)
    return Played(expected, filled, (answers[0] + 1) / 2, taps)


def test_the_golden_s_case_holds_every_array_that_is_tested():
    # tap_discriminator is of the training's network
    tested = {"seed", "image", "mask", "raw", "filled", "tap_discriminator", *TAPS}
    assert set(golden("aotgan", "case1")) == tested
    assert [path.stem for path in seeded().cases("aotgan")] == ["case1", "case2"]


def test_every_tap_in_network_order(played):
    for tap in TAPS:
        np.testing.assert_allclose(
            played.taps[tap],
            played.expected[tap],
            rtol=1e-3,
            atol=1e-3,
            err_msg=f"the first difference is at {tap}",
        )


def test_the_raw_picture(played):
    np.testing.assert_allclose(played.raw[0], played.expected["raw"], rtol=0, atol=2e-4)


def test_the_filled_picture(played):
    filled, expected = played.filled[0].numpy(), played.expected["filled"]
    np.testing.assert_allclose(filled, expected, rtol=0, atol=2e-4)
    known = np.broadcast_to(played.expected["mask"] == 0, filled.shape)
    assert np.array_equal(filled[known], expected[known])
