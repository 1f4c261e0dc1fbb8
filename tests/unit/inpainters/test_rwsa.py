"""Region-wise separated attention: its mask arithmetic, its shapes, and its use as a plug-in."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from benchmark.core.errors import WeightsError
from inpainters.rwsa import (
    RWSA,
    EncoderRWSA,
    GaussianMask,
    gaussian_kernel,
    mask_to_size,
    start_from_host,
)


def cell(*rows):
    return torch.tensor(rows, dtype=torch.float32)[None, None]


def test_two_of_four_is_known_and_three_of_four_is_hole():
    masks = cell([1, 1, 1, 1], [0, 0, 1, 0])
    assert mask_to_size(masks, 1).tolist() == [[[[0.0, 1.0]]]]


def test_at_a_quarter_only_the_upper_left_of_each_cell_is_seen():
    masks = torch.ones(1, 1, 8, 8)
    masks[:, :, :2, :2] = 0
    assert mask_to_size(masks, 2).tolist() == [[[[0.0, 1.0], [1.0, 1.0]]]]


def test_a_mask_of_the_features_size_stays_soft():
    masks = torch.full((1, 1, 4, 4), 0.3)
    assert torch.equal(mask_to_size(masks, 4), masks)


def test_kernel_has_sum_one_and_the_programs_deviation():
    kernel = gaussian_kernel()
    assert kernel.sum().item() == pytest.approx(1, abs=1e-6)
    assert kernel[0, 0, 2, 2].item() == pytest.approx(0.0921980, abs=1e-6)
    assert kernel[0, 0, 0, 0].item() == pytest.approx(0.0124776, abs=1e-6)


def test_smoothing_keeps_a_constant_up_to_the_edge():
    torch.testing.assert_close(GaussianMask()(torch.ones(1, 1, 7, 9)), torch.ones(1, 1, 7, 9))


@pytest.mark.parametrize(("channels", "count"), [(256, 2_529_840), (128, 633_112), (64, 158_604)])
def test_number_of_parameters_is_the_specifications(channels, count):
    assert sum(p.numel() for p in RWSA(channels).parameters()) == count


@pytest.mark.parametrize("stride", [1, 2, 4])
@pytest.mark.parametrize("channels", [8, 32])
def test_takes_features_at_any_stride_of_the_mask(channels, stride):
    torch.manual_seed(0)
    features = torch.randn(2, channels, 12, 10)
    masks = (torch.rand(2, 1, 12 * stride, 10 * stride) > 0.5).float()
    answer = RWSA(channels).eval()(features, masks)
    assert answer.shape == features.shape
    assert answer.isfinite().all()


def test_far_from_the_hole_only_the_background_attention_reaches_the_answer():
    torch.manual_seed(0)
    module = RWSA(16).eval()
    features, masks = torch.randn(1, 16, 16, 16), torch.zeros(1, 1, 16, 16)
    masks[:, :, 10:14, 10:14] = 1
    before = module(features, masks)
    torch.nn.init.normal_(module.mixed_attention.fc[2].bias)
    torch.nn.init.normal_(module.connection.rbn2.bias)
    changed = (module(features, masks) - before).abs().amax(dim=1)[0] > 1e-7
    assert changed[10:14, 10:14].all()
    assert not changed[:8, :].any()
    assert not changed[:, :8].any()


def test_gradients_reach_every_parameter():
    torch.manual_seed(0)
    module = RWSA(128)
    masks = torch.zeros(1, 1, 32, 32)
    masks[:, :, 8:24, 8:24] = 1
    module(torch.randn(1, 128, 16, 16), masks).square().mean().backward()
    without = [name for name, p in module.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_passing_through_is_the_identity_to_the_bit():
    torch.manual_seed(0)
    module, features = RWSA(16).eval(), torch.randn(2, 16, 9, 11)
    module.pass_through()
    masks = (torch.rand(2, 1, 18, 22) > 0.5).float()
    assert torch.equal(module(features, masks), features)


class Host(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 1), nn.ReLU(), nn.Conv2d(4, 4, 2, stride=2))
        self.rwsa = EncoderRWSA(channels)


def test_modules_stand_after_the_layers_they_are_named_by():
    torch.manual_seed(0)
    host, images = Host({1: 4, 2: 4}).eval(), torch.randn(1, 3, 8, 8)
    masks = torch.zeros(1, 1, 8, 8)
    masks[..., :4] = 1
    first = host.rwsa["1"](host.encoder[1](host.encoder[0](images)), masks)
    expected = host.rwsa["2"](host.encoder[2](first), masks)
    assert torch.equal(host.rwsa.encode(host.encoder, images, masks), expected)
    plain = Host({})
    assert set(plain.state_dict()) == {"encoder.0.weight", "encoder.0.bias", "encoder.2.weight",
                                       "encoder.2.bias"}  # fmt: skip
    assert torch.equal(plain.rwsa.encode(plain.encoder, images, masks), plain.encoder(images))


def test_a_hosts_file_may_lack_rwsa_and_nothing_else(tmp_path):
    path, network, state = tmp_path / "host.pt", Host({1: 4}), Host({}).state_dict()
    start_from_host(network, state, path)
    assert torch.equal(network.encoder[0].weight, state["encoder.0.weight"])
    without = {name: value for name, value in state.items() if name != "encoder.0.bias"}
    with pytest.raises(WeightsError, match=r"1 missing \(encoder.0.bias\), 0 surplus"):
        start_from_host(network, without, path)
    with pytest.raises(WeightsError, match=r"0 missing, 1 surplus \(rwsa.9.fuser.bias\)"):
        start_from_host(network, {**state, "rwsa.9.fuser.bias": torch.zeros(4)}, path)
    with pytest.raises(WeightsError, match=r"missing \(rwsa.1"):
        start_from_host(network, {**state, "rwsa.1.fuser.bias": torch.zeros(4)}, path)
