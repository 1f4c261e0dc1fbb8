"""TruFor's noise extractor with its published weights."""

from __future__ import annotations

import numpy as np
import torch

from benchmark.core.checkpoints.load import load_strict, part_of, read_checkpoint
from detectors.trufor import TruForConfig, noise_extractor
from tests.parity.goldens import GOLDENS, golden, needs_goldens, summary

pytestmark = needs_goldens

EXTRACTOR_TAPS = ("01", "04", "22", "25", "28", "46")


def test_the_real_noise_extractor():
    file = GOLDENS / "trufor" / "noiseprint++.th"
    expected = golden("trufor", "noiseprint")
    layers = {f"tap_layer{layer}" for layer in EXTRACTOR_TAPS}
    assert set(expected) == {"image", "residual", *layers}
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
