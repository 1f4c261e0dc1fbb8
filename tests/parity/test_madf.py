"""MADF against its goldens: the authors' program's answers under seeded weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.core.pixels import to_images
from inpainters.madf import MADF, MADFConfig, MADFNetwork, denormalised
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part, summary

pytestmark = needs_goldens

TAPS = {  # in network order
    "tap_mask1": "filter_gen_1",
    "tap_enc1": "enc_conv_1",
    "tap_filters7": "filter_gen_7",
    "tap_enc7": "enc_conv_7",
    "tap_att7": "att_conv_7",
    "tap_ref0_2": "dec_ref0_2",
    "tap_coarse": "att_conv_1",
    "tap_output": "dec_ref1_1",
}


@dataclass
class Played:
    """One case's expected arrays and what this project answers."""

    expected: dict[str, np.ndarray]
    filled: torch.Tensor
    raw: torch.Tensor
    taps: dict[str, np.ndarray]


def wrapped(state):
    """The file that the authors' training program writes."""
    model = {f"module.model.{name}": value for name, value in state.items()}
    model["module.extractor.enc_1.0.weight"] = torch.zeros(64, 3, 3, 3)
    optimiser = {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": []}
    return {"n_iter": 7, "model": model, "gen_optimizer": optimiser}


def bare(state):
    """The state dict alone, as PyTorch wrote it before its batch norms counted."""
    return {name: v for name, v in state.items() if not name.endswith("num_batches_tracked")}


LAYOUTS = {"case1": wrapped, "case2": bare}


def filters(generator, mask_features):
    """Each position's filters, as the program forms them: (N, positions, A * k * k, B)."""
    made = generator.conv1(mask_features)  # (N, A * k * k * B, h, w)
    return made.flatten(2).transpose(1, 2).unflatten(2, (-1, generator.shape[-1]))


@pytest.fixture(scope="module", params=["case1", "case2"])
def played(request, tmp_path_factory):
    expected = golden("madf", request.param)
    file = tmp_path_factory.mktemp(request.param) / "places2.1000000.pth"
    state = seeded_part("madf", "generator", int(expected["seed"]))
    torch.save(LAYOUTS[request.param](state), file)
    inpainter = MADF(weights=file)
    file.unlink()  # 340 MB
    taps, painted = {}, []

    def note(tap):
        def hook(module, _inputs, answer):
            taps[tap] = summary(filters(module, answer) if tap == "tap_filters7" else answer)

        return hook

    for tap, module in TAPS.items():
        inpainter.network.get_submodule(module).register_forward_hook(note(tap))
    inpainter.network.register_forward_hook(lambda _m, _i, answer: painted.append(answer))
    masks = torch.from_numpy(expected["mask"] > 0)[None, None].float()
    filled = inpainter.inpaint(to_images(expected["image"][None]), masks)
    return Played(expected, filled, denormalised(painted[0].raw).clamp(0, 1), taps)


def test_the_golden_s_case_holds_every_array_that_is_tested():
    tested = {"seed", "image", "mask", "raw", "filled", *TAPS}
    assert set(golden("madf", "case1")) == tested
    assert [path.stem for path in seeded().cases("madf")] == ["case1", "case2"]


def test_every_tap_in_network_order(played):
    for tap in TAPS:
        first = f"the first difference is at {tap}"
        np.testing.assert_allclose(
            played.taps[tap], played.expected[tap], rtol=1e-4, atol=1e-3, err_msg=first
        )


def test_the_raw_picture(played):
    np.testing.assert_allclose(played.raw[0], played.expected["raw"], rtol=0, atol=2e-5)


def test_the_filled_picture(played):
    expected = played.expected["filled"]
    np.testing.assert_allclose(played.filled[0], expected, rtol=0, atol=2e-5)
    known = np.broadcast_to(played.expected["mask"] == 0, expected.shape)
    assert np.array_equal(played.filled[0].numpy()[known], expected[known])


def test_names_and_shapes_are_the_manifest_s():
    with torch.device("meta"):
        state = MADFNetwork(MADFConfig()).state_dict()
    entries = seeded().load_manifest("madf")["parts"]["generator"]
    assert [[name, list(value.shape)] for name, value in state.items()] == [
        [name, shape] for name, shape, _ in entries
    ]
