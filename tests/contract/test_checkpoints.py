"""The contract of checkpoints: their code is not run, and they are loaded exactly or refused."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from benchmark.core.checkpoints.load import read_metadata
from benchmark.core.errors import WeightsError
from detectors import DETECTORS, create_detector
from inpainters import INPAINTERS, create_inpainter
from tests.small import small_weights

Create = Callable[..., object]
WITH_WEIGHTS = [
    (name, create)
    for registry, create in ((INPAINTERS, create_inpainter), (DETECTORS, create_detector))
    for name in registry
    if not registry.card(name).weightless
]


@pytest.fixture(params=WITH_WEIGHTS, ids=lambda entry: entry[0])
def entry(request: pytest.FixtureRequest) -> tuple[str, Create, Path]:
    name, create = request.param
    return name, create, small_weights(name)


def changed(path: Path, folder: Path, change: Callable[[dict[str, Tensor]], None]) -> Path:
    """A copy of a mini checkpoint with changed tensors and the same metadata."""
    state = load_file(path)
    change(state)
    target = folder / "changed.safetensors"
    save_file(state, target, metadata={"bench": json.dumps(read_metadata(path))})
    return target


def drop_one(state: dict[str, Tensor]) -> None:
    state.pop(sorted(state)[0])


def add_one(state: dict[str, Tensor]) -> None:
    state["extra"] = torch.zeros(1)


def reshape_one(state: dict[str, Tensor]) -> None:
    name = sorted(state)[0]
    state[name] = torch.zeros(*state[name].shape, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_one, "1 missing"),
        (add_one, r"1 unexpected \(extra\)"),
        (reshape_one, r"1 shape mismatch .*: expected [0-9x]+ of .*, found [0-9x]+x2 of"),
    ],
)
def test_a_checkpoint_fits_exactly_or_not_at_all(
    entry: tuple[str, Create, Path],
    tmp_path: Path,
    change: Callable[[dict[str, Tensor]], None],
    message: str,
) -> None:
    name, create, path = entry
    with pytest.raises(WeightsError, match=message) as caught:
        create(name, weights=changed(path, tmp_path, change))
    assert "\n" not in str(caught.value)


def test_the_unchanged_copy_loads(entry: tuple[str, Create, Path], tmp_path: Path) -> None:
    name, create, path = entry
    create(name, weights=changed(path, tmp_path, lambda state: None))


def test_a_truncated_file_is_refused(entry: tuple[str, Create, Path], tmp_path: Path) -> None:
    name, create, path = entry
    for suffix, message in ((".safetensors", "damaged, truncated"), (".pth", "")):
        target = tmp_path / f"half{suffix}"
        for size in (path.stat().st_size // 2, 1000):
            target.write_bytes(path.read_bytes()[:size])
            with pytest.raises(WeightsError, match=rf"half\{suffix}.*{message}") as caught:
                create(name, weights=target)
            assert "\n" not in str(caught.value)


def test_an_empty_or_missing_file_is_refused(
    entry: tuple[str, Create, Path], tmp_path: Path
) -> None:
    name, create, _ = entry
    (tmp_path / "empty.pth").touch()
    with pytest.raises(WeightsError, match=r"empty\.pth"):
        create(name, weights=tmp_path / "empty.pth")
    with pytest.raises(WeightsError, match="no such checkpoint"):
        create(name, weights=tmp_path / "nowhere.pth")


def test_another_models_checkpoint_is_refused(
    entry: tuple[str, Create, Path], tmp_path: Path
) -> None:
    name, create, path = entry
    target = tmp_path / "other.safetensors"
    metadata = {**read_metadata(path), "model": "somebody-else"}
    save_file(load_file(path), target, metadata={"bench": json.dumps(metadata)})
    message = f"weights of 'somebody-else', expected '{name}'"
    with pytest.raises(WeightsError, match=re.escape(message)) as caught:
        create(name, weights=target)
    assert str(target) in str(caught.value)
    assert "\n" not in str(caught.value)


def one_size_less(sizes: dict[str, Any]) -> dict[str, Any]:
    return dict(list(sizes.items())[1:])


def one_size_more(sizes: dict[str, Any]) -> dict[str, Any]:
    return {**sizes, "depth": 4}


def as_text(sizes: dict[str, Any]) -> dict[str, Any]:
    return {**sizes, next(iter(sizes)): "4"}


def as_float(sizes: dict[str, Any]) -> dict[str, Any]:
    return {**sizes, next(iter(sizes)): 4.5}


@pytest.mark.parametrize("change", [one_size_less, one_size_more, as_text, as_float])
def test_metadata_must_state_all_sizes_and_no_others(
    entry: tuple[str, Create, Path],
    tmp_path: Path,
    change: Callable[[dict[str, Any]], dict[str, Any]],
) -> None:
    name, create, path = entry
    target, metadata = tmp_path / "sizes.safetensors", read_metadata(path)
    metadata = {**metadata, "config": change(metadata["config"])}
    save_file(load_file(path), target, metadata={"bench": json.dumps(metadata)})
    with pytest.raises(WeightsError, match="expected the sizes") as caught:
        create(name, weights=target)
    assert "\n" not in str(caught.value)


class Bomb:
    """Runs a command if it is unpickled."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, (f"touch {self.target}",)


def test_nothing_in_a_checkpoint_is_run(entry: tuple[str, Create, Path], tmp_path: Path) -> None:
    name, create, _ = entry
    crater = tmp_path / "crater"
    contents = (
        {"generator": Bomb(crater), "state_dict": Bomb(crater)},
        {"state_dict": {}, "best_value": Bomb(crater)},
        {"module.conv1.weight": Bomb(crater)},
    )
    for content, legacy in product(contents, (False, True)):
        file = tmp_path / "bomb.pth"
        torch.save(content, file, _use_new_zipfile_serialization=not legacy)
        with pytest.raises(WeightsError, match=r"refused.* nothing in it was run"):
            create(name, weights=file)
    assert not crater.exists()


def test_a_checkpoint_without_the_outer_key_says_what_it_found(
    entry: tuple[str, Create, Path], tmp_path: Path
) -> None:
    name, create, _ = entry
    file = tmp_path / "weights.pth"
    torch.save({"something": {}}, file)
    with pytest.raises(WeightsError, match="found something"):
        create(name, weights=file)
