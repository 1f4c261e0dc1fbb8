"""Region-wise separated attention: mask resizing, the paper's equations, use as a plug-in."""

from __future__ import annotations

import numpy as np
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


def drawn(channels, *, kernel="own"):
    """A module whose every number is drawn, its batch norms' statistics among them."""
    torch.manual_seed(3)
    module = RWSA(channels).eval()
    for value in module.parameters():
        nn.init.normal_(value, std=0.3)
    for norm in (module.connection.rbn1, module.connection.rbn2):
        nn.init.normal_(norm.running_mean, std=0.3)
        nn.init.uniform_(norm.running_var, 0.5, 2)
    if kernel == "loaded":  # a checkpoint's need not have the sum 1
        nn.init.uniform_(module.gaussianMask.weight)
    return module.requires_grad_(requires_grad=False)


def arrays(module):
    return {name: value.double().numpy() for name, value in module.state_dict().items()}


def convolved(planes, weight, *, mode="constant"):
    """3x3 or larger convolution of (C, h, w) that keeps the size, one tap at a time."""
    reach = weight.shape[-1] // 2
    padded = np.pad(planes, ((0, 0), (reach, reach), (reach, reach)), mode=mode)
    height, width = planes.shape[1:]
    answer = np.zeros((weight.shape[0], height, width))
    for row in range(weight.shape[2]):
        for column in range(weight.shape[3]):
            shifted = padded[:, row : row + height, column : column + width]
            answer += np.einsum("oc,chw->ohw", weight[:, :, row, column], shifted)
    return answer


def by_the_paper(module, features, mask):
    """Section 3.4, equations 5 and 6, in float64: x and M at one size, M smoothed as in Figure 4.

    F_f = M [LB(G_f1(x)) + G_f2(x)], F_b = (1 - M) G_b(x), F = FFB(Concat(F_f + F_b, x)).
    """
    own = arrays(module)

    def attention(name):  # a squeeze-and-excitation block that pools maxima too
        pooled = np.concatenate((x.mean(axis=(1, 2)), x.max(axis=(1, 2))))
        hidden = own[f"{name}.fc.0.weight"] @ pooled + own[f"{name}.fc.0.bias"]
        factors = own[f"{name}.fc.2.weight"] @ hidden.clip(0) + own[f"{name}.fc.2.bias"]
        return x * (1 / (1 + np.exp(-factors)))[:, None, None]

    def block(planes, convolution, norm):  # CONV-BN-ELU
        found = convolved(planes, own[f"connection.{convolution}.weight"])
        mean, variance, scale, shift = (
            own[f"connection.{norm}.{part}"][:, None, None]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        found = (found - mean) / np.sqrt(variance + 1e-5) * scale + shift
        return np.where(found > 0, found, np.expm1(found))

    x = features.double().numpy()
    kernel = own["gaussianMask.weight"]
    hole = convolved(mask[None], kernel, mode="reflect")
    known = convolved(1 - mask[None], kernel, mode="reflect")
    transformed = block(block(attention("spliced_attention"), "rconv1", "rbn1"), "rconv2", "rbn2")
    foreground = hole * (transformed + attention("mixed_attention"))
    background = known * attention("background_attention")
    joined = np.concatenate((foreground + background, x))
    fused = np.einsum("oc,chw->ohw", own["fuser.weight"][:, :, 0, 0], joined)
    return fused + own["fuser.bias"][:, None, None]


@pytest.mark.parametrize("kernel", ["own", "loaded"])
@pytest.mark.parametrize("prepared", [False, True])
def test_the_answer_is_equations_5_and_6(kernel, prepared):
    module = drawn(6, kernel=kernel)
    draw = np.random.default_rng(1)
    mask = np.zeros((14, 17))
    mask[4:8, 5:12] = 1
    mask[0:2, 3:6] = 1  # at the edge, where convolutions and smoothing see what is beyond
    features = torch.tensor(draw.normal(size=(2, 6, 14, 17)), dtype=torch.float32)
    if prepared:
        module.prepare()
    masks = torch.tensor(mask, dtype=torch.float32)[None, None].repeat(2, 1, 1, 1)
    answer = module(features, masks)
    for found, one in zip(answer, features, strict=True):
        np.testing.assert_allclose(found, by_the_paper(module, one, mask), rtol=0, atol=2e-5)


def test_prepared_it_transforms_no_more_than_the_holes_and_what_their_convolutions_see():
    """Two 3x3 convolutions see two pixels beyond a hole; its softened border reaches two too."""
    module, seen = drawn(6), []
    features, masks = torch.randn(1, 6, 40, 40), torch.zeros(1, 1, 40, 40)
    masks[..., 15:20, 10:22] = 1
    whole = module(features, masks)
    module.connection.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].shape[2:]))
    module.prepare()
    torch.testing.assert_close(module(features, masks), whole, rtol=0, atol=1e-5)
    assert seen == [(5 + 2 * (2 + 2), 12 + 2 * (2 + 2))]


def test_without_a_hole_nothing_is_transformed():
    module, features = drawn(6), torch.randn(1, 6, 12, 12)
    plain = module(features, torch.zeros(1, 1, 12, 12))
    module.prepare()
    assert torch.equal(module(features, torch.zeros(1, 1, 12, 12)), plain)


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
    with pytest.raises(WeightsError, match=r"1 missing \(encoder.0.bias\), 0 unexpected"):
        start_from_host(network, without, path)
    with pytest.raises(WeightsError, match=r"0 missing, 1 unexpected \(rwsa.9.fuser.bias\)"):
        start_from_host(network, {**state, "rwsa.9.fuser.bias": torch.zeros(4)}, path)
    with pytest.raises(WeightsError, match=r"missing \(rwsa.1"):
        start_from_host(network, {**state, "rwsa.1.fuser.bias": torch.zeros(4)}, path)
