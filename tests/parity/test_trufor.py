"""TruFor against its goldens: seeded weights, and the real weights of the noise extractor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.core.checkpoint import load_strict, part_of, read_checkpoint
from benchmark.core.pixels import to_images
from benchmark.core.types import Detection
from detectors import create_detector
from detectors.trufor import TruForConfig, TruForNetwork, noise_extractor
from tests.parity.goldens import GOLDENS, golden, needs_goldens, seeded, seeded_part, summary

pytestmark = needs_goldens

TAPS = {  # in network order
    "tap_noiseprint": "dncnn",
    "tap_rgb1": "backbone.norm1",
    "tap_frm1": "backbone.FRMs.0",
    "tap_fused1": "backbone.FFMs.0",
    "tap_fused4": "backbone.FFMs.3",
    "tap_logits": "decode_head",
    "tap_conf": "decode_head_conf",
    "tap_pool": "detection",
}
ANSWERS = ("heatmap", "confidence", "score")
EXTRACTOR_TAPS = ("01", "04", "22", "25", "28", "46")


@dataclass
class Asked:
    """One case's expected arrays and what this project answers."""

    expected: dict[str, np.ndarray]
    detection: Detection
    taps: dict[str, np.ndarray]


def listen(network, taps):
    """Note each tap's tensor while the network runs: outputs, but the detection head's input."""

    def note(tap):
        def hook(_module, inputs, output):
            seen = inputs[0] if tap == "tap_pool" else output
            taps[tap] = summary(seen[0] if isinstance(seen, tuple) else seen)

        return hook

    for tap, module in TAPS.items():
        network.get_submodule(module).register_forward_hook(note(tap))


@pytest.fixture(scope="module", params=["case1", "case2"])
def asked(request, tmp_path_factory):
    expected = golden("trufor", request.param)
    file = tmp_path_factory.mktemp(request.param) / "trufor.pth.tar"
    state = seeded_part("trufor", "trufor", int(expected["seed"]))
    torch.save({"epoch": 99, "best_value": np.float64(0.5), "state_dict": state}, file)
    detector = create_detector("trufor", weights=file)
    file.unlink()  # 275 MB
    taps: dict[str, np.ndarray] = {}
    listen(detector.network, taps)
    return Asked(expected, detector.detect(to_images(expected["image"][None])), taps)


def test_the_goldens_hold_what_is_tested():
    assert set(golden("trufor", "case1")) == {"seed", "image", *ANSWERS, *TAPS}
    assert [path.stem for path in seeded().cases("trufor")] == ["case1", "case2"]
    layers = {f"tap_layer{layer}" for layer in EXTRACTOR_TAPS}
    assert set(golden("trufor", "noiseprint")) == {"image", "residual", *layers}


def test_every_tap_in_network_order(asked):
    for tap in TAPS:
        first = f"the first difference is at {tap}"
        np.testing.assert_allclose(
            asked.taps[tap], asked.expected[tap], rtol=0, atol=1e-4, err_msg=first
        )


@pytest.mark.parametrize("name", ANSWERS)
def test_the_answer(asked, name):
    answer = getattr(asked.detection, name)[0].numpy()
    assert answer.shape == asked.expected[name].shape
    np.testing.assert_allclose(answer, asked.expected[name], rtol=0, atol=5e-5)


def test_names_and_shapes_are_the_manifest_s():
    with torch.device("meta"):
        state = TruForNetwork().state_dict()
    entries = seeded().load_manifest("trufor")["parts"]["trufor"]
    assert [[name, list(value.shape)] for name, value in state.items()] == [
        [name, shape] for name, shape, _ in entries
    ]


def test_the_real_noise_extractor():
    file = GOLDENS / "trufor" / "noiseprint++.th"
    expected = golden("trufor", "noiseprint")
    extractor = noise_extractor(TruForConfig())
    load_strict(extractor, part_of(read_checkpoint(file), "network", file), file)
    taps: dict[str, np.ndarray] = {}
    for layer in EXTRACTOR_TAPS:
        extractor[int(layer)].register_forward_hook(
            lambda _module, _inputs, output, layer=layer: taps.update({layer: summary(output)})
        )
    image = torch.from_numpy(expected["image"].transpose(2, 0, 1).copy())[None] / 256
    with torch.inference_mode():
        residual = extractor(image)[0, 0].numpy()
    for layer in EXTRACTOR_TAPS:
        first = f"the first difference is at entry {layer} of the extractor"
        np.testing.assert_allclose(
            taps[layer], expected[f"tap_layer{layer}"], rtol=0, atol=1e-3, err_msg=first
        )
    error = residual - expected["residual"]
    assert np.abs(error).max() <= 2e-3
    assert np.sqrt(np.square(error).mean()) <= 2e-4
