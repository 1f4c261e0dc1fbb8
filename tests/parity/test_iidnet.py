"""IID-Net against its goldens: the authors' program's answers under seeded weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.core.pixels import to_images
from benchmark.core.types import Detection
from detectors.base import area_score
from detectors.iidnet import IIDNet, IIDNetNetwork, divisor, nearest
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part, summary

pytestmark = needs_goldens

CASES = ("case1", "case2", "case3")
BAYAR = "bayar_conv.weight"
TAPS = {  # in network order
    "tap_bayar": "bayar_conv",
    "tap_enh": "cell1",
    "tap_cell2": "cell2",
    "tap_cell10": "cell10",
    "tap_k": "att",
    "tap_global": "att",
    "tap_local": "att.local_att",
    "tap_logit": "decision",
}


@dataclass
class Asked:
    """One case's expected arrays and what this project answers, the second time."""

    expected: dict[str, np.ndarray]
    first: Detection
    detection: Detection
    taps: dict[str, np.ndarray]


def save_as_authors(file, seed):
    """Both parts of the manifest in one file, saved from a data-parallel wrapper."""
    state = seeded_part("iidnet", "iidnet", seed) | seeded_part("iidnet", "bayar", seed)
    torch.save({f"module.{name}": value for name, value in state.items()}, file)


def tapped(tap, planes, output):
    """What a tap holds, of the input and the output of the module it is noted at."""
    if tap == "tap_k":
        return np.array([divisor(nearest(planes[0].flatten(1).T)[0])], dtype=np.float64)
    if tap == "tap_enh":
        return summary(planes)
    width = output.shape[1] // 3
    return summary(output[:, width : 2 * width] if tap == "tap_global" else output)


def listen(network, taps):
    """Note each tap's tensor while the network runs."""

    def note(tap):
        return lambda _module, inputs, output: taps.update({tap: tapped(tap, inputs[0], output)})

    for tap, module in TAPS.items():
        network.get_submodule(module).register_forward_hook(note(tap))


@pytest.fixture(scope="module", params=CASES)
def asked(request, tmp_path_factory):
    expected = golden("iidnet", request.param)
    folder = tmp_path_factory.mktemp(request.param)
    save_as_authors(folder / "IID_weights.pth", int(expected["seed"]))
    detector = IIDNet(weights=folder)
    images = to_images(expected["image"][None])
    # The small case runs twice: the constrained kernel must not grow from image to image.
    first = detector.detect(images) if request.param == "case3" else None
    taps: dict[str, np.ndarray] = {}
    listen(detector.network, taps)
    detection = detector.detect(images)
    return Asked(expected, first or detection, detection, taps)


def test_the_goldens_hold_what_is_tested():
    assert set(golden("iidnet", "case1")) == {"seed", "image", "heatmap", *TAPS}
    assert [path.stem for path in seeded().cases("iidnet")] == list(CASES)


def test_every_tap_in_network_order(asked):
    for tap in TAPS:
        expected = asked.expected[tap]
        np.testing.assert_allclose(
            asked.taps[tap],
            np.atleast_1d(expected),
            rtol=0,
            atol=1e-4 * np.abs(expected).max(),
            err_msg=f"the first difference is at {tap}",
        )


def test_the_heatmap(asked):
    heatmap = asked.detection.heatmap[0].numpy()
    assert heatmap.shape == asked.expected["heatmap"].shape
    np.testing.assert_allclose(heatmap, asked.expected["heatmap"], rtol=0, atol=5e-5)


def test_the_score_is_the_share_of_the_heatmap_above_a_half(asked):
    assert torch.equal(asked.detection.score, area_score(asked.detection.heatmap))
    expected = float((asked.expected["heatmap"] > 0.5).mean())
    assert float(asked.detection.score) == pytest.approx(expected, abs=1e-4)


def test_the_second_time_gives_the_same_bits(asked):
    assert torch.equal(asked.first.heatmap, asked.detection.heatmap)


def test_names_and_shapes_are_the_manifest_s():
    with torch.device("meta"):
        state = IIDNetNetwork().state_dict()
    parts = seeded().load_manifest("iidnet")["parts"]
    entries = [*parts["iidnet"][:2], *parts["bayar"], *parts["iidnet"][2:]]
    assert [[name, list(value.shape)] for name, value in state.items()] == [
        [name, shape] for name, shape, _ in entries
    ]
