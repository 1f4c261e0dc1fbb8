"""Images of a run as files."""

from __future__ import annotations

import numpy as np
from matplotlib import colormaps

from benchmark.results.images import color_probabilities, probabilities


def test_the_colors_are_matplotlib_s() -> None:
    values = np.linspace(0, 1, 256 * 64 + 1, dtype=np.float32)[None]
    expected = np.rint(colormaps["viridis"](values)[..., :3] * 255).astype(np.uint8)
    np.testing.assert_array_equal(color_probabilities(values), expected)


def test_every_half_precision_number_has_its_probability() -> None:
    logits = np.arange(2**16, dtype=np.uint16).view(np.float16)
    kept = logits[~np.isnan(logits)]
    with np.errstate(over="ignore"):
        expected = 1 / (1 + np.exp(-kept.astype(np.float64)))
    np.testing.assert_allclose(probabilities(kept), expected, rtol=1e-6, atol=1e-37)
    assert np.isnan(probabilities(np.full((2, 3), np.nan, np.float16))).all()
    every_second = logits[::2].reshape(128, -1)  # a view that is not contiguous
    np.testing.assert_array_equal(probabilities(every_second), probabilities(every_second.copy()))
