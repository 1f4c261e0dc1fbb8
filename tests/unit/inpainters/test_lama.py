"""LaMa at reduced sizes: padding, spectra, and checkpoints."""

from __future__ import annotations

import json
from dataclasses import asdict

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from benchmark.core.errors import WeightsError
from inpainters.fourier import from_spectrum, to_spectrum
from inpainters.lama import CHECKPOINT, Generator, LaMa, LaMaConfig, load_generator, pad_symmetric

MINI = LaMaConfig(width=4, blocks=2)


def draw(height, width, count=2):
    generator = torch.Generator().manual_seed(height * width)
    images = torch.rand(count, 3, height, width, generator=generator)
    masks = torch.zeros(count, 1, height, width)
    for index in range(count):
        masks[index, :, 2 : 6 + index, 3:7] = 1
    return images, masks


def save_mini(path, *, config=None, model="lama"):
    torch.manual_seed(0)
    noted = {"model": model, "config": asdict(MINI) if config is None else config}
    state = {name: value.contiguous() for name, value in Generator(MINI).state_dict().items()}
    halves = {name: v.half() if v.is_floating_point() else v for name, v in state.items()}
    save_file(halves, path, metadata={"bench": json.dumps(noted)})
    return path


@pytest.mark.parametrize("size", [(9, 9), (8, 16), (15, 17)], ids=str)
def test_the_edge_is_repeated_outside_the_network(size):
    images, _ = draw(*size)
    down, right = -size[0] % 8, -size[1] % 8
    expected = np.pad(images.numpy(), ((0, 0), (0, 0), (0, down), (0, right)), mode="symmetric")
    assert np.array_equal(pad_symmetric(images).numpy(), expected)


@pytest.mark.parametrize("size", [(6, 8), (5, 7), (4, 2), (1, 1), (2, 3)], ids=str)
def test_the_inverse_is_that_of_two_steps_without_impossible_parts(size):
    torch.manual_seed(1)
    features = torch.randn(2, 3, *size)
    planes = to_spectrum(features)
    expected = np.fft.rfft2(features.double().numpy(), norm="ortho")
    np.testing.assert_allclose(planes[:, 0::2], expected.real, atol=1e-6)
    np.testing.assert_allclose(planes[:, 1::2], expected.imag, atol=1e-6)
    torch.testing.assert_close(from_spectrum(planes, size[1]), features)
    other = torch.randn_like(planes)  # of no real image
    columns = np.fft.ifft(
        other[:, 0::2].numpy() + 1j * other[:, 1::2].numpy(), axis=2, norm="ortho"
    )
    columns = np.fft.irfft(columns, n=size[1], axis=3, norm="ortho")
    np.testing.assert_allclose(from_spectrum(other, size[1]), columns, atol=1e-6)


@pytest.fixture(scope="module")
def official_state():
    state = Generator(LaMaConfig()).state_dict()
    return {f"generator.{name}": value for name, value in state.items()}


def test_the_authors_file_loads_by_itself_and_frozen(tmp_path, official_state):
    state = official_state
    torch.save({"state_dict": {**state, "val_evaluator.w": torch.ones(1)}}, tmp_path / "best.ckpt")
    network = load_generator(tmp_path / "best.ckpt")
    loaded = network.state_dict()
    assert all(torch.equal(loaded[name.partition(".")[2]], value) for name, value in state.items())
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda state: state.pop("generator.model.34.bias"), r"1 missing \(model.34.bias\)"),
        (lambda state: state.update({"generator.x": torch.ones(1)}), r"1 unexpected \(x\)"),
        (
            lambda state: state.update({"generator.model.34.bias": torch.ones(4)}),
            r"1 shape mismatch \(model.34.bias\)",
        ),
        (lambda state: state.clear(), r"no tensors named generator\.\*"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(tmp_path, official_state, spoil, words):
    state = dict(official_state)
    spoil(state)
    (tmp_path / CHECKPOINT).parent.mkdir()
    torch.save({"state_dict": state}, tmp_path / CHECKPOINT)
    with pytest.raises(WeightsError, match=words) as caught:
        LaMa(weights=tmp_path)
    assert "\n" not in str(caught.value)


def test_another_models_file_is_refused(tmp_path):
    torch.save({"generator": {}}, tmp_path / "best.ckpt")
    with pytest.raises(WeightsError, match="expected an entry 'state_dict', found generator"):
        LaMa(weights=tmp_path / "best.ckpt")


def test_a_folder_without_the_file_is_refused(tmp_path):
    (tmp_path / "config.yaml").touch()
    with pytest.raises(WeightsError, match=r"best\.ckpt: no such checkpoint"):
        LaMa(weights=tmp_path)


def test_a_file_that_is_no_archive_is_refused(tmp_path):
    torch.save({"state_dict": {}}, tmp_path / "best.ckpt", _use_new_zipfile_serialization=False)
    with pytest.raises(WeightsError, match=r"best\.ckpt: refused or damaged.*not a zip file"):
        LaMa(weights=tmp_path / "best.ckpt")


def test_a_mini_file_of_smaller_sizes_is_refused(tmp_path):
    file = save_mini(tmp_path / "mini.safetensors", config={**asdict(MINI), "blocks": 1})
    with pytest.raises(WeightsError, match="69 unexpected"):
        LaMa(weights=file)
