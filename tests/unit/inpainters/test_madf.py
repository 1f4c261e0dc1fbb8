"""MADF at reduced sizes: padding, filters against their definition, and checkpoints."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from benchmark.core.errors import BadInput, WeightsError
from inpainters.madf import (
    MADF,
    FilterGenerator,
    MADFConfig,
    MADFNetwork,
    MaskAwareConv,
    PointwiseNorm,
    denormalized,
    network_state,
    normalized,
)

TOY = MADFConfig(levels=3, width=4, decoder_width=6, mask_width=3, guide_width=5)


def draw(height, width, count=2):
    generator = torch.Generator().manual_seed(height * 1000 + width)
    images = torch.rand(count, 3, height, width, generator=generator)
    masks = torch.zeros(count, 1, height, width)
    for index in range(count):
        masks[index, :, 5 : 15 + index, 10:25] = 1
    return images, masks


def toy_network(seed=0, config=TOY):
    torch.manual_seed(seed)
    return MADFNetwork(config).eval()


def save_toy(path, *, config=None, model="madf"):
    noted = {"model": model, "config": asdict(TOY) if config is None else config}
    state = {
        name: value.half() if value.is_floating_point() else value
        for name, value in toy_network().state_dict().items()
    }
    save_file(state, path, metadata={"bench": json.dumps(noted)})
    return path


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    return MADF(weights=save_toy(tmp_path_factory.mktemp("toy") / "toy.safetensors"))


def test_the_border_that_is_added_is_the_edge_repeated_and_known(toy, monkeypatch):
    seen, network = [], toy.network

    def spy(*given):
        seen.append(given)
        return network(*given)

    spy.config = network.config
    monkeypatch.setattr(toy, "network", spy)
    images, masks = draw(29, 40, count=1)
    masks[..., -1, :] = 1
    toy.inpaint(images, masks)
    padded, holes = seen[0]
    assert padded.shape == (1, 3, 32, 40)
    torch.testing.assert_close(
        denormalized(padded[:, :, 29:]), images[:, :, 28:].expand(-1, -1, 3, -1)
    )
    assert not holes[:, :, 29:].any()


def test_a_position_s_filter_is_read_from_its_vector_with_the_output_channel_fastest():
    torch.manual_seed(1)
    generator = FilterGenerator(seen=2, mask_width=3, channels=4, width=5, side=3)
    features, masks = torch.randn(2, 4, 8, 6), torch.rand(2, 2, 8, 6)
    mask_features = generator(masks)
    made = generator.conv1(mask_features)  # (2, 4 * 9 * 5, 4, 3)
    windows = F.unfold(features, 3, padding=1, stride=2)  # (2, 4 * 9, 12)
    matrices = made.flatten(2).transpose(1, 2).unflatten(2, (36, 5))  # (2, 12, 36, 5)
    expected = torch.einsum("nrp,nprb->nbp", windows, matrices).unflatten(2, (4, 3)).relu()
    answer = MaskAwareConv(5)(features, mask_features, generator.kernels())
    torch.testing.assert_close(answer, expected, rtol=1e-4, atol=1e-5)


def test_the_encoder_s_batch_norms_are_never_applied():
    network, (images, masks) = toy_network(), draw(32, 32)
    with torch.inference_mode():
        before = network(images, masks).raw
        for level in range(1, TOY.levels + 1):
            torch.nn.init.constant_(network.get_submodule(f"enc_conv_{level}.bn").weight, 7)
        assert torch.equal(network(images, masks).raw, before)


def test_a_guide_scales_and_shifts_what_was_normalized():
    torch.manual_seed(2)
    norm = PointwiseNorm(4, 3).eval()
    for part, value in ((norm.mlp_scale, 0.5), (norm.mlp_bias, -2.0)):
        torch.nn.init.zeros_(part.weight)
        torch.nn.init.constant_(part.bias, value)
    features = torch.randn(1, 4, 5, 5)
    expected = 1.5 * features / (1 + 1e-5) ** 0.5 - 2
    torch.testing.assert_close(norm(features, torch.randn(1, 4, 5, 5)), expected)


def test_each_refinement_has_its_own_image():
    network, (images, masks) = toy_network(), draw(32, 32)
    with torch.inference_mode():
        before = network(images, masks)
        torch.nn.init.zeros_(network.get_submodule("dec_ref1_2").deconv.weight)
        after = network(images, masks)
    assert torch.equal(after.recovered, before.recovered)
    assert torch.equal(after.refined, before.refined)
    assert not torch.equal(after.raw, before.raw)


def test_every_parameter_but_the_dead_norms_gets_a_gradient():
    network = toy_network().train()
    painted = network(*draw(32, 32))
    sum(getattr(painted, name).abs().mean() for name in ("recovered", "refined", "raw")).backward()
    idle = {name for name, value in network.named_parameters() if value.grad is None}
    assert idle == {
        f"enc_conv_{level}.bn.{leaf}" for level in (1, 2, 3) for leaf in ("weight", "bias")
    }


def test_colors_are_imagenet_s():
    mean = torch.tensor([0.485, 0.456, 0.406])[None, :, None, None]
    assert not normalized(mean).any()
    white = [(1 - 0.485) / 0.229, (1 - 0.456) / 0.224, (1 - 0.406) / 0.225]
    assert normalized(torch.ones(1, 3, 1, 1)).flatten().tolist() == pytest.approx(white)
    torch.testing.assert_close(denormalized(normalized(mean)), mean)


@pytest.mark.parametrize("prefix", ["module.model.", "model.", "module.", ""])
def test_the_wrapper_s_prefix_is_taken_off_and_its_vgg_left_out(tmp_path, prefix):
    state = {f"{prefix}deconv_1.0.bias": torch.ones(3), "module.extractor.enc_1": torch.ones(1)}
    found = network_state({"n_iter": 3, "model": state, "gen_optimizer": {}}, tmp_path)
    assert list(found) == ["deconv_1.0.bias"]


def refuse(path, message):
    with pytest.raises(WeightsError, match=message) as caught:
        MADF(weights=path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"n_iter": 3, "generator": {}}, "expected a flat dictionary of tensors, found generator"),
        ({"model": 3}, "expected an entry 'model'"),
        (
            {"model": {"extra": torch.zeros(1), "deconv_1.0.bias": torch.zeros(4)}},
            r"245 missing .*, 1 unexpected \(extra\), 1 shape mismatch \(deconv_1.0.bias\)",
        ),
    ],
)
def test_a_file_of_another_layout_is_refused(tmp_path, content, message):
    path = tmp_path / "places2.1000000.pth"
    torch.save(content, path)
    refuse(path, message)


@pytest.mark.parametrize(
    ("noted", "message"),
    [
        ({"config": {**asdict(TOY), "levels": 1}}, "levels: expected a number of at least 2"),
        ({"config": {**asdict(TOY), "width": 8}}, "21 shape mismatch"),
    ],
)
def test_a_mini_file_that_says_something_else_is_refused(tmp_path, noted, message):
    refuse(save_toy(tmp_path / "toy.safetensors", **noted), message)


def test_sizes_that_make_no_network_are_refused():
    with pytest.raises(BadInput, match="mask_width: expected a number of at least 1, got 0"):
        MADFConfig(mask_width=0)
