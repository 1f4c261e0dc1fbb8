"""LPIPS against distances of the `lpips` package, and those published by its authors."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from benchmark.metrics.perceptual import LPIPS, LPIPSVGG
from benchmark.testing.metrics import draw_case
from tests.parity.goldens import GOLDENS

FOLDER = GOLDENS / "lpips"
TOLERANCE = 2e-5
NETS = {LPIPS: "alex", LPIPSVGG: "vgg"}  # as the package calls them
PUBLISHED = {"ex_p0.png": 0.722, "ex_p1.png": 0.138}  # richzhang/PerceptualSimilarity, AlexNet

pytestmark = pytest.mark.skipif(
    not (FOLDER / "expected.json").is_file(),
    reason=f"the reference outputs are not here: expected {FOLDER}",
)


def picture(name: str) -> NDArray[np.uint8]:
    with Image.open(FOLDER / name) as file:
        return np.asarray(file.convert("RGB"))[None]


def distances(metric: type[LPIPS]) -> dict[tuple[str, str], tuple[float, float]]:
    """What is measured and what is expected, by the images' names."""
    found = {}
    for pair in json.loads((FOLDER / "expected.json").read_text(encoding="utf-8")):
        image, filled = picture(pair["b"]), picture(pair["a"])
        case = draw_case(1, seed=0, side=image.shape[1])
        measured = metric().measure(replace(case, image=image, filled=filled))[0, 0]
        found[pair["a"], pair["b"]] = (float(measured), pair[NETS[metric]])
    return found


@pytest.mark.usefixtures("alexnet")
def test_alexnets_distances() -> None:
    found = distances(LPIPS)
    assert len(found) == 4
    for pair, (measured, expected) in found.items():
        assert measured == pytest.approx(expected, abs=TOLERANCE), pair
    for name, published in PUBLISHED.items():
        assert round(found["ex_ref.png", name][0], 3) == published


@pytest.mark.usefixtures("vgg16")
def test_vgg_16s_distances() -> None:
    found = distances(LPIPSVGG)
    assert len(found) == 4
    for pair, (measured, expected) in found.items():
        assert measured == pytest.approx(expected, abs=TOLERANCE), pair
