"""Inpainters in a detector's training data, from the metadata of its weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from benchmark.core.checkpoints.resolve import mini_path
from benchmark.core.training_exposure import inpainters_of, training_inpainters
from detectors import DETECTORS


def _file(path: Path, noted: object) -> Path:
    save_file({"one": np.ones(1)}, path, {"bench": json.dumps(noted)})
    return path


def test_what_was_noted_is_what_was_met(tmp_path: Path) -> None:
    path = _file(tmp_path / "w.safetensors", {"model": "trufor", "met": ["telea", "lama"]})
    assert training_inpainters(path) == {"telea", "lama"}
    assert training_inpainters(_file(path, {"met": []})) == frozenset()


def test_an_earlier_file_is_told_by_its_recipe(tmp_path: Path) -> None:
    names = ({"name": "original"}, {"name": "madf", "weights": "mini"}, {"name": "splice"})
    recipe = {"stages": [{"forgers": [names[0]]}, {"forgers": list(names)}]}
    assert training_inpainters(_file(tmp_path / "w.safetensors", {"recipe": recipe})) == {"madf"}


@pytest.mark.parametrize("name", ["psccnet", "trufor", "iidnet"])
def test_shipped_weights_say_whom_they_met(name: str) -> None:
    path = mini_path(DETECTORS.card(name))
    assert path is not None
    met = training_inpainters(path)
    assert met is not None
    assert {"telea", "aotgan", "lama", "ctsdg"} <= met
    assert not {"original", "safepaint", "shiftmap"} & met


@pytest.mark.parametrize(
    "content",
    [b"", b"PK\x03\x04 a pickle", b"\x02\0\0\0\0\0\0\0{}", b"\xff" * 40],
    ids=["empty", "foreign", "silent", "damaged"],
)
def test_of_another_file_nothing_is_known(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(content)
    assert training_inpainters(path) is None
    assert training_inpainters(tmp_path / "missing.pth") is None
    assert training_inpainters(tmp_path) is None  # the authors of PSCC-Net publish a folder
    assert training_inpainters(_file(tmp_path / "w.safetensors", ["no", "table"])) is None
    assert (
        training_inpainters(_file(tmp_path / "w.safetensors", {"recipe": {"stages": [{}]}})) is None
    )


def test_one_color_is_what_meanfill_leaves() -> None:
    assert inpainters_of(["original", "splice", "copy-move", "retouched"]) == frozenset()
    assert inpainters_of(["flat", "telea"]) == {"meanfill", "telea"}
