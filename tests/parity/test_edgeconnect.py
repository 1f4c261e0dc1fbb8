"""EdgeConnect against its goldens: the authors' program's answers under seeded weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.core.pixels import to_images
from inpainters.edgeconnect import EdgeConnect, Painted, canny_edges, grey_levels
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part, summary

pytestmark = needs_goldens

TAPS = {  # in network order: what leaves a module, but for the edge input, which enters one
    "tap_edge_input": "edge.encoder",
    "tap_edge_encoder": "edge.encoder.9",
    "tap_edge_middle": "edge.middle",
    "tap_edge": "edge",
    "tap_inpaint_encoder": "inpaint.encoder.9",
    "tap_inpaint_middle": "inpaint.middle",
    "tap_inpaint_decoder": "inpaint.decoder",
}


@dataclass
class Played:
    """One case's expected arrays and what this project answers."""

    expected: dict[str, np.ndarray]
    filled: torch.Tensor
    painted: Painted
    taps: dict[str, np.ndarray]


def save_as_authors(folder, seed):
    """Both generators' files, in the authors' layout."""
    for file, part in (("EdgeModel_gen.pth", "edge"), ("InpaintingModel_gen.pth", "inpaint")):
        state = seeded_part("edgeconnect", part, seed)
        torch.save({"iteration": 7, "generator": state}, folder / file)


@pytest.fixture(scope="module", params=["case1", "case2"])
def played(request, tmp_path_factory):
    expected = golden("edgeconnect", request.param)
    folder = tmp_path_factory.mktemp(request.param)
    save_as_authors(folder, int(expected["seed"]))
    inpainter = EdgeConnect(weights=folder)
    taps, painted = {}, []
    for tap, module in TAPS.items():
        inpainter.network.get_submodule(module).register_forward_hook(
            lambda _module, inputs, answer, tap=tap: taps.update(
                {tap: summary(inputs[0] if tap == "tap_edge_input" else answer)}
            )
        )
    inpainter.network.register_forward_hook(lambda _m, _i, answer: painted.append(answer))
    masks = torch.from_numpy(expected["mask"] > 0)[None, None].float()
    filled = inpainter.inpaint(to_images(expected["image"][None]), masks)
    return Played(expected, filled, painted[0], taps)


def test_the_golden_s_case_holds_every_array_that_is_tested():
    tested = {"seed", "image", "mask", "raw", "filled", "tap_canny", *TAPS}
    assert set(golden("edgeconnect", "case1")) == tested
    assert [path.stem for path in seeded().cases("edgeconnect")] == ["case1", "case2"]


@pytest.mark.parametrize("case", ["case1", "case2"])
def test_canny_finds_the_programs_edges(case):
    expected = golden("edgeconnect", case)
    edges = canny_edges(grey_levels(expected["image"][None]), expected["mask"][None] == 0)
    count = round(expected["tap_canny"][0] * expected["mask"].size)
    assert edges.sum() == count
    np.testing.assert_allclose(
        summary(torch.from_numpy(edges)), expected["tap_canny"], rtol=0, atol=1e-12
    )


def test_every_tap_in_network_order(played):
    for tap in TAPS:
        scale = np.maximum(1, np.abs(played.expected[tap]))
        off = np.abs(played.taps[tap] - played.expected[tap]) / scale
        assert off.max() <= 1e-3, f"the first difference is at {tap}: {off.max():.2g}"


def test_the_raw_picture(played):
    np.testing.assert_allclose(played.painted.raw[0], played.expected["raw"], rtol=0, atol=2e-4)


def test_the_filled_picture(played):
    filled, expected = played.filled[0].numpy(), played.expected["filled"]
    np.testing.assert_allclose(filled, expected, rtol=0, atol=2e-4)
    known = np.broadcast_to(played.expected["mask"] == 0, filled.shape)
    assert np.array_equal(filled[known], expected[known])
