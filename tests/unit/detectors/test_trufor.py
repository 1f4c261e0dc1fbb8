"""TruFor at toy size: preprocessing, blocks against their definitions, refused files."""

from __future__ import annotations

import json
import math
import re
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file
from torch.nn import functional as F

from benchmark.core.errors import BadInput, WeightsError
from detectors import create_detector
from detectors.trufor import (
    Block,
    CrossAttention,
    Decoder,
    FeatureRectification,
    TruForConfig,
    TruForNetwork,
    initialize,
    pooled,
)

TOY = TruForConfig(
    widths=(4, 8, 12, 16),
    depths=(1, 2, 1, 1),
    heads=(1, 2, 3, 4),
    decoder_width=8,
    detection_width=6,
    extractor_width=4,
    extractor_layers=4,
)


def toy_network(seed=0, config=TOY):
    torch.manual_seed(seed)
    network = TruForNetwork(config)
    initialize(network)
    return network.eval()


def save_toy(path, network, *, config=TOY, model="trufor"):
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
    return create_detector("trufor", weights=toy_file)


def test_on_a_cpu_the_network_sees_one_image_at_a_time(detector, monkeypatch):
    images, shapes = draw(40, 56, count=3), []
    network = detector.network
    monkeypatch.setattr(
        detector, "network", lambda batch: shapes.append(tuple(batch.shape)) or network(batch)
    )
    together = detector.detect(images)
    assert shapes == [(1, 3, 40, 56)] * 3
    for row, image in enumerate(images):  # equal but for the last bits of multithreaded sums
        alone = detector.detect(image[None])
        for name in ("heatmap", "confidence", "score"):
            found, expected = getattr(together, name)[row], getattr(alone, name)[0]
            torch.testing.assert_close(found, expected, atol=1e-6, rtol=0)


def test_the_network_itself_mixes_no_images():
    network, images = toy_network(), draw(40, 56, count=3)
    with torch.inference_mode():
        together = network(images)
        alone = [network(image[None]) for image in images]
    for name in ("anomaly", "confidence", "detection", "residual"):
        joined = torch.cat([getattr(answer, name) for answer in alone])
        torch.testing.assert_close(getattr(together, name), joined, atol=1e-5, rtol=0)


def test_pixels_are_rounded_to_8_bits_and_divided_by_256(detector, monkeypatch):
    seen = []
    network = detector.network
    monkeypatch.setattr(detector, "network", lambda images: seen.append(images) or network(images))
    detector.detect(torch.full((1, 3, 32, 32), 1.0))
    detector.detect(torch.full((1, 3, 32, 32), 100.4 / 255))
    assert float(seen[0].unique()) == 255 / 256
    assert float(seen[1].unique()) == 100 / 256


def test_heatmap_confidence_and_score_come_from_the_logits(detector):
    images = draw(32, 48)
    detection = detector.detect(images)
    with torch.inference_mode():
        logits = detector.network((images * 255).round() / 256)
    forged = logits.anomaly[:, 1] - logits.anomaly[:, 0]
    torch.testing.assert_close(detection.heatmap, forged.sigmoid())
    torch.testing.assert_close(detection.confidence, logits.confidence[:, 0].sigmoid())
    torch.testing.assert_close(detection.score, logits.detection.sigmoid())


def test_a_constant_map_pools_to_its_constant():
    values = torch.full((2, 60), -1.5)
    expected = torch.tensor([-1.5, -1.5, -1.5, 2.25]).expand(2, 4)
    torch.testing.assert_close(pooled(values), expected)
    torch.testing.assert_close(pooled(values, torch.randn(2, 60)), expected)


def test_pooling_is_soft_and_weighted():
    values = torch.tensor([[0.0, 1.0]])
    low, high = math.log((1 + math.exp(-1)) / 2), math.log((1 + math.e) / 2)
    torch.testing.assert_close(pooled(values), torch.tensor([[-low, high, 0.5, 0.5]]))
    low, high = math.log((1 + 3 * math.exp(-1)) / 4), math.log((1 + 3 * math.e) / 4)
    weighted = pooled(values, torch.tensor([[7.0, 7 + math.log(3)]]))  # 1 to 3
    torch.testing.assert_close(weighted, torch.tensor([[-low, high, 0.75, 0.75]]))


def test_the_decoder_s_split_convolution_is_the_joined_one():
    torch.manual_seed(1)
    decoder = Decoder(TOY, 2, epsilon=1e-3).eval()
    sizes = [(13, 9), (7, 5), (4, 3), (2, 2)]
    fused = [torch.randn(2, c, *size) for c, size in zip(TOY.widths, sizes, strict=True)]
    joined = torch.cat(
        [
            F.interpolate(
                decoder.get_submodule(f"linear_c{stage}")(fused[stage - 1]),
                size=sizes[0],
                mode="bilinear",
                align_corners=False,
            )
            for stage in (4, 3, 2, 1)
        ],
        dim=1,
    )
    with torch.inference_mode():
        expected = decoder.linear_pred(decoder.linear_fuse(joined))
        torch.testing.assert_close(decoder(fused), expected, atol=1e-6, rtol=1e-5)


def test_the_norms_have_the_epsilons_of_the_published_program():
    # The reference outputs can hardly tell 1e-5 from 1e-6 in a layer norm.
    found = {}
    for name, module in toy_network().named_modules():
        if hasattr(module, "eps"):
            kind = re.sub(r"extra_|\d+(?=\.|$)", "", name)
            found.setdefault(re.sub(r"\.+", ".", kind), set()).add(module.eps)
    assert found == {
        "backbone.patch_embed.norm": {1e-5},
        "backbone.block.norm": {1e-6},
        "backbone.block.attn.norm": {1e-5},
        "backbone.norm": {1e-6},
        "backbone.FFMs.cross.norm": {1e-5},
        "backbone.FFMs.channel_emb.channel_embed.": {1e-5},
        "backbone.FFMs.channel_emb.norm": {1e-5},
        "decode_head.linear_fuse.": {1e-3},
        "decode_head_conf.linear_fuse.": {1e-5},
        "dncnn.": {1e-5},
    }


def test_rectification_crosses_its_weights_over():
    torch.manual_seed(2)
    rectify = FeatureRectification(4)
    for module in (rectify.channel_weights.mlp[2], rectify.spatial_weights.mlp[2]):
        torch.nn.init.zeros_(module.weight)
        torch.nn.init.constant_(module.bias[: len(module.bias) // 2], -100)  # first weights are 0
        torch.nn.init.constant_(module.bias[len(module.bias) // 2 :], 100)  # second weights are 1
    rgb, noise = torch.randn(1, 4, 5, 6), torch.randn(1, 4, 5, 6)
    first, second = rectify(rgb, noise)
    torch.testing.assert_close(first, rgb + noise)
    torch.testing.assert_close(second, noise)


def test_each_stream_reads_the_other_s_context_over_key_channels():
    torch.manual_seed(3)
    exchange = CrossAttention(6, 2)
    first, second = torch.randn(1, 7, 6), torch.randn(1, 7, 6)
    keys, values = exchange.kv2(second)[0].split(6, dim=1)
    read = torch.empty(7, 6)
    for head in (slice(0, 3), slice(3, 6)):
        context = (keys[:, head].T @ values[:, head] / 3**0.5).softmax(dim=0)
        read[:, head] = first[0, :, head] @ context
    torch.testing.assert_close(exchange(first, second)[0][0], read)


def test_blocks_are_skipped_at_the_authors_rates_and_only_in_training():
    backbone = TruForNetwork(TruForConfig(widths=(8, 8, 8, 8), heads=(1, 1, 1, 1))).backbone
    rates = {
        name: [round(block.skip * 150) for block in backbone.get_submodule(name)]
        for name in ("block1", "extra_block1", "block2", "extra_block2", "block3", "block4")
    }
    assert rates["block1"] == rates["extra_block1"] == [0, 1, 2]
    assert rates["block2"] == [3, 3, 3, 3]
    assert rates["extra_block2"] == [4, 4, 4, 4]
    assert rates["block3"] == [7, 8, 9, 10, 11, 12]
    assert rates["block4"] == [13, 14, 15]


def test_a_block_skips_a_branch_for_whole_images_and_keeps_its_mean():
    torch.manual_seed(4)
    block = Block(8, 2, 1, mlp_ratio=2, skip=0.25)
    branch = torch.ones(4000, 3, 8)
    thinned = block._thin(branch)
    assert thinned.unique().tolist() == pytest.approx([0, 4 / 3])
    assert torch.equal(thinned.amin(dim=(1, 2)), thinned.amax(dim=(1, 2)))
    assert float(thinned.mean()) == pytest.approx(1, abs=0.05)
    assert torch.equal(block.eval()._thin(branch), branch)


def test_every_parameter_gets_a_gradient():
    network = toy_network().train()
    logits = network(draw(64, 64, count=2))
    (logits.anomaly.square().mean() + logits.detection.square().sum()).backward()
    idle = [name for name, value in network.named_parameters() if value.grad is None]
    assert idle == []


def test_fresh_weights_have_the_stated_spread():
    config = TruForConfig(widths=(32, 64, 64, 64), heads=(1, 1, 1, 1))
    network = toy_network(config=config).requires_grad_(False)
    linear = network.backbone.block3[0].mlp.fc1
    convolution = network.backbone.patch_embed2.proj
    depthwise = network.backbone.block3[0].mlp.dwconv.dwconv
    fuse = network.decode_head.linear_fuse[0]
    assert float(linear.weight.std()) == pytest.approx(0.02, rel=0.05)
    assert float(linear.bias.abs().max()) == 0
    assert float(convolution.weight.std()) == pytest.approx((2 / (9 * 64)) ** 0.5, rel=0.05)
    assert float(depthwise.weight.std()) == pytest.approx((2 / 9) ** 0.5, rel=0.1)
    assert float(fuse.weight.std()) == pytest.approx((2 / 2048) ** 0.5, rel=0.05)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"widths": (4, 8, 12)}, "widths: expected four"),
        ({"depths": (0, 1, 1, 1)}, "depths: expected four numbers of at least 1"),
        ({"heads": (3, 2, 3, 4)}, "not multiples of heads"),
        ({"extractor_layers": 1}, "extractor_layers: at least 2, got 1"),
    ],
)
def test_sizes_that_make_no_network_are_refused(sizes, message):
    with pytest.raises(BadInput, match=message):
        TruForConfig(**{**asdict(TOY), **sizes})


def refuse(path, message):
    with pytest.raises(WeightsError, match=message) as caught:
        create_detector("trufor", weights=path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_impossible_sizes_are_refused(tmp_path):
    path = tmp_path / "sizes.safetensors"
    save_toy(path, toy_network(), config={**asdict(TOY), "heads": (3, 2, 3, 4)})
    refuse(path, "sizes that make no network")


def test_sizes_that_do_not_fit_the_tensors_are_refused(tmp_path):
    path = tmp_path / "sizes.safetensors"
    save_toy(path, toy_network(), config={**asdict(TOY), "decoder_width": 16})
    refuse(path, "does not match TruForNetwork: 0 missing, 0 unexpected, [0-9]+ shape mismatch")


def test_a_checkpoint_without_its_state_dict_is_refused(tmp_path):
    path = tmp_path / "trufor.pth.tar"
    torch.save({"network": toy_network().state_dict()}, path)
    refuse(path, "expected an entry 'state_dict', found network")


def test_a_checkpoint_of_the_second_training_phase_is_refused(tmp_path):
    path = tmp_path / "trufor.pth.tar"
    with torch.device("meta"):
        names = TruForNetwork().state_dict()
    early = {
        name: torch.zeros(value.shape)
        for name, value in names.items()
        if not name.startswith(("decode_head_conf.", "detection."))
    }
    torch.save({"state_dict": {**early, "surplus": torch.zeros(1)}}, path)
    refuse(path, re.escape("21 missing (decode_head_conf.linear_c4.proj.weight") + ".*1 unexpected")
