"""Backbones: found in both folders, and verified by content alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core import backbones
from benchmark.core.backbones import (
    BACKBONES,
    backbone_state,
    content_of,
    find_backbone,
    load_backbone,
    own_file,
    published_file,
    why_missing,
)
from benchmark.core.errors import WeightsError
from tests.backbones import draw, pretend, write_published, write_safetensors


@pytest.mark.parametrize(("name", "numbers"), [("alexnet", 2_469_696), ("vgg16", 14_714_688)])
def test_the_convolutions_are_torchvisions(name: str, numbers: int) -> None:
    from torchvision import models

    with torch.device("meta"):
        own = getattr(models, name)().features.state_dict()
    shapes = BACKBONES[name].shapes
    assert shapes == {f"features.{key}": tuple(value.shape) for key, value in own.items()}
    assert list(shapes) == [f"features.{key}" for key in own]
    assert sum(int(np.prod(shape)) for shape in shapes.values()) == numbers


def test_the_content_is_weights_and_biases_in_network_order() -> None:
    import hashlib
    import struct

    state = {
        "features.0.weight": np.arange(4, dtype=np.float32).reshape(2, 1, 1, 2),
        "features.0.bias": np.array([7.5, -1], np.float32),
    }
    raw = struct.pack("<6f", 0, 1, 2, 3, 7.5, -1)
    assert content_of(state) == hashlib.sha256(raw).hexdigest()
    turned = {key: np.asfortranarray(value) for key, value in state.items()}
    assert content_of(turned) == content_of(state)


def test_a_published_files_name_ends_in_its_checksum() -> None:
    for backbone in BACKBONES.values():
        one = backbone.published
        assert Path(one.file).stem.endswith(f"-{one.sha256}")
        assert len(one.sha256) == 8
        assert one.url == f"https://download.pytorch.org/models/{one.file}"
        assert one.license
        assert len(backbone.content) in {0, 64}
    assert BACKBONES["vgg19"].checksum == "SHA-256, first digits"


@pytest.mark.parametrize("name", BACKBONES)
def test_without_a_file_it_says_what_to_type(name: str) -> None:
    assert backbone_state(name) == "missing"
    reason = why_missing(name)
    assert reason is not None
    assert f"'bench weights fetch {name}' or 'bench weights add {name} FILE'" in reason
    assert "\n" not in reason
    with pytest.raises(WeightsError, match="which is not here"):
        load_backbone(name)


def test_either_file_gives_the_same_convolutions(monkeypatch: pytest.MonkeyPatch) -> None:
    state = draw()
    file = write_published(published_file("alexnet"), state)
    pretend(monkeypatch, state, file)
    assert find_backbone("alexnet").path == file
    first = load_backbone("alexnet")
    write_safetensors(own_file("alexnet"), state)
    assert find_backbone("alexnet").path == own_file("alexnet")  # ours before torch's
    second = load_backbone("alexnet")
    assert list(first) == list(second) == list(state)
    for key, value in state.items():
        assert torch.equal(first[key], torch.from_numpy(value))
        assert torch.equal(second[key], torch.from_numpy(value))
    assert why_missing("alexnet") is None


def test_other_numbers_under_our_name_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    state = draw()
    file = write_safetensors(own_file("alexnet"), state)
    pretend(monkeypatch, draw(seed=1))
    assert backbone_state("alexnet") == "altered"
    reason = why_missing("alexnet")
    assert reason is not None
    assert f"{file} is not the published one" in reason
    with pytest.raises(WeightsError, match="not the published one"):
        load_backbone("alexnet")


def test_one_changed_number_is_seen_in_the_same_process(monkeypatch: pytest.MonkeyPatch) -> None:
    state = draw()
    file = write_safetensors(own_file("alexnet"), state)
    pretend(monkeypatch, state)
    assert backbone_state("alexnet") == "verified"
    raw = bytearray(file.read_bytes())
    raw[-1] ^= 1
    file.write_bytes(raw)
    assert backbone_state("alexnet") == "altered"


def test_it_is_read_once_while_its_file_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    state = draw()
    write_safetensors(own_file("alexnet"), state)
    pretend(monkeypatch, state)
    calls: list[Path] = []
    plain = backbones.read_file
    monkeypatch.setattr(backbones, "read_file", lambda path: calls.append(path) or plain(path))
    assert [backbone_state("alexnet") for _ in range(3)] == ["verified"] * 3
    assert len(calls) == 1


def test_a_torchvision_file_of_the_right_digits_and_other_content_is_not_loaded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = write_published(published_file("alexnet"), draw())
    pretend(monkeypatch, draw(seed=1), file)
    with pytest.raises(WeightsError, match="the SHA-256 of its convolutions is"):
        load_backbone("alexnet")


@pytest.mark.parametrize("broken", ["damaged", "misshapen", "lacking", "doubles"])
def test_a_damaged_file_is_no_backbone(broken: str, monkeypatch: pytest.MonkeyPatch) -> None:
    state = draw()
    pretend(monkeypatch, state)
    file, last = own_file("alexnet"), "features.10.bias"
    changed = {
        "misshapen": {**state, last: state[last][None]},
        "lacking": {key: value for key, value in state.items() if key != last},
        "doubles": {**state, last: state[last].astype(np.float64)},
    }
    write_safetensors(file, changed.get(broken, state))
    if broken == "damaged":
        file.write_bytes(file.read_bytes()[:5000])
    assert backbone_state("alexnet") == "altered"


def test_looking_for_it_loads_no_torch() -> None:
    code = (
        "import sys\n"
        "from benchmark.core.backbones import BACKBONES, why_missing\n"
        "found = [why_missing(name) for name in BACKBONES]\n"
        "sys.exit('torch' in sys.modules)\n"
    )
    write_safetensors(own_file("alexnet"), draw())
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.usefixtures("alexnet")
def test_the_installed_alexnet_is_the_published_one() -> None:
    assert backbone_state("alexnet") == "verified"
    assert len(load_backbone("alexnet")) == 10


@pytest.mark.usefixtures("vgg16")
def test_the_installed_vgg_16_is_the_published_one() -> None:
    assert backbone_state("vgg16") == "verified"
    assert len(load_backbone("vgg16")) == 26
