"""FcF against its goldens: the authors' program's answers under seeded weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.core.pixels import to_images
from inpainters.fcf import FcF, FcFConfig, Generator
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part, summary
from tests.parity.stylegan import save_as_authors

pytestmark = needs_goldens

PARTS = ("plain", "equalized", "modulated", "torgb_low", "torgb_high", "mapping")
TAPS = {  # in network order: the module, and which of its answers
    "tap_enc256": ("encoder.b256.conv0", None),
    "tap_enc32_down": ("encoder.b32", 1),
    "tap_x_global": ("encoder.b4", 1),
    "tap_ws": ("mapping", None),
    "tap_syn4": ("synthesis.foreword.conv", None),
    "tap_spectral32": ("synthesis.b32.ffc_skip.0.ffc_act.ffc_block.conv1.ffc.convg2g", None),
    "tap_syn32": ("synthesis.b32.conv1", None),
    "tap_img128": ("synthesis.b128", 1),
}


@dataclass
class Played:
    """One case's expected arrays and what this project answers."""

    expected: dict[str, np.ndarray]
    filled: torch.Tensor
    raw: torch.Tensor
    taps: dict[str, np.ndarray]


def seeded_generator(seed):
    """The generator's state dict: its parts merged, and the values that the manifest fixes."""
    state = {}
    for part in PARTS:
        state |= seeded_part("fcf", part, seed)
    for name, value in seeded().load_manifest("fcf")["fixed"].items():
        if name in state:
            state[name] = torch.tensor(value, dtype=torch.float32)
    return state


def save(folder, case, state):
    """Case 1 as the authors' pickle, case 2 as the re-published state dict."""
    if case == "case1":
        save_as_authors(folder / "places.pkl", state)
        return folder / "places.pkl"
    torch.save(state, folder / "places_G.pth")
    return folder / "places_G.pth"


@pytest.fixture(scope="module", params=["case1", "case2"])
def played(request, tmp_path_factory):
    expected = golden("fcf", request.param)
    state = seeded_generator(int(expected["seed"]))
    file = save(tmp_path_factory.mktemp(request.param), request.param, state)
    inpainter = FcF(weights=file)
    file.unlink()  # 281 MB
    taps, raw = {}, []

    def note(tap, which):
        def hook(_module, _inputs, answer):
            taps[tap] = summary(answer if which is None else answer[which])

        return hook

    for tap, (module, which) in TAPS.items():
        inpainter.network.get_submodule(module).register_forward_hook(note(tap, which))
    inpainter.network.register_forward_hook(lambda _m, _i, answer: raw.append(answer))
    masks = torch.from_numpy(expected["mask"] > 0)[None, None].float()
    latents = {name: torch.from_numpy(expected[name]) for name in FcF.card.latents}
    filled = inpainter.inpaint(to_images(expected["image"][None]), masks, latents=latents)
    return Played(expected, filled, raw[0], taps)


def test_the_goldens_hold_what_is_tested():
    untested = {"disc_logits"}  # of training only
    arrays = {"seed", "image", "mask", "z", "noise4", "raw", "filled", *TAPS}
    assert set(golden("fcf", "case1")) - untested == arrays
    assert [path.stem for path in seeded().cases("fcf")] == ["case1", "case2"]


def test_the_512_model_has_the_stated_size():
    with torch.device("meta"):
        network = Generator(FcFConfig(resolution=512))
    assert sum(value.numel() for value in network.parameters()) == 85_086_823
    assert len(network.state_dict()) == 278


def test_every_tap_in_network_order(played):
    for tap in TAPS:
        first = f"the first difference is at {tap}"
        np.testing.assert_allclose(
            played.taps[tap], played.expected[tap], rtol=1e-4, atol=1e-4, err_msg=first
        )


def test_the_raw_picture(played):
    np.testing.assert_allclose(played.raw[0], played.expected["raw"], rtol=0, atol=2e-4)


def test_the_filled_picture(played):
    np.testing.assert_allclose(played.filled[0], played.expected["filled"], rtol=0, atol=2e-4)
    known = np.broadcast_to(played.expected["mask"] == 0, played.filled[0].shape)
    assert np.array_equal(played.filled[0].numpy()[known], played.expected["filled"][known])
