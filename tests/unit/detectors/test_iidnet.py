"""IID-Net at toy size: preprocessing, blocks against their definitions, refused files."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from benchmark.core.errors import BadInput, WeightsError
from detectors import iidnet
from detectors.iidnet import (
    SMOOTHING,
    Attention,
    BayarConv,
    IIDNet,
    IIDNetConfig,
    IIDNetNetwork,
    divisor,
    median,
    nearest,
)

TOY = IIDNetConfig(stem_widths=(4, 6), widths=(6, 8), decision_width=5)


def toy_network(seed=0, config=TOY):
    torch.manual_seed(seed)
    return IIDNetNetwork(config).eval()


def save_toy(path, network, *, config=TOY, model="iidnet"):
    """The file that this project's training writes: half precision, sizes in its metadata."""
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in network.state_dict().items()
    }
    noted = {"model": model, "config": config if isinstance(config, dict) else asdict(config)}
    save_file(state, path, metadata={"bench": json.dumps(noted)})


def draw(height, width, count=1):
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return (torch.rand(count, 3, height, width, generator=generator) * 255).round() / 255


@pytest.fixture(scope="module")
def toy_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("toy") / "toy.safetensors"
    save_toy(path, toy_network())
    return path


@pytest.fixture(scope="module")
def detector(toy_file):
    return IIDNet(weights=toy_file)


def test_the_network_itself_mixes_no_images():
    network = toy_network()
    images = torch.cat((draw(40, 56, count=2), torch.full((1, 3, 40, 56), 0.3)))  # K differs
    with torch.inference_mode():
        together = network(images)
        alone = torch.cat([network(image[None]) for image in images])
    torch.testing.assert_close(together[:2], alone[:2], atol=1e-5, rtol=0)


def test_the_network_is_fed_bgr_on_the_8_bit_grid_from_minus_one_to_one(detector, monkeypatch):
    seen = []
    network = detector.network
    monkeypatch.setattr(detector, "network", lambda images: seen.append(images) or network(images))
    rgb = torch.tensor([0.0, 100.4 / 255, 1.0])[None, :, None, None]
    detector.detect(rgb.expand(1, 3, 32, 32).contiguous())
    expected = torch.tensor([1.0, 100 / 127.5 - 1, -1.0])
    torch.testing.assert_close(seen[0][0, :, 5, 7], expected, atol=1e-7, rtol=0)


def test_the_score_is_the_share_of_the_heatmap_above_a_half(detector):
    detection = detector.detect(draw(32, 48, count=2))
    share = (detection.heatmap > 0.5).float().mean(dim=(1, 2))
    assert torch.equal(detection.score, share)
    assert (IIDNet.card.score_from, IIDNet.card.threshold) == ("area", 0.02)


def test_only_the_first_output_of_the_constrained_kernel_is_constrained():
    torch.manual_seed(1)
    layer = BayarConv().eval()
    stored = layer.weight.detach().clone()
    kernel = layer.constrained()
    assert torch.equal(kernel[:, :, 2, 2], torch.tensor([[-1.0] * 3, [0.0] * 3, [0.0] * 3]))
    without_center = stored.clone()
    without_center[:, :, 2, 2] = 0
    torch.testing.assert_close(kernel[1:], 10_000 * without_center[1:])
    torch.testing.assert_close(kernel[0].sum(dim=(1, 2)), torch.zeros(3), atol=1e-4, rtol=0)
    for _ in range(3):
        layer(draw(9, 9))
    assert torch.equal(layer.weight, stored)


def test_the_gradient_of_the_constrained_kernel_goes_to_the_stored_one_unchanged():
    torch.manual_seed(2)
    layer, images = BayarConv().train(), draw(9, 9)
    found = layer(images)
    found.square().sum().backward()
    used = layer.constrained().requires_grad_()
    expected = F.conv2d(images, used, padding=2)
    expected.square().sum().backward()
    torch.testing.assert_close(found, expected, atol=1e-2, rtol=1e-6)
    torch.testing.assert_close(layer.weight.grad, used.grad, atol=1, rtol=1e-5)


def test_the_prefilters_start_as_differences_to_below_right_and_below_right():
    weight = toy_network().pf_conv.weight.detach()
    assert torch.equal(weight, weight[:3].repeat(3, 1, 1, 1))
    for kind, (row, column) in enumerate(((2, 1), (1, 2), (2, 2))):
        expected = torch.zeros(3, 3, 3)
        expected[:, 1, 1], expected[:, row, column] = -1, 1
        assert torch.equal(weight[kind], expected)


def test_the_median_is_the_fifth_of_nine_without_padding():
    planes = torch.randn(2, 1, 6, 8)
    found = median(planes)
    assert found.shape == (2, 1, 4, 6)
    for row, column in ((0, 0), (3, 5), (1, 2)):
        window = planes[1, 0, row : row + 3, column : column + 3].flatten()
        assert found[1, 0, row, column] == window.sort().values[4]


@pytest.mark.parametrize(
    ("means", "expected"),
    [
        ([1.0] * 15, 14),
        ([1.0] + [0.4] * 14, 2),
        ([1.0, 0.6] + [0.4] * 13, 2),
        ([1.0] + [0.5] * 7 + [0.4] * 7, 7),
        ([1.0, 0.4, 0.6, 0.4, 0.5] + [0.1] * 10, 4),  # the last such rank, not their number
        ([float("nan")] * 15, 15),
    ],
)
def test_k_is_the_last_rank_that_is_alike_on_average(means, expected):
    spread = torch.tensor([[0.2], [-0.2]]) * torch.tensor([0.0] + [1.0] * 14)
    assert divisor(torch.tensor(means, dtype=torch.float64) + spread) == expected


def test_attention_is_its_definition(monkeypatch):
    monkeypatch.setattr(iidnet, "ROWS", 7)  # in several portions
    torch.manual_seed(3)
    planes = torch.rand(2, 6, 5, 6) + torch.tensor([0.0, 0.2])[:, None, None, None]
    attention = Attention(6).eval()
    found = attention(planes)
    assert torch.equal(found[:, :6], planes)
    for image, answer in zip(planes, found[:, 6:12], strict=True):
        vectors = image.flatten(1).T
        cosines = F.cosine_similarity(vectors[:, None], vectors[None], dim=2)
        order = cosines.argsort(dim=1, descending=True)[:, :15]
        means = cosines.gather(1, order).mean(dim=0)
        k = max(t for t in range(15) if means[t] >= 0.5)
        expected = torch.stack(
            [(vectors[i] + vectors[order[i, 1:k]].sum(dim=0)) / k for i in range(30)]
        )
        torch.testing.assert_close(answer.flatten(1).T, expected)
    kernel = torch.tensor(SMOOTHING)[None, None]
    local = F.conv2d(planes.reshape(12, 1, 5, 6), kernel, padding=2).reshape(2, 6, 5, 6)
    torch.testing.assert_close(found[:, 12:], local)


def test_each_position_is_nearest_to_itself():
    torch.manual_seed(4)
    cosines, positions = nearest(torch.randn(20, 8))
    assert cosines.shape == positions.shape == (20, 15)
    assert torch.equal(positions[:, 0], torch.arange(20))
    assert bool((cosines[:, 1:] <= cosines[:, :-1]).all())


def test_dilation_holds_for_separable_operations_but_a_cell_s_last():
    depthwise = {
        name: layer
        for name, layer in toy_network().named_modules()
        if isinstance(layer, nn.Conv2d) and name.startswith("cell") and layer.groups > 1
    }
    dilated = {name for name, layer in depthwise.items() if layer.dilation == (2, 2)}
    assert dilated == {
        *(f"cell{number}.rep.1.conv1" for number in range(4, 11)),
        "cell4.rep.7.conv1",
        "cell5.rep.4.conv1",
        "cell6.rep.4.conv1",
        "cell10.rep.4.conv1",
    }
    strided = {name for name, layer in depthwise.items() if layer.stride == (2, 2)}
    assert strided == {"cell1.rep.9.conv1", "cell2.rep.10.conv1"}


def test_every_batch_norm_is_the_published_program_s():
    for name, module in toy_network().named_modules():
        if isinstance(module, nn.BatchNorm2d):
            assert (module.eps, module.momentum) == (1e-5, 0.1)
            assert module.affine == (".op." not in name), name


def test_a_smaller_network_has_the_first_cells():
    network = toy_network(config=IIDNetConfig(**{**asdict(TOY), "cells": 4}))
    assert hasattr(network, "cell4")
    assert not hasattr(network, "cell5")
    with torch.inference_mode():
        assert network(draw(32, 40)).shape == (1, 1, 32, 40)


def test_every_parameter_but_the_constants_gets_a_gradient():
    network = toy_network().train()
    network(draw(32, 40, count=2)).square().mean().backward()
    idle = [name for name, value in network.named_parameters() if value.grad is None]
    assert idle == ["att.local_att.weight", "median.weight"]


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"widths": (4, 8, 12)}, "widths: expected two"),
        ({"stem_widths": (0, 1)}, "stem_widths: expected two numbers of at least 1"),
        ({"cells": 1}, "cells: expected 2 to 10, got 1"),
        ({"cells": 11}, "cells: expected 2 to 10, got 11"),
        ({"decision_width": 0}, "decision_width: at least 1"),
    ],
)
def test_sizes_that_make_no_network_are_refused(sizes, message):
    with pytest.raises(BadInput, match=message):
        IIDNetConfig(**{**asdict(TOY), **sizes})


def refuse(path, message):
    with pytest.raises(WeightsError, match=message) as caught:
        IIDNet(weights=path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_refused(tmp_path):
    refuse(tmp_path, r"IID_weights\.pth: no such checkpoint file")


def test_impossible_sizes_are_refused(tmp_path):
    path = tmp_path / "sizes.safetensors"
    save_toy(path, toy_network(), config={**asdict(TOY), "cells": 12})
    refuse(path, "sizes that make no network: .*cells")


def test_sizes_that_do_not_fit_the_tensors_are_refused(tmp_path):
    path = tmp_path / "sizes.safetensors"
    save_toy(path, toy_network(), config={**asdict(TOY), "decision_width": 6})
    refuse(path, "does not match IIDNetNetwork: 0 missing, 0 unexpected, [0-9]+ shape mismatch")


def test_missing_and_unexpected_names_are_refused(tmp_path):
    path = tmp_path / "IID_weights.pth"
    state = {f"module.{name}": value for name, value in IIDNetNetwork().state_dict().items()}
    del state["module.median.weight"]
    torch.save({**state, "module.extra": torch.zeros(1)}, path)
    refuse(path, r"1 missing \(median.weight\), 1 unexpected \(extra\)")


def test_a_file_with_an_outer_key_is_refused(tmp_path):
    path = tmp_path / "IID_weights.pth"
    torch.save({"state_dict": {}}, path)
    refuse(path, "expected a flat dictionary of tensors, found state_dict")
