"""CTSDG at reduced sizes: resizing, modules against their definitions, and checkpoints."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from benchmark.core.errors import BadInput, WeightsError
from benchmark.core.tensors import to_pixels
from inpainters import ctsdg
from inpainters.ctsdg import (
    CTSDG,
    WRAPPED,
    CTSDGConfig,
    GatedFusion,
    Generator,
    MultiScale,
    PartialFeatures,
    PartialUnit,
    RegionAffinity,
    outlines_of,
    resized,
)

TOY = CTSDGConfig(width=4, levels=3)


def draw(height, width, count=2):
    generator = torch.Generator().manual_seed(height * 1000 + width)
    images = torch.rand(count, 3, height, width, generator=generator)
    masks = torch.zeros(count, 1, height, width)
    for index in range(count):
        masks[index, :, 5 : 15 + index, 10:25] = 1
    return (images * 255).round() / 255, masks


def toy_network(seed=0, config=TOY):
    torch.manual_seed(seed)
    return Generator(config).eval()


def save_toy(path, *, config=None, model="ctsdg"):
    noted = {"model": model, "config": asdict(TOY) if config is None else config}
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in toy_network().state_dict().items()
    }
    save_file(state, path, metadata={"bench": json.dumps(noted)})
    return path


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return CTSDG(weights=save_toy(tmp_path_factory.mktemp("toy") / "toy.safetensors"))


@pytest.mark.parametrize(
    ("size", "seen"), [((64, 40), (64, 40)), ((60, 40), (256, 256))], ids=["fits", "resized"]
)
def test_a_size_that_does_not_fit_is_painted_at_256(toy, monkeypatch, size, seen):
    shapes, network = [], toy.network

    def spy(*given):
        shapes.extend(tuple(planes.shape[2:]) for planes in given)
        return network(*given)

    spy.config = network.config
    monkeypatch.setattr(toy, "network", spy)
    toy.inpaint(*draw(*size, count=1))
    assert shapes == [seen] * 3


def test_resizing_keeps_corners_and_hard_masks():
    images, masks = draw(60, 40, count=1)
    pixels, holes = resized(to_pixels(images), masks[:, 0].numpy() > 0, 256)
    assert pixels.shape == (1, 256, 256, 3)
    assert pixels.dtype == np.uint8
    assert np.array_equal(pixels[0, 0, 0], to_pixels(images)[0, 0, 0])
    assert holes.shape == (1, 256, 256)
    assert holes.dtype == np.bool_
    assert holes.mean() == pytest.approx(float(masks.mean()), abs=0.005)


def test_the_network_sees_nothing_that_is_in_the_hole():
    network, (images, masks) = toy_network(), draw(32, 32)
    outlines = torch.rand(2, 2, 32, 32)
    hole = masks.bool()
    with torch.inference_mode():
        first = network(images, outlines, masks).raw
        second = network(images.where(~hole, 0.3), outlines.where(~hole, 0.9), masks).raw
    assert torch.equal(first, second)


def test_dark_and_bright_are_folded_over_each_other():
    # The program's own arithmetic: float32 in [-1, 1], times 255, cut towards zero, modulo 256.
    levels = np.arange(256, dtype=np.uint8)
    scaled = (levels.astype(np.float32) / 255 - np.float32(0.5)) / np.float32(0.5) * 255
    assert np.array_equal(WRAPPED, scaled.astype(np.int64) % 256)


def test_edges_come_before_gray_and_know_no_mask():
    pixels = np.zeros((1, 40, 40, 3), dtype=np.uint8)
    pixels[:, :, 20:] = (64, 128, 255)  # wrapped: 130, 1, 255
    outlines = outlines_of(pixels)
    assert outlines.shape == (1, 2, 40, 40)
    gray = (0.2125 * 130 + 0.7154 * 1 + 0.0721 * 255) / 255
    assert float(outlines[0, 1, 0, -1]) == pytest.approx(gray)
    assert float(outlines[0, 1, 0, 0]) == pytest.approx(1 / 255)
    found = outlines[0, 0].sum(dim=0).nonzero().flatten().tolist()
    assert found in ([19], [20], [19, 20])


def test_a_partial_unit_counts_over_all_channels_of_its_parts():
    torch.manual_seed(1)
    unit = PartialUnit(5, 4, 3, stride=1, norm=False, slope=0.2)
    parts = [
        PartialFeatures(
            features=torch.randn(2, width, 6, 7), known=(torch.rand(2, 1, 6, 7) > 0.7).float()
        )
        for width in (3, 2)
    ]
    seen = torch.cat([part.known.expand_as(part.features) for part in parts], dim=1)
    features = torch.cat([part.features for part in parts], dim=1)
    count = F.conv2d(seen, torch.ones(4, 5, 3, 3), padding=1)
    expected = F.conv2d(features * seen, unit.conv.weight, padding=1) * 45 / (count + 1e-8)
    answer = unit(*parts)
    torch.testing.assert_close(answer.features, F.leaky_relu(expected * (count > 0), 0.2))
    assert torch.equal(answer.known.expand_as(count), (count > 0).float())
    assert (answer.known == 0).any()


def test_the_mask_grows_with_the_features():
    part = PartialFeatures(
        features=torch.arange(4.0).view(1, 1, 2, 2), known=torch.eye(2)[None, None]
    )
    larger = part.upsampled()
    assert larger.known[0, 0].tolist() == [[1, 1, 0, 0]] * 2 + [[0, 0, 1, 1]] * 2
    assert larger.features[0, 0, 0].tolist() == [0, 0.25, 0.75, 1]


def test_structure_takes_from_the_texture_that_took_already():
    fusion = GatedFusion(1).requires_grad_(False)
    for gate in (fusion.structure_gate, fusion.texture_gate):
        torch.nn.init.zeros_(gate[0].weight)
        torch.nn.init.zeros_(gate[0].bias)  # both gates are half open
    fusion.texture_gamma.fill_(2)
    fusion.structure_gamma.fill_(4)
    joined = fusion(torch.full((1, 1, 2, 2), 3.0), torch.full((1, 1, 2, 2), 5.0))
    assert joined[0, :, 0, 0].tolist() == [3 + 5, 5 + 2 * 8]


def attended(features):
    """The attention written as the program runs it: patches as filters of convolutions."""
    height, width = features.shape[2:]
    half = F.interpolate(features, (height // 2, width // 2), mode="bilinear", align_corners=True)
    patches = F.unfold(half, 3, padding=1)[0].T.unflatten(1, (-1, 3, 3))  # (L, C, 3, 3)
    norms = patches.flatten(1).norm(dim=1).clamp(min=1e-4)[:, None, None, None]
    weights = (10 * F.conv2d(half, patches / norms, padding=1)).softmax(dim=1).clamp(min=1e-8)
    pieces = F.unfold(features, 4, padding=1, stride=2)[0].T.unflatten(1, (-1, 4, 4))
    return F.conv_transpose2d(weights, pieces, stride=2, padding=1) / 4


@pytest.mark.parametrize("places", [4096, 5], ids=["at once", "in turns"])
def test_attention_is_the_program_s(monkeypatch, places):
    monkeypatch.setattr(ctsdg, "PLACES", places)
    torch.manual_seed(2)
    features = torch.randn(2, 3, 8, 6)
    expected = torch.cat([attended(image) for image in features.split(1)])
    torch.testing.assert_close(RegionAffinity()(features), expected, rtol=1e-4, atol=1e-5)


def test_the_blend_s_weights_are_rectified_before_the_softmax():
    torch.manual_seed(3)
    blend = MultiScale(2).requires_grad_(False)
    torch.nn.init.zeros_(blend.weight_calc[2].weight)
    blend.weight_calc[2].bias.copy_(torch.tensor([-50.0, -60.0, -70.0, -80.0]))
    features = torch.randn(1, 2, 9, 9)
    branches = [blend.get_submodule(f"dilated_conv_{index}")(features) for index in range(4)]
    assert [branch[0].dilation for branch in list(blend.children())[:4]] == [
        (1, 1),
        (2, 2),
        (4, 4),
        (8, 8),
    ]
    torch.testing.assert_close(blend(features), torch.stack(branches).mean(dim=0))


def test_the_projections_show_an_image_and_edges():
    network, (images, masks) = toy_network(), draw(32, 32)
    with torch.inference_mode():
        painted = network(images, torch.rand(2, 2, 32, 32), masks)
        projected = network.project(painted)
    assert painted.texture.shape == painted.structure.shape == (2, 4, 32, 32)
    assert projected.image.shape == (2, 3, 32, 32)
    assert projected.edges.shape == (2, 1, 32, 32)
    assert -1 < float(projected.image.min()) < 0 < float(projected.image.max()) < 1
    assert 0 < float(projected.edges.min()) <= float(projected.edges.max()) < 1


def test_every_parameter_gets_a_gradient():
    network, (images, masks) = toy_network().train(), draw(64, 64)
    painted = network(images, torch.rand(2, 2, 64, 64), masks)
    projected = network.project(painted)
    (painted.raw.mean() + projected.image.mean() + projected.edges.mean()).backward()
    assert [name for name, value in network.named_parameters() if value.grad is None] == []


def refuse(path, message):
    with pytest.raises(WeightsError, match=message) as caught:
        CTSDG(weights=path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"n_iter": 3, "discriminator": {}}, "expected an entry 'generator', found discriminator"),
        (
            {"generator": {"extra": torch.zeros(1), "out_layer.0.bias": torch.zeros(4)}},
            r"209 missing .*, 1 unexpected \(extra\), 1 shape mismatch \(out_layer.0.bias\)",
        ),
    ],
)
def test_a_file_of_another_layout_is_refused(tmp_path, content, message):
    path = tmp_path / "generator.pth"
    torch.save(content, path)
    refuse(path, message)


@pytest.mark.parametrize(
    ("noted", "message"),
    [
        ({"config": {"width": 8, "levels": 3}}, "its network config needs more"),
        ({"config": {"width": 4, "levels": 9}}, "levels: expected 2 to 8, got 9"),
    ],
)
def test_a_mini_file_that_says_something_else_is_refused(tmp_path, noted, message):
    refuse(save_toy(tmp_path / "toy.safetensors", **noted), message)


def test_sizes_that_make_no_network_are_refused():
    with pytest.raises(BadInput, match="width: expected a multiple of 4, got 6"):
        CTSDGConfig(width=6)
