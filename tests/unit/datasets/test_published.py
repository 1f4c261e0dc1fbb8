"""Published data sets are found in their archives' layout; missing files are reported."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.datasets import DATASETS, is_published, open_dataset
from benchmark.datasets.irregular_masks import IRREGULAR_MASKS

PUBLISHED = ["places2", "paris-street-view", "celeba"]


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., None]:
    """Write small images below the data root."""

    def write(*names: str) -> None:
        for number, name in enumerate(names):
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full((20, 30, 3), number, np.uint8)).save(path)

    return write


def test_which_are_published() -> None:
    assert [name for name in DATASETS if is_published(name)] == PUBLISHED


@pytest.mark.parametrize(
    ("name", "files", "found"),
    [
        ("places2", ["val_256/Places365_val_00000002.jpg", "val_256/Places365_val_00000001.jpg"],
         ["Places365_val_00000001", "Places365_val_00000002"]),
        ("places2", ["places2/val_large/Places365_val_00000007.jpg", "places2/val_256/other.jpg"],
         ["Places365_val_00000007"]),
        ("places2", ["val_large/Places365_val_00000007.jpg", "val_256/Places365_val_00000008.jpg"],
         ["Places365_val_00000007"]),
        ("paris-street-view", ["paris_eval/paris_eval_gt/002_im.png",
                               "paris_eval/paris_eval_gt/001_im.png",
                               "paris_eval/paris_eval_corrupted/001_im.png"],
         ["001_im", "002_im"]),
        ("celeba", ["celeba/img_align_celeba/182637.jpg", "celeba/img_align_celeba/182638.jpg",
                    "celeba/img_align_celeba/202599.jpg", "celeba/img_align_celeba/000001.jpg"],
         ["182638", "202599"]),
        ("celeba", ["CelebAMask-HQ/CelebA-HQ-img/0.jpg"], ["0"]),
    ],
)  # fmt: skip
def test_layouts(
    put: Callable[..., None], tmp_path: Path, name: str, files: list[str], found: list[str]
) -> None:
    put(*files)
    dataset = open_dataset(name, images=tmp_path, size=16)
    assert list(dataset.ids()) == found
    assert dataset.load(found[0]).shape == (16, 16, 3)
    assert len(dataset.digest(found[0])) == 64


@pytest.mark.parametrize("name", PUBLISHED)
def test_what_is_missing_is_said_in_a_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=r"--data-root DIR with .*/") as unsaid:
        open_dataset(name, images=None, size=16)
    with pytest.raises(DataError, match=f"^{name}: not found in .*{name} or .*, from http") as gone:
        open_dataset(name, images=tmp_path, size=16)
    assert "\n" not in str(unsaid.value) + str(gone.value)
    assert str(tmp_path) in str(gone.value)


def test_a_celeba_without_its_test_part(put: Callable[..., None], tmp_path: Path) -> None:
    put("img_align_celeba/000001.jpg")
    with pytest.raises(DataError, match="no image of the test split"):
        open_dataset("celeba", images=tmp_path, size=16)


@pytest.mark.parametrize("home", ["", "irregular-masks/"])
def test_irregular_masks(put: Callable[..., None], tmp_path: Path, home: str) -> None:
    put(f"{home}mask/testing_mask_dataset/00000.png")
    assert IRREGULAR_MASKS.find(tmp_path) == tmp_path / home / "mask" / "testing_mask_dataset"


def test_irregular_masks_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"irregular-masks: not found .*test_mask\.zip"):
        IRREGULAR_MASKS.find(tmp_path)
