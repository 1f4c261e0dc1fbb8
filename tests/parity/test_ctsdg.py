"""CTSDG against its goldens: the authors' program's answers under seeded weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.core.pixels import to_images
from inpainters.ctsdg import CTSDG, CTSDGConfig, Generator, outlines_of
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part, summary

pytestmark = needs_goldens

PREPARED = {"tap_canny": 0, "tap_gray": 1}  # channel of the structure stream's input
TAPS = {  # in network order
    "tap_ec_texture_7": "ec_texture_7",
    "tap_ec_structure_7": "ec_structure_7",
    "tap_dc_texture_1": "dc_texture_1",
    "tap_dc_structure_1": "dc_structure_1",
    "tap_bigff": "bigff",
    "tap_ral": "cfa.ral",
}


@dataclass
class Played:
    """One case's expected arrays and what this project answers."""

    expected: dict[str, np.ndarray]
    filled: torch.Tensor
    raw: torch.Tensor
    taps: dict[str, np.ndarray]


def save_as_authors(file, seed, *, whole):
    """The authors' file, with and without what inpainting does not need."""
    content = {"n_iter": 7, "generator": seeded_part("ctsdg", "generator", seed)}
    if whole:
        content["discriminator"] = {"conv": torch.zeros(2)}
    torch.save(content, file)


@pytest.fixture(scope="module", params=["case1", "case2"])
def played(request, tmp_path_factory):
    expected = golden("ctsdg", request.param)
    file = tmp_path_factory.mktemp(request.param) / "generator.pth"
    save_as_authors(file, int(expected["seed"]), whole=request.param == "case1")
    inpainter = CTSDG(weights=file)
    file.unlink()  # 209 MB
    taps, painted = {}, []

    def note(tap):
        def hook(_module, _inputs, answer):
            taps[tap] = summary(getattr(answer, "features", answer))

        return hook

    for tap, module in TAPS.items():
        inpainter.network.get_submodule(module).register_forward_hook(note(tap))
    inpainter.network.register_forward_hook(lambda _m, _i, answer: painted.append(answer))
    masks = torch.from_numpy(expected["mask"] > 0)[None, None].float()
    filled = inpainter.inpaint(to_images(expected["image"][None]), masks)
    return Played(expected, filled, (painted[0].raw + 1) / 2, taps)


def test_the_golden_s_case_holds_every_array_that_is_tested():
    tested = {"seed", "image", "mask", "raw", "filled", *PREPARED, *TAPS}
    assert set(golden("ctsdg", "case1")) == tested
    assert [path.stem for path in seeded().cases("ctsdg")] == ["case1", "case2"]


@pytest.mark.parametrize("case", ["case1", "case2"])
def test_edges_and_grey_are_of_the_wrapped_picture(case):
    expected = golden("ctsdg", case)
    outlines = outlines_of(expected["image"][None])
    for tap, channel in PREPARED.items():
        np.testing.assert_allclose(
            summary(outlines[:, channel]), expected[tap], rtol=1e-7, atol=1e-7, err_msg=tap
        )


def test_every_tap_in_network_order(played):
    for tap in TAPS:
        expected = played.expected[tap]
        off = np.abs(played.taps[tap] - expected) / np.maximum(1, np.abs(expected))
        assert off.max() <= 1e-3, f"the first difference is at {tap}: {off}"


def test_the_raw_picture(played):
    np.testing.assert_allclose(played.raw[0], played.expected["raw"], rtol=0, atol=2e-4)


def test_the_filled_picture(played):
    expected = played.expected["filled"]
    np.testing.assert_allclose(played.filled[0], expected, rtol=0, atol=2e-4)
    known = np.broadcast_to(played.expected["mask"] == 0, expected.shape)
    image = played.expected["image"].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    assert np.array_equal(played.filled[0].numpy()[known], image[known])


def test_names_and_shapes_are_the_manifest_s():
    with torch.device("meta"):
        state = Generator(CTSDGConfig()).state_dict()
    entries = seeded().load_manifest("ctsdg")["parts"]["generator"]
    assert [[name, list(value.shape)] for name, value in state.items()] == [
        [name, shape] for name, shape, _ in entries
    ]
