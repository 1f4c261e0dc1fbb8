"""FcF at reduced sizes: latents, noise, and checkpoints."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file

from benchmark.core.errors import BadInput, WeightsError
from benchmark.verify.stylegan import save_as_authors
from inpainters.fcf import FcF, FcFConfig, Generator, load_generator

MINI = FcFConfig(resolution=64, width=32, max_width=64, latent=6, code=10)


def draw(height, width, count=2):
    generator = torch.Generator().manual_seed(height * width)
    images = torch.rand(count, 3, height, width, generator=generator)
    masks = torch.zeros(count, 1, height, width)
    for index in range(count):
        masks[index, :, height // 4 : height // 2 + index, width // 4 : width // 2] = 1
    return images, masks


def generator(config=MINI):
    torch.manual_seed(0)
    network = Generator(config).eval()
    for name, value in network.named_parameters():
        if name.endswith("noise_strength"):
            value.data.fill_(0.1)
    return network


def save_mini(path, *, config=None, model="fcf"):
    noted = {"model": model, "config": asdict(MINI) if config is None else config}
    state = {name: value.half().contiguous() for name, value in generator().state_dict().items()}
    save_file(state, path, metadata={"bench": json.dumps(noted)})
    return path


@pytest.fixture(scope="module")
def mini(tmp_path_factory):
    return FcF(weights=save_mini(tmp_path_factory.mktemp("fcf") / "mini.safetensors"))


def test_another_seed_draws_other_latents_and_the_same_the_same(mini):
    images, masks = draw(64, 64)
    first = mini.inpaint(images, masks, seed=1)
    assert torch.equal(first, mini.inpaint(images, masks, seed=1))
    assert not torch.equal(first, mini.inpaint(images, masks, seed=2))


def test_latents_are_drawn_z_first_on_the_cpu_anew_for_each_image(mini):
    images, masks = draw(64, 64)
    drawing = torch.Generator().manual_seed(5)
    z = torch.randn(1, 6, generator=drawing).repeat(2, 1)
    noise4 = torch.randn(1, 1, 4, 4, generator=drawing).repeat(2, 1, 1, 1)
    drawn = mini.inpaint(images, masks, seed=5)
    assert torch.equal(mini.inpaint(images, masks, latents={"z": z, "noise4": noise4}), drawn)
    assert torch.equal(mini.inpaint(images, masks, seed=5, latents={"noise4": noise4}), drawn)


@pytest.mark.parametrize("name", ["z", "noise4"])
def test_each_latent_moves_the_image(mini, name):
    images, masks = draw(64, 64, count=1)
    latent = {"z": torch.linspace(-2, 2, 6)[None], "noise4": torch.ones(1, 1, 4, 4)}[name]
    given = mini.inpaint(images, masks, latents={name: latent})
    assert not torch.equal(given, mini.inpaint(images, masks))


@pytest.mark.parametrize(
    ("latents", "words"),
    [
        ({"z": torch.zeros(1, 6)}, r"expected z of float32 \(2, 6\), got torch.float32 \(1, 6\)"),
        ({"noise4": torch.zeros(2, 1, 4, 4).double()}, r"expected noise4 .* got torch.float64"),
        ({"w": torch.zeros(2, 6)}, "has no latents named w"),
    ],
)
def test_other_latents_are_refused_in_a_line(mini, latents, words):
    with pytest.raises(BadInput, match=words) as caught:
        mini.inpaint(*draw(64, 64), latents=latents)
    assert "\n" not in str(caught.value)


def test_no_noise_at_all_is_offered():
    images, masks = draw(64, 64)
    network, z, noise4 = generator(), torch.zeros(2, 6), torch.zeros(2, 1, 4, 4)
    with torch.inference_mode():
        quiet = network(images, masks, z, None)
        zero = network(images, masks, z, noise4)
        for name, value in network.named_buffers():
            if name.endswith("noise_const"):
                value.zero_()
        silenced = network(images, masks, z, noise4)
    assert not torch.equal(quiet, zero)
    torch.testing.assert_close(silenced, quiet, rtol=0, atol=1e-6)


def test_the_biases_of_the_synthesis_layers_are_not_used():
    images, masks = draw(64, 64)
    network, z, noise4 = generator(), torch.ones(2, 6), torch.zeros(2, 1, 4, 4)
    with torch.inference_mode():
        before = network(images, masks, z, noise4)
        for name, value in network.named_parameters():
            leaf = name.endswith(("conv0.bias", "conv1.bias", "foreword.conv.bias"))
            if leaf and name.startswith("synthesis"):
                value.fill_(5.0)
        assert torch.equal(network(images, masks, z, noise4), before)


@pytest.fixture(scope="module")
def official_state():
    return Generator(FcFConfig()).state_dict()


def test_a_state_dict_and_a_pickle_give_the_same_network(tmp_path, official_state):
    torch.save(official_state, tmp_path / "G.pth")
    save_as_authors(tmp_path / "places.pkl", official_state)
    for file in ("G.pth", "places.pkl"):
        network = load_generator(tmp_path / file)
        loaded = network.state_dict()
        assert all(torch.equal(loaded[name], value) for name, value in official_state.items())
        assert not any(parameter.requires_grad for parameter in network.parameters())
        assert not network.training


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"mapping.fc2.bias": torch.zeros(1)}, r"1 unexpected \(mapping.fc2.bias\)"),
        ({"mapping.fc1.bias": torch.zeros(3)}, r"1 shape mismatch \(mapping.fc1.bias\)"),
        ({"encoder.b512.conv0.bias": torch.zeros(64)}, "missing"),
        ({"encoder.b1024.conv0.bias": torch.zeros(64)}, "1024 pixels, expected 256 or 512"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(tmp_path, official_state, change, words):
    torch.save({**official_state, **change}, tmp_path / "G.pth")
    with pytest.raises(WeightsError, match=words) as caught:
        FcF(weights=tmp_path / "G.pth")
    assert "\n" not in str(caught.value)


def test_another_models_file_is_refused(tmp_path):
    torch.save({"generator": {}}, tmp_path / "G.pth")
    with pytest.raises(WeightsError, match=r"expected entries encoder\.b\*, found generator"):
        FcF(weights=tmp_path / "G.pth")
    save_as_authors(tmp_path / "D.pkl", {"b8.conv.weight": torch.ones(1)})
    with pytest.raises(WeightsError, match=r"expected entries encoder\.b\*, found b8.conv.weight"):
        FcF(weights=tmp_path / "D.pkl")


def test_a_mini_file_of_other_sizes_is_refused(tmp_path):
    file = save_mini(tmp_path / "mini.safetensors", config={**asdict(MINI), "code": 11})
    with pytest.raises(WeightsError, match="17 shape mismatch"):
        FcF(weights=file)
