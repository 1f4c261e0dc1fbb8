"""AOT-GAN at reduced sizes: padding, gates, RWSA, and checkpoints."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from benchmark.core.errors import WeightsError
from inpainters import create_inpainter
from inpainters.aotgan import AOTGAN, AOTGANConfig, Generator, load_generator, standardize
from inpainters.rwsa import start_from_host

MINI = AOTGANConfig(width=4, blocks=1)


def draw(height, width, count=2):
    generator = torch.Generator().manual_seed(height * width)
    images = torch.rand(count, 3, height, width, generator=generator)
    masks = torch.zeros(count, 1, height, width)
    for index in range(count):
        masks[index, :, height // 4 : height // 2 + index, width // 3 :] = 1
    return images, masks


def generator(config=MINI, seed=0):
    torch.manual_seed(seed)
    return Generator(config).eval()


def save_mini(path, *, config=MINI, noted=None):
    said = {"model": "aotgan", "config": asdict(config), **(noted or {})}
    save_file(generator(config).state_dict(), path, metadata={"bench": json.dumps(said)})
    return path


@pytest.fixture
def mini(tmp_path):
    return AOTGAN(weights=save_mini(tmp_path / "mini.safetensors"))


@pytest.fixture(scope="module")
def official_state():
    return generator(AOTGANConfig()).state_dict()


def test_what_is_added_to_an_odd_size_repeats_the_edge_and_is_known(mini):
    seen = []
    mini.network.register_forward_pre_hook(lambda _module, inputs: seen.extend(inputs))
    images, masks = draw(41, 30)
    mini.inpaint(images, masks)
    assert seen[0].shape == (2, 3, 44, 36)
    assert torch.equal(seen[0][:, :, :41, :30], images * 2 - 1)
    assert torch.equal(seen[0][:, :, 41:, :30], images[:, :, 40:].expand(-1, -1, 3, -1) * 2 - 1)
    assert torch.equal(seen[1][:, :, :41, :30], masks)
    assert seen[1].sum() == masks.sum()


def test_gates_have_mean_minus_5_and_sample_deviation_10():
    planes = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    answer = standardize(planes).numpy()
    np.testing.assert_allclose(answer.mean(axis=(2, 3)), -5, atol=1e-4)
    np.testing.assert_allclose(answer.std(axis=(2, 3), ddof=1), 10, rtol=1e-5)
    assert standardize(torch.ones(1, 1, 3, 3)).tolist() == [[[[-5.0] * 3] * 3]]


def test_the_parameters_are_the_specifications(official_state):
    assert len(official_state) == 108
    assert sum(value.numel() for value in official_state.values()) == 15_200_835
    with torch.device("meta"):
        count = sum(p.numel() for p in Generator(AOTGANConfig(rwsa=True)).parameters())
    assert count == 15_200_835 + 633_112 + 2_529_840


def test_with_rwsa_passing_through_the_answer_is_the_hosts():
    images, masks = draw(40, 44)
    host, network = generator(), generator(AOTGANConfig(width=4, blocks=1, rwsa=True), seed=1)
    with torch.inference_mode():
        before = network(images * 2 - 1, masks)
        start_from_host(network, host.state_dict(), Path("host.pt"))
        answer, expected = network(images * 2 - 1, masks), host(images * 2 - 1, masks)
    assert not torch.equal(before, expected)
    assert torch.equal(answer, expected)


def test_rwsa_sees_the_mask_at_both_places(tmp_path):
    config = AOTGANConfig(width=4, blocks=1, rwsa=True)
    noted = {"model": "aotgan+rwsa"}
    file = save_mini(tmp_path / "mini.safetensors", config=config, noted=noted)
    inpainter = create_inpainter("aotgan+rwsa", weights=file)
    assert not inpainter.untrained
    seen = []
    for name in ("4", "6"):
        inpainter.network.rwsa[name].register_forward_hook(
            lambda _module, inputs, _answer: seen.append([tuple(i.shape) for i in inputs])
        )
    images, masks = draw(41, 40)
    assert inpainter.inpaint(images, masks).shape == images.shape
    mask = (2, 1, 44, 40)
    assert seen == [[(2, 8, 22, 20), mask], [(2, 16, 11, 10), mask]]


def test_the_hosts_file_loads_but_is_not_fit_to_measure(tmp_path, official_state):
    torch.save(official_state, tmp_path / "G0000200.pt")
    variant = create_inpainter("aotgan+rwsa", weights=tmp_path)
    assert "never trained" in variant.untrained
    images, masks = draw(36, 36)
    expected = AOTGAN(weights=tmp_path).inpaint(images, masks)
    assert torch.equal(variant.inpaint(images, masks), expected)


def test_a_folder_gives_its_last_iteration(tmp_path, official_state):
    torch.save({"encoder.1.bias": torch.zeros(1)}, tmp_path / "G0000100.pt")
    torch.save({"optimG": {}, "optimD": {}}, tmp_path / "O0000200.pt")
    state = {f"module.{name}": value for name, value in official_state.items()}
    torch.save(state, tmp_path / "G0000200.pt")
    inpainter = AOTGAN(weights=tmp_path)
    loaded = inpainter.network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in official_state.items())
    assert not any(p.requires_grad for p in inpainter.network.parameters())
    assert not inpainter.network.training


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ({"conv.8.bias": torch.zeros(1)}, r"108 missing .* 1 unexpected \(conv.8.bias\)"),
        ({"optimG": {}, "optimD": {}}, "expected the generator's tensors, found optimD, optimG"),
        ({}, "108 missing"),
    ],
)
def test_another_file_of_the_program_is_refused(tmp_path, content, words):
    torch.save(content, tmp_path / "G0000000.pt")
    with pytest.raises(WeightsError, match=words) as caught:
        AOTGAN(weights=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_misshapen_tensor_is_refused(tmp_path, official_state):
    torch.save({**official_state, "decoder.4.bias": torch.zeros(4)}, tmp_path / "G1.pt")
    with pytest.raises(WeightsError, match=r"1 shape mismatch \(decoder.4.bias\)"):
        AOTGAN(weights=tmp_path / "G1.pt")


def test_a_folder_without_a_generator_is_refused(tmp_path):
    (tmp_path / "D0000000.pt").touch()
    with pytest.raises(WeightsError, match=r"expected a generator file G\*\.pt, found none"):
        AOTGAN(weights=tmp_path)


@pytest.mark.parametrize(
    ("noted", "words"),
    [
        ({"config": {**asdict(MINI), "width": 4.0}}, "expected the sizes width, blocks"),
        ({"config": {**asdict(MINI), "rwsa": True}}, "aotgan has rwsa False, got True"),
    ],
)
def test_a_mini_file_that_says_something_else_is_refused(tmp_path, noted, words):
    file = save_mini(tmp_path / "mini.safetensors", noted=noted)
    with pytest.raises(WeightsError, match=words):
        load_generator(file)
