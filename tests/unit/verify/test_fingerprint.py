"""The fixed images stay what they are; every stage of a network is noted in order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from benchmark.core.card import Card
from benchmark.core.types import Detection
from benchmark.verify.fingerprint import fingerprint_of, fixed_images, images_sha256
from detectors.base import Detector


def test_the_images_never_change() -> None:
    """Another sum here makes every stored answer void: record the shipped ones again."""
    assert [picture.size for picture in fixed_images()] == ["256x256", "181x237"]
    assert images_sha256().startswith("981b2dd8f6b3")
    for picture in fixed_images():
        assert picture.pixels.std() > 40
        assert 0.1 < picture.mask.mean() < 0.3


@dataclass
class Maps:
    """What a stage returns."""

    both: dict[str, Tensor]


class Stage(nn.Module):
    """Returns its tensors in a record."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = nn.Sequential(nn.Sequential(nn.Identity()))

    def forward(self, images: Tensor) -> Maps:
        return Maps({"one": self.inner(images), "two": self.inner(images * 2)})


class Network(nn.Module):
    """A stage, and a head that no pass reaches."""

    def __init__(self) -> None:
        super().__init__()
        self.head, self.stage = nn.Identity(), Stage()

    def forward(self, images: Tensor) -> Tensor:
        return self.stage(images).both["two"].mean(dim=1) / 2


class Grey(Detector):
    """Calls bright pixels forged."""

    card = Card(name="gray", title="Grey")

    def __init__(self) -> None:
        super().__init__()
        self.network = Network()

    def _detect(self, images: Tensor) -> Detection:
        heatmap = self.network(images)
        return Detection(heatmap=heatmap, score=heatmap.amax(dim=(1, 2)))


def test_stages_are_noted_in_the_order_in_which_they_finish() -> None:
    picture = fixed_images()[1]
    seen = fingerprint_of(Grey(), picture)
    assert list(seen.taps) == ["stage.inner", "stage"]
    images = torch.from_numpy(picture.pixels).double() / 255
    assert seen.taps["stage.inner"][0] == pytest.approx(float(images.mean()))  # of its first run
    assert seen.taps["stage"][0] == pytest.approx(1.5 * float(images.mean()), rel=1e-6)


def test_answers_are_noted_whole_and_coarse() -> None:
    picture = fixed_images()[0]
    seen = fingerprint_of(Grey(), picture)
    assert set(seen.outputs) == {"heatmap", "heatmap grid", "score"}
    gray = picture.pixels[0].mean(axis=2) / 255
    cells = gray.reshape(16, 16, 16, 16).mean(axis=(1, 3)).ravel()
    np.testing.assert_allclose(seen.outputs["heatmap grid"], cells, atol=1e-6)
