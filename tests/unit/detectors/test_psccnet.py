"""PSCC-Net at toy size: input preprocessing, blocks against their definitions, refused files."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

from benchmark.core.errors import BadInput, WeightsError
from detectors.psccnet import (
    FILES,
    Correlation,
    Exchange,
    PSCCNet,
    PSCCNetConfig,
    PSCCNetNetwork,
    published_files,
)

TOY = PSCCNetConfig(
    stem_width=4,
    widths=(3, 4, 5, 6),
    blocks=1,
    side=32,
    mask_width=2,
    judge_width=4,
    judge_hidden=3,
)


def toy_network(seed=0, config=TOY):
    torch.manual_seed(seed)
    return PSCCNetNetwork(config).eval()


def save_toy(path, network, *, config=TOY, model="psccnet"):
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
    return PSCCNet(weights=toy_file)


def test_the_network_itself_mixes_no_images():
    network, images = toy_network(), draw(40, 56, count=3)
    with torch.inference_mode():
        together = network(images)
        alone = [network(image[None]) for image in images]
    for scale in range(4):
        joined = torch.cat([answer.masks[scale] for answer in alone])
        torch.testing.assert_close(together.masks[scale], joined, atol=1e-5, rtol=0)
    joined = torch.cat([answer.logits for answer in alone])
    torch.testing.assert_close(together.logits, joined, atol=1e-5, rtol=0)


def test_pixels_are_rounded_to_8_bits(detector, monkeypatch):
    seen = []
    network = detector.network
    monkeypatch.setattr(detector, "network", lambda images: seen.append(images) or network(images))
    detector.detect(torch.full((1, 3, 32, 32), 100.4 / 255))
    assert torch.equal(seen[0].unique(), torch.tensor([100.0]) / 255)


def test_heatmap_and_score_come_from_the_finest_mask_and_the_logits(detector):
    images = draw(20, 48)
    detection = detector.detect(images)
    with torch.inference_mode():
        answer = detector.network(images)
    assert [mask.shape[2:] for mask in answer.masks] == [(s, s) for s in (32, 16, 8, 4)]
    heatmap = F.interpolate(answer.masks[0], size=(20, 48), mode="bilinear", align_corners=True)
    torch.testing.assert_close(detection.heatmap, heatmap[:, 0])
    forged = answer.logits[:, 1] - answer.logits[:, 0]
    torch.testing.assert_close(detection.score, forged.sigmoid())


@pytest.mark.parametrize("reduction", [1, 2])
def test_correlation_is_its_definition(reduction):
    torch.manual_seed(1)
    module = Correlation(3, reduction, 2).eval()
    for gamma, value in ((module.gamma_s, 0.7), (module.gamma_c, -1.3)):
        nn.init.constant_(gamma, value)
    planes = torch.randn(1, 3, 4, 8)
    inner, positions = 3 * reduction**2, 32 // reduction**2
    with torch.inference_mode():
        x = planes.flatten().reshape(1, inner, 4 // reduction, 8 // reduction)
        g, t, p = (f(x).reshape(inner, positions) for f in (module.g, module.theta, module.phi))
        spatial = torch.einsum("cp,cq->pq", t, p).softmax(dim=1)
        by_position = torch.einsum("pq,cq->cp", spatial, g).flatten().reshape(1, 3, 4, 8)
        channel = torch.einsum("ap,bp->ab", t, p).softmax(dim=1)
        by_channel = torch.einsum("ap,ab->pb", g, channel).flatten().reshape(1, 3, 4, 8)
        z = planes + 0.7 * module.W_s(by_position) - 1.3 * module.W_c(by_channel)
        expected = module.getmask(z).sigmoid()
        torch.testing.assert_close(module(planes), expected, atol=1e-6, rtol=1e-5)
        # Read in the tensor's order, whatever its strides.
        other = planes.contiguous(memory_format=torch.channels_last)
        torch.testing.assert_close(module(other), expected, atol=1e-6, rtol=1e-5)


def test_an_exchange_sums_every_branch_at_each_branch_s_size():
    torch.manual_seed(2)
    module = Exchange((2, 3, 4), 1).eval()
    branches = [torch.randn(1, c, *s) for c, s in ((2, (9, 13)), (3, (5, 7)), (4, (3, 4)))]
    with torch.inference_mode():
        found = module(branches)
        own = [blocks(planes) for blocks, planes in zip(module.branches, branches, strict=True)]
        fuse = module.fuse_layers
        up = F.interpolate(fuse[1][2](own[2]), (5, 7), mode="bilinear", align_corners=True)
        torch.testing.assert_close(found[1], F.relu(fuse[1][0](own[0]) + own[1] + up))
        assert [type(layer).__name__ for layer in fuse[2][0][0]] == [
            "Conv2d",
            "BatchNorm2d",
            "ReLU",
        ]
        assert [type(layer).__name__ for layer in fuse[2][0][1]] == ["Conv2d", "BatchNorm2d"]
    assert [planes.shape for planes in found] == [planes.shape for planes in branches]


def test_a_mask_points_the_next_finer_one():
    network = toy_network().nlc
    scales = [torch.randn(1, c, s, s) for c, s in zip(TOY.widths, (32, 16, 8, 4), strict=True)]
    with torch.inference_mode():
        masks = network(scales)
        pointed = F.interpolate(masks[3], (8, 8), mode="bilinear", align_corners=True) * scales[2]
        torch.testing.assert_close(masks[2], network.getmask3(pointed))
        torch.testing.assert_close(masks[3], network.getmask4(scales[3]))


def test_every_batch_norm_is_the_published_program_s():
    norms = [module for module in toy_network().modules() if isinstance(module, nn.BatchNorm2d)]
    assert {(norm.eps, norm.momentum, norm.affine) for norm in norms} == {(1e-5, 0.01, True)}


def test_every_parameter_gets_a_gradient():
    network = toy_network().train()
    answer = network(draw(32, 40, count=2))
    (sum(mask.square().mean() for mask in answer.masks) + answer.logits.square().sum()).backward()
    idle = [name for name, value in network.named_parameters() if value.grad is None]
    assert idle == []


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"widths": (4, 8, 12)}, "widths: expected four"),
        ({"reductions": (4, 0, 2, 1)}, "reductions: expected four numbers of at least 1"),
        ({"side": 36}, "side 36 does not fit"),
        ({"blocks": 0}, "blocks: at least 1, got 0"),
    ],
)
def test_sizes_that_make_no_network_are_refused(sizes, message):
    with pytest.raises(BadInput, match=message):
        PSCCNetConfig(**{**asdict(TOY), **sizes})


def refuse(path, message):
    with pytest.raises(WeightsError, match=message) as caught:
        PSCCNet(weights=path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def save_published(folder, *, nested=False):
    """Full-size files in the authors' layout, of an untrained network."""
    network = PSCCNetNetwork()
    for part, (inner, file) in FILES.items():
        target = folder / inner if nested else folder
        target.mkdir(exist_ok=True)
        state = network.get_submodule(part).state_dict()
        torch.save({f"module.{name}": value for name, value in state.items()}, target / file)


def test_both_layouts_of_the_authors_folder_are_found(tmp_path):
    flat = published_files(tmp_path)
    assert [file.relative_to(tmp_path).as_posix() for file in flat.values()] == [
        "HRNet.pth", "NLCDetection.pth", "DetectionHead.pth",
    ]  # fmt: skip
    save_published(tmp_path, nested=True)
    nested = published_files(tmp_path)
    assert all(file.parent.parent == tmp_path for file in nested.values())


def test_one_of_the_files_alone_is_refused(tmp_path):
    save_published(tmp_path)
    refuse(tmp_path / "HRNet.pth", "expected the folder of HRNet.pth, NLCDetection.pth")


def test_a_missing_file_is_refused(tmp_path):
    save_published(tmp_path)
    (tmp_path / "NLCDetection.pth").unlink()
    refuse(tmp_path, r"NLCDetection\.pth: no such checkpoint file")


def test_files_in_each_other_s_place_are_refused(tmp_path):
    save_published(tmp_path)
    first, second = tmp_path / "NLCDetection.pth", tmp_path / "DetectionHead.pth"
    head = second.read_bytes()
    first.replace(second)
    first.write_bytes(head)
    refuse(tmp_path, r"NLCDetection\.pth does not match Localization: 64 missing .* 128 unexpected")


def test_a_training_epoch_s_file_is_refused(tmp_path):
    save_published(tmp_path)
    torch.save({"model": {}, "optimizer": {}}, tmp_path / "HRNet.pth")
    refuse(tmp_path, "expected a flat dictionary of tensors, found model, optimizer")


def test_impossible_sizes_are_refused(tmp_path):
    path = tmp_path / "sizes.safetensors"
    save_toy(path, toy_network(), config={**asdict(TOY), "widths": (1, 2)})
    refuse(path, "sizes that make no network: .*widths")


def test_sizes_that_do_not_fit_the_tensors_are_refused(tmp_path):
    path = tmp_path / "sizes.safetensors"
    save_toy(path, toy_network(), config={**asdict(TOY), "mask_width": 5})
    refuse(path, "does not match PSCCNetNetwork: 0 missing, 0 unexpected, [0-9]+ shape mismatch")


class Trap:
    """A pickle that would run a command if it were read carelessly."""

    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (str(self.folder),)


def test_a_checkpoint_that_runs_code_is_refused(tmp_path):
    sprung = tmp_path / "sprung"
    torch.save({"module.conv1.weight": Trap(sprung)}, tmp_path / "HRNet.pth")
    refuse(tmp_path, "refused: .* nothing in it was run")
    assert not sprung.exists()
