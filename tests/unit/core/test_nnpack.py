"""Convolutions by NNPACK against torch's own."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmark.core import nnpack
from benchmark.core.inference import optimize_for_inference
from benchmark.core.nnpack import NNPACK, NNPACKConv2d, nnpack_pays, use_nnpack
from benchmark.core.threads import threads_for_networks

needs_nnpack = pytest.mark.skipif(
    not nnpack_pays(), reason="this processor or this torch is not one that NNPACK is used on"
)


@pytest.fixture(autouse=True)
def _one_thread_without_gradients() -> Iterator[None]:
    torch.manual_seed(0)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.no_grad():
        yield
    torch.set_num_threads(before)


def layer(inputs: int = 64, outputs: int = 64, kernel: int = 3, **more: Any) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel, **more).eval()


def replaced(plain: nn.Conv2d) -> nn.Module:
    network = nn.Sequential(plain)
    use_nnpack(network)
    return network


@needs_nnpack
@pytest.mark.parametrize(
    ("more", "size"),
    [
        ({"padding": 1}, (32, 40)),
        ({}, (30, 31)),
        ({"padding": 1, "padding_mode": "reflect"}, (32, 33)),
        ({"padding": (2, 0), "bias": False}, (33, 29)),
        ({"kernel": 5, "padding": 2, "outputs": 3}, (32, 32)),
        ({"kernel": 7, "outputs": 1}, (40, 35)),
        ({"dilation": 2, "padding": 2}, (33, 46)),
        ({"dilation": 2}, (34, 35)),
        ({"dilation": 2, "padding": (1, 3), "padding_mode": "reflect"}, (35, 32)),
    ],
)
def test_outputs_are_torch_s_but_for_rounding(more: dict[str, Any], size: tuple[int, int]) -> None:
    plain = layer(**more)
    planes = torch.randn(2, 64, *size)
    expected = plain.double()(planes.double())
    network = replaced(plain.float())
    assert isinstance(network[0], NNPACKConv2d)  # type: ignore[index]
    torch.testing.assert_close(network(planes).double(), expected, rtol=0, atol=5e-5)


@needs_nnpack
def test_an_image_s_output_does_not_depend_on_the_batch() -> None:
    network = replaced(layer(padding=1))
    planes = torch.randn(3, 64, 32, 32)
    whole = network(planes)
    assert torch.equal(whole, torch.cat([network(image) for image in planes.split(1)]))
    assert torch.equal(whole, network(planes.contiguous(memory_format=torch.channels_last)))


@pytest.mark.parametrize(
    "plain",
    [
        layer(stride=2),
        layer(groups=2),
        layer(kernel=1),
        layer(kernel=4),
        layer(padding="same"),
        layer(dilation=4),
        layer(inputs=32),
        layer(outputs=32),
    ],
    ids=str,
)
def test_layers_for_which_torch_is_faster_stay(plain: nn.Conv2d) -> None:
    replaced(plain)
    assert type(plain) is nn.Conv2d


@needs_nnpack
def test_small_planes_and_other_modes_are_torch_s(monkeypatch: pytest.MonkeyPatch) -> None:
    network = replaced(layer(padding=1))
    planes = torch.randn(1, 64, 32, 32)

    def refused(*_: object) -> Tensor:
        raise AssertionError("NNPACK was called")

    monkeypatch.setattr(NNPACKConv2d, "_convolve", refused)
    with pytest.raises(AssertionError, match="NNPACK"):
        network(planes)
    assert network(planes[..., :24, :24]).shape == (1, 64, 24, 24)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert network(planes).dtype == torch.bfloat16
    with pytest.warns(FutureWarning, match="deprecated"):  # what OpenVINO's converter calls
        torch.jit.trace(network, planes, check_trace=False)
    with torch.enable_grad():
        network(planes).sum().backward()
    monkeypatch.setattr(nnpack, "_LOADED_BY", 0)  # as in a forked process
    assert network(planes).shape == planes.shape


@needs_nnpack
@pytest.mark.parametrize(
    ("channels", "side", "calls"), [(64, 32, False), (128, 32, True), (128, 130, False)]
)
def test_on_several_threads_it_computes_wide_layers_of_small_planes(
    channels: int, side: int, calls: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = replaced(layer(channels, channels, padding=1))
    called: list[object] = []
    monkeypatch.setattr(
        NNPACKConv2d, "_convolve", lambda _, planes, padding: called.append(padding) or planes
    )
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    network(torch.zeros(1, channels, side, side))
    assert bool(called) == calls


@needs_nnpack
@pytest.mark.parametrize(
    ("threads", "nnpack", "width", "used"),
    [
        (1, "one thread", 128, True),
        (2, "one thread", 128, False),
        (2, "any threads", 128, True),
        (1, "one thread", 64, False),  # no wide layer: channels-last is faster
    ],
)
def test_a_network_uses_it_on_the_threads_it_was_measured_with(
    threads: int, nnpack: NNPACK, width: int, used: bool
) -> None:
    plain = layer(width, width)
    with threads_for_networks(threads):
        optimize_for_inference(nn.Sequential(plain).eval(), channels_last=True, nnpack=nnpack)
    assert (type(plain) is NNPACKConv2d) == used
    assert plain.weight.is_contiguous(memory_format=torch.channels_last) != used


@needs_nnpack
def test_layers_whose_rounding_is_amplified_stay() -> None:
    class Block(nn.Module):
        amplified = ("gate",)

        def __init__(self) -> None:
            super().__init__()
            self.gate, self.fuse = nn.Sequential(layer()), layer()

    network = optimize_for_inference(Block().eval(), nnpack="any threads")
    assert type(network.gate[0]) is nn.Conv2d
    assert type(network.fuse) is NNPACKConv2d


def test_without_nnpack_the_network_is_channels_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.core.inference.nnpack_pays", lambda: False)
    plain = layer()
    optimize_for_inference(nn.Sequential(plain).eval(), channels_last=True, nnpack="any threads")
    assert type(plain) is nn.Conv2d
    assert plain.weight.is_contiguous(memory_format=torch.channels_last)
