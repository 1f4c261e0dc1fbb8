"""SafePaint at reduced sizes: composites, gradients, partial convolution, and checkpoints."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from skimage import data

from benchmark.core.checkpoints.resolve import mini_path
from benchmark.core.errors import WeightsError
from inpainters import INPAINTERS, create_inpainter
from inpainters.rwsa import RWSA
from inpainters.safepaint import (
    GENERATOR_FILE,
    Generator,
    PartialConv,
    SafePaintConfig,
    load_generator,
)

MINI = SafePaintConfig(width=4, blocks=1, extractor_width=2, vector=3)


def draw(height, width, count=2):
    generator = torch.Generator().manual_seed(height * width)
    images = torch.rand(count, 3, height, width, generator=generator)
    masks = torch.zeros(count, 1, height, width)
    for index in range(count):
        masks[index, :, 10 : 30 + index, 20:50] = 1
    return images, masks


def generator(config=MINI, seed=0):
    torch.manual_seed(seed)
    return Generator(config).eval()


def save_mini(path, *, config=None, model="safepaint"):
    noted = {"model": model, "config": asdict(MINI) if config is None else config}
    state = {name: value.contiguous() for name, value in generator().state_dict().items()}
    halves = {name: v.half() if v.is_floating_point() else v for name, v in state.items()}
    save_file(halves, path, metadata={"bench": json.dumps(noted)})
    return path


@pytest.fixture(scope="module")
def official_state():
    return generator(SafePaintConfig()).state_dict()


def test_composites_hold_the_stages_images_in_the_hole():
    images, masks = draw(64, 64)
    with torch.inference_mode():
        painted = generator()(images, masks)
    hole = masks.bool().expand_as(images)
    for whole, composite in (
        (painted.coarse, painted.coarse_composite),
        (painted.raw, painted.composite),
    ):
        assert torch.equal(composite[hole], whole[hole])
        assert torch.equal(composite[~hole], images[~hole])
    assert painted.background.shape == (2, 3, 1, 1)


def test_training_updates_the_extractors_statistics_once_per_call():
    network, (images, masks) = generator().train(), draw(64, 64)
    domains = network.domains(images, masks, network(images, masks))
    assert network.extractor.norm4f.num_batches_tracked.item() == 4
    assert domains.output.requires_grad
    assert not domains.coarse.requires_grad


def test_domain_distance_reaches_both_stages_and_the_extractor():
    network, (images, masks) = generator().train(), draw(64, 64)
    domains = network.domains(images, masks, network(images, masks))
    (domains.output - domains.real).square().mean().backward()
    for part in (network.coarse_generator.encoder[1], network.fine_generator.deconv3):
        assert part.weight.grad.abs().sum() > 0
    assert network.extractor.conv1f.weight.grad.abs().sum() > 0


def test_without_rwsa_the_parameters_are_the_backbones():
    with torch.device("meta"):
        backbone, full = Generator(SafePaintConfig(rwsa=False)), Generator(SafePaintConfig())
    count = sum(p.numel() for p in backbone.fine_generator.parameters())
    assert count == 10_824_771
    assert not any(isinstance(module, RWSA) for module in backbone.modules())
    assert sum(p.numel() for p in full.parameters()) == 28_840_298
    assert set(backbone.state_dict()) < set(full.state_dict())


@pytest.mark.parametrize("name", ["safepaint-backbone", "safepaint-ddl", "safepaint-rwsa"])
def test_an_ablation_has_its_own_parts_and_no_others(tmp_path, name):
    rwsa = name == "safepaint-rwsa"
    config = SafePaintConfig(width=4, blocks=1, extractor_width=2, vector=3, rwsa=rwsa)
    noted = {"model": name, "config": asdict(config)}
    state = generator(config).state_dict()
    save_file(state, tmp_path / "own.safetensors", metadata={"bench": json.dumps(noted)})
    inpainter = create_inpainter(name, weights=tmp_path / "own.safetensors")
    assert any(isinstance(module, RWSA) for module in inpainter.network.modules()) == rwsa
    with pytest.raises(WeightsError, match=f"weights of '{name}', expected 'safepaint'"):
        create_inpainter("safepaint", weights=tmp_path / "own.safetensors")


def test_the_backbone_paints():
    network = generator(SafePaintConfig(width=4, blocks=1, extractor_width=2, rwsa=False))
    with torch.inference_mode():
        assert network(*draw(64, 64)).raw.shape == (2, 3, 64, 64)


def test_a_window_without_a_pixel_of_the_region_gives_zero():
    torch.manual_seed(0)
    region = torch.zeros(1, 1, 9, 9)
    region[..., :3, :3] = 1
    features, seen = PartialConv(3, 4, 3, stride=2)(torch.rand(1, 3, 9, 9), region)
    assert seen[0, 0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0] * 4, [0] * 4]
    assert not features[(seen == 0).expand_as(features)].any()
    assert features[..., 0, 0].all()


def test_partial_convolution_scales_up_for_what_it_misses():
    conv = PartialConv(1, 1, 3, stride=2, bias=False)
    torch.nn.init.ones_(conv.weight)
    region = torch.zeros(1, 1, 3, 3)
    region[..., 0, :2] = 1
    features, _ = conv(torch.full((1, 1, 3, 3), 0.5), region)
    assert features.item() == pytest.approx(4.5)


def test_a_folder_in_the_authors_layout_loads_with_a_containers_prefix(tmp_path, official_state):
    state = {f"module.{name}": value for name, value in official_state.items()}
    torch.save({"iteration": 3, "generator": state}, tmp_path / GENERATOR_FILE)
    inpainter = create_inpainter("safepaint", weights=tmp_path)
    loaded = load_generator(tmp_path / GENERATOR_FILE).state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in official_state.items())
    assert not any(p.requires_grad for p in inpainter.network.parameters())
    assert not inpainter.network.training


def missing(state):
    return {name: value for name, value in state.items() if name != "extractor.convs.bias"}


def unexpected(state):
    return {**state, "extractor.extra": torch.zeros(1)}


def misshapen(state):
    return {**state, "extractor.convs.bias": torch.zeros(17)}


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (missing, r"1 missing \(extractor.convs.bias\), 0 unexpected"),
        (unexpected, r"0 missing, 1 unexpected \(extractor.extra\)"),
        (misshapen, r"1 shape mismatch \(extractor.convs.bias\)"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(tmp_path, official_state, spoil, words):
    file = tmp_path / GENERATOR_FILE
    torch.save({"iteration": 3, "generator": spoil(official_state)}, file)
    with pytest.raises(WeightsError, match=words):
        load_generator(file)


def test_another_models_file_is_refused(tmp_path):
    torch.save({"discriminator": {}}, tmp_path / GENERATOR_FILE)
    with pytest.raises(WeightsError, match="expected an entry 'generator', found discriminator"):
        create_inpainter("safepaint", weights=tmp_path)


def test_a_folder_without_the_file_is_refused(tmp_path):
    (tmp_path / "notes.txt").touch()
    with pytest.raises(WeightsError, match=r"InpaintingModel_G\.pth: no such checkpoint"):
        create_inpainter("safepaint", weights=tmp_path)


def test_a_mini_file_of_larger_sizes_is_refused(tmp_path):
    file = save_mini(tmp_path / "mini.safetensors", config={**asdict(MINI), "width": 8})
    with pytest.raises(WeightsError, match="its network config needs more"):
        load_generator(file)


ROWS = ("safepaint", "safepaint-backbone", "safepaint-ddl", "safepaint-rwsa")


@pytest.mark.parametrize("name", ROWS)
def test_what_the_cards_of_the_mini_weights_say_of_domain_vectors_and_brightness(name):
    """They say so of six test images, which do not ship; here of the images that do."""
    photos = [photo()[:256, :256] for photo in (data.astronaut, data.chelsea, data.coffee)]
    images = torch.from_numpy(np.stack(photos)).movedim(-1, 1) / 255
    masks = torch.zeros(len(images), 1, 256, 256)
    masks[..., 80:190, 60:200] = 1
    network = load_generator(mini_path(INPAINTERS.card(name)), name).eval()
    with torch.no_grad():
        painted = network(images, masks)
        vectors, composite = painted.background, painted.coarse_composite
        other = network.fine_generator(composite, masks, vectors.roll(1, 0))
        dark = network.fine_generator(0.8 * composite, masks, vectors)
        bright = network.fine_generator(0.8 * composite + 0.1, masks, vectors)
    spread = vectors.std(0).mean().item()
    assert (spread < 1e-5) == (name in {"safepaint", "safepaint-ddl"})  # collapsed by the loss
    assert (other - painted.raw).abs().max() < 2e-4
    assert (bright - dark).abs().max() < 1e-3
