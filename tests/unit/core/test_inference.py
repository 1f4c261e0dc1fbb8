"""Inference optimizations keep outputs and names, and refuse unsupported modules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest
import torch
from torch import nn
from torch.nn.utils import spectral_norm

from benchmark.core.errors import BadInput
from benchmark.core.inference import OptimizedNetwork, optimize_for_inference
from inpainters.rwsa import RWSA


def stir(network):
    """Give every norm random statistics, as after training, and switch to evaluation mode."""
    torch.manual_seed(1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            if module.affine:
                nn.init.normal_(module.weight)
                nn.init.normal_(module.bias)
    return network.eval()


class Summed(nn.Module):
    """A norm over a sum, whose second layer ends a sequence with a norm of its own."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {"norm": ("left", "right.0")}

    def __init__(self):
        super().__init__()
        self.left = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.right = nn.Sequential(nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6))
        self.norm = nn.BatchNorm2d(6, affine=False)

    def forward(self, planes):
        return self.norm(self.left(planes) + self.right(planes))


CHAINS = {
    "convolution": lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU()),
    "without affine": lambda: nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6, affine=False)),
    "depthwise": lambda: nn.Sequential(nn.Conv2d(3, 6, 3, groups=3), nn.BatchNorm2d(6)),
    "transposed": lambda: nn.Sequential(nn.ConvTranspose2d(3, 6, 4, 2, 1), nn.BatchNorm2d(6)),
    "sum": Summed,
    "spectral norm": lambda: nn.Sequential(spectral_norm(nn.Conv2d(3, 6, 3)), nn.BatchNorm2d(6)),
}


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize("chain", sorted(CHAINS))
def test_the_answer_stays(chain, channels_last):
    network = stir(CHAINS[chain]())
    names = [name for name, _ in network.named_modules()]
    planes = torch.randn(2, 3, 8, 8)
    with torch.no_grad():
        before = network(planes)
        after = optimize_for_inference(network, channels_last=channels_last)(planes)
    torch.testing.assert_close(after, before, rtol=1e-5, atol=1e-5)
    assert [name for name, _ in network.named_modules()] == names
    assert not any(isinstance(module, nn.BatchNorm2d) for module in network.modules())


def test_a_linear_layer_takes_its_norm():
    network = stir(nn.Sequential(nn.Linear(4, 5, bias=False), nn.BatchNorm1d(5)))
    given = torch.randn(3, 4)
    with torch.no_grad():
        before = network(given)
        torch.testing.assert_close(
            optimize_for_inference(network)(given), before, rtol=1e-5, atol=1e-5
        )
    assert isinstance(network[1], nn.Identity)


def test_a_norm_behind_an_activation_stays():
    network = stir(nn.Sequential(nn.Conv2d(3, 6, 3), nn.ReLU(), nn.BatchNorm2d(6)))
    assert isinstance(optimize_for_inference(network)[2], nn.BatchNorm2d)


def test_spectral_norm_is_divided_out_once():
    network = optimize_for_inference(nn.Sequential(spectral_norm(nn.Conv2d(3, 6, 3))).eval())
    assert list(network.state_dict()) == ["0.bias", "0.weight"]


def test_a_network_in_training_is_refused():
    with pytest.raises(ValueError, match="training mode"):
        optimize_for_inference(nn.Sequential(nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6)))


def test_a_transposed_convolution_in_groups_is_refused():
    network = stir(nn.Sequential(nn.ConvTranspose2d(4, 4, 3, groups=2), nn.BatchNorm2d(4)))
    with pytest.raises(TypeError, match="grouped"):
        optimize_for_inference(network)


def test_what_weights_alone_decide_is_prepared_after_folding():
    class Constant(nn.Module):
        def __init__(self):
            super().__init__()
            self.chain = nn.Sequential(nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1))
            self.kept = None

        def prepare(self):
            self.kept = self.chain[0].weight.clone()

    network = optimize_for_inference(stir(Constant()))
    assert torch.equal(network.kept, network.chain[0].weight)


@dataclass(frozen=True)
class Answer:
    """A network output of two tensors."""

    planes: torch.Tensor
    pair: tuple[torch.Tensor, torch.Tensor]


class Recorded(nn.Module):
    """A network that returns a dataclass and a tuple."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)
        self.config = "sizes"

    def forward(self, planes):
        made = self.conv(planes)
        return Answer(planes=made, pair=(made, made))


def test_bf16_answers_near_and_in_float32():
    torch.manual_seed(0)
    network = Recorded().eval()
    planes = torch.randn(1, 3, 8, 8)
    with torch.inference_mode():
        exact = network(planes)
        near = OptimizedNetwork(network, name="recorded", bf16=True, compiled=False)(planes)
    assert near.planes.dtype == near.pair[1].dtype == torch.float32
    assert not torch.equal(near.planes, exact.planes)
    torch.testing.assert_close(near.planes, exact.planes, rtol=0, atol=0.05)


def test_what_cannot_be_run_so_is_one_line():
    class Stubborn(nn.Module):
        def forward(self, planes):
            return torch.linalg.inv(planes.bfloat16())  # for which there is no kernel

    tuned = OptimizedNetwork(Stubborn().eval(), name="stubborn", bf16=True, compiled=False)
    with pytest.raises(BadInput, match=r"^stubborn cannot be run with bf16 here .*run it without$"):
        tuned(torch.zeros(1, 1, 4, 4))


def test_sizes_stay_reachable():
    assert (
        OptimizedNetwork(Recorded().eval(), name="recorded", bf16=True, compiled=False).config
        == "sizes"
    )


@pytest.mark.parametrize(
    "hole",
    [(8, 20, 4, 12), (0, 32, 0, 32), (0, 3, 29, 32), (16, 16, 0, 0)],
    ids=["inside", "all", "corner", "none"],
)
def test_rwsa_within_the_hole_alone_answers_the_same(hole):
    torch.manual_seed(2)
    network = stir(RWSA(16))
    top, bottom, left, right = hole
    masks = torch.zeros(2, 1, 32, 32)
    masks[1, :, top:bottom, left:right] = 1
    features = torch.randn(2, 16, 32, 32)
    with torch.inference_mode():
        before = network(features, masks)
        torch.testing.assert_close(
            optimize_for_inference(network)(features, masks), before, rtol=1e-4, atol=1e-4
        )
