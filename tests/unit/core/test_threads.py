"""Thread counts: all cores for networks, one for small work, restored afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.threads import network_threads, threads_for_networks
from benchmark.metrics import deep_features
from detectors import DETECTORS, create_detector
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter


class Watching(Inpainter):
    """A model that records the number of threads in its network."""

    card = Card(name="watching", title="watching", sizes="any")
    seen = 0
    seen_by_opencv = 0

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        self.seen, self.seen_by_opencv = torch.get_num_threads(), cv2.getNumThreads()
        return images


@pytest.fixture(autouse=True)
def _three_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def inpaint_with(model: Inpainter) -> None:
    model.inpaint(torch.rand(1, 3, 64, 64), torch.ones(1, 1, 64, 64))


def test_networks_get_what_torch_had_and_the_rest_one_thread() -> None:
    model = Watching()
    opencv = cv2.getNumThreads()
    with threads_for_networks() as count:
        assert count == 3
        assert torch.get_num_threads() == 1
        assert cv2.getNumThreads() == 1
        inpaint_with(model)
        assert (model.seen, model.seen_by_opencv) == (3, 3)
        assert (torch.get_num_threads(), cv2.getNumThreads()) == (1, 1)
    assert (torch.get_num_threads(), cv2.getNumThreads()) == (3, opencv)


def test_a_share_of_the_cores_can_be_given() -> None:
    model = Watching()
    with threads_for_networks(2):
        inpaint_with(model)
    assert model.seen == 2
    assert torch.get_num_threads() == 3


def test_outside_a_run_nothing_is_changed() -> None:
    model = Watching()
    inpaint_with(model)
    assert model.seen == 3
    with network_threads():
        assert torch.get_num_threads() == 3


def test_threads_come_back_after_an_error() -> None:
    with pytest.raises(RuntimeError), threads_for_networks(2), network_threads():
        raise RuntimeError
    assert torch.get_num_threads() == 3


@pytest.mark.parametrize("name", INPAINTERS.built_in)
def test_only_inpainters_with_weights_and_shiftmap_wake_the_pool(name: str) -> None:
    slow = not INPAINTERS.card(name).weightless or name == "shiftmap"
    assert INPAINTERS.load(name).heavy == slow


@pytest.mark.parametrize("name", DETECTORS.built_in)
def test_only_detectors_with_weights_wake_the_pool(name: str) -> None:
    assert DETECTORS.load(name).heavy == (not DETECTORS.card(name).weightless)


def test_lpips_is_a_network(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []

    def layers(network: object, image: Tensor) -> list[Tensor]:
        seen.append(torch.get_num_threads())
        return []

    monkeypatch.setattr(deep_features.DeepFeatures, "_layers", layers)
    network = object.__new__(deep_features.DeepFeatures)
    with threads_for_networks(2):
        network.of(np.zeros((64, 64, 3), np.uint8))
        assert torch.get_num_threads() == 1
    assert seen == [2]


def test_classical_models_stay_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", seen.append)
    telea, flatness = create_inpainter("telea"), create_detector("flatness")
    with threads_for_networks(2):
        inpaint_with(telea)
        flatness.detect(torch.rand(1, 3, 64, 64))
    assert seen == [1, 3]  # into the block, and out of it
