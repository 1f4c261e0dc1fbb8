"""Data sets: found without decoding, read at evaluation size."""

from __future__ import annotations

import hashlib
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError, UnknownName
from benchmark.datasets import DATASETS, open_dataset
from benchmark.testing import check_dataset


@pytest.fixture
def folder(tmp_path):
    for name, size in (("b", (30, 20)), ("a", (40, 40)), ("c", (20, 50))):
        Image.effect_noise(size, 60).convert("RGB").save(tmp_path / f"{name}.png")
    return tmp_path


def test_the_list_of_data_sets():
    assert list(DATASETS) == ["samples", "folder", "places2", "paris-street-view", "celeba"]


@pytest.mark.parametrize("size", [256, 64])
def test_samples_are_eight_color_images_at_evaluation_size(size):
    samples = open_dataset("samples", images=None, size=size)
    expected = [
        "astronaut",
        "chelsea",
        "china",
        "coffee",
        "flower",
        "hopper",
        "motorcycle",
        "rocket",
    ]
    assert list(samples.ids()) == expected
    for name in expected:
        pixels = samples.load(name)
        assert pixels.shape == (size, size, 3)
        assert pixels.dtype == np.uint8
        assert np.ptp(pixels.astype(int), axis=2).max() > 50  # color, not gray


def test_native_samples_keep_their_size():
    samples = open_dataset("samples", images=None, size=None)
    assert samples.load("chelsea").shape[:2] == samples.shape("chelsea") == (300, 451)


def test_samples_are_found_without_importing_the_packages_that_hold_them():
    code = (
        "import sys; from benchmark.datasets import open_dataset; "
        "s = open_dataset('samples', images=None, size=64); s.load('coffee'); s.digest('rocket'); "
        "print([m for m in ('skimage', 'sklearn', 'scipy', 'torch') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_folder_is_read_in_the_order_of_names(folder):
    pictures = open_dataset("folder", images=folder, size=16)
    assert list(pictures.ids()) == ["a", "b", "c"]
    assert [pictures.load(name).shape for name in pictures.ids()] == [(16, 16, 3)] * 3
    assert pictures.shape("c") == (50, 20)


def test_the_digest_is_that_of_the_files_bytes(folder):
    pictures = open_dataset("folder", images=folder, size=16)
    expected = hashlib.sha256((folder / "a.png").read_bytes()).hexdigest()
    assert pictures.digest("a") == expected


def test_a_damaged_image_is_met_when_it_is_loaded(folder):
    (folder / "aa.png").write_text("these are words")
    pictures = open_dataset("folder", images=folder, size=16)
    assert list(pictures.ids()) == ["a", "aa", "b", "c"]
    assert len(pictures.digest("aa")) == 64
    with pytest.raises(DataError, match=r"aa\.png: not a"):
        pictures.load("aa")


def test_an_image_that_vanished_is_an_error_of_the_data(folder):
    pictures = open_dataset("folder", images=folder, size=16)
    (folder / "a.png").unlink()
    with pytest.raises(DataError, match=r"a\.png"):
        pictures.digest("a")


def test_a_folder_must_be_given_and_be_there(tmp_path):
    with pytest.raises(DataError, match="--images"):
        open_dataset("folder", images=None, size=16)
    with pytest.raises(DataError, match="nowhere: no such folder"):
        open_dataset("folder", images=tmp_path / "nowhere", size=16)


def test_an_unknown_data_set_gets_the_near_name():
    with pytest.raises(UnknownName, match="'samples'"):
        open_dataset("sample", images=None, size=16)


def test_the_data_sets_keep_the_contract(folder):
    check_dataset("samples")
    check_dataset("folder", images=folder)
