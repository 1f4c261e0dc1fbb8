"""Images that results are measured on do not enter training unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.checkpoints.load import read_metadata
from benchmark.core.errors import DataError
from benchmark.core.images import fit, read_image
from benchmark.datasets import open_dataset
from benchmark.training import Folders, train
from benchmark.training.data.images import read_training_images
from benchmark.training.leakage import digest_of, refused_digests
from tests.unit.training.conftest import recipe

SAMPLES = open_dataset("samples", images=None, size=None)
TEST = Path(__file__).resolve().parents[4] / "shared" / "images" / "test"


def test_a_digest_is_of_size_and_pixels() -> None:
    pixels = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    other = pixels.copy()
    other[3, 3, 2] += 1
    assert digest_of(pixels) == digest_of(pixels.copy())
    assert len({digest_of(p) for p in (pixels, other, pixels.reshape(2, 8, 3))}) == 3


@pytest.mark.parametrize("size", [None, 256])
def test_samples_are_known_in_any_lossless_file(size: int | None, tmp_path: Path) -> None:
    for name in SAMPLES.ids():
        pixels = fit(SAMPLES.load(name), size)
        path = tmp_path / f"{name}.bmp"
        Image.fromarray(pixels).save(path)
        assert refused_digests()[digest_of(read_image(path))] == f"{name} of samples"


def test_they_are_refused_by_name(photographs: Path) -> None:
    Image.fromarray(SAMPLES.load("chelsea")).save(photographs / "cat.png")
    named = r"1 of 9 are test images, such as cat\.png \(chelsea of samples\); .*--allow-test"
    with pytest.raises(DataError, match=named) as caught:
        read_training_images(photographs, sides=(64,), minimum=1)
    assert "\n" not in str(caught.value)


def test_what_is_allowed_is_noted_in_the_weights(photographs: Path, tmp_path: Path) -> None:
    plain = train("aotgan", recipe=recipe("aotgan"), data=photographs, out=tmp_path / "plain")
    Image.fromarray(SAMPLES.load("chelsea")).save(photographs / "cat.png")
    folders = Folders(photographs=photographs, allow_test_photos=True)
    known = train("aotgan", recipe=recipe("aotgan"), data=folders, out=tmp_path / "known")
    assert plain.weights is not None
    assert known.weights is not None
    assert read_metadata(plain.weights)["test_photographs"] == []
    assert read_metadata(known.weights)["test_photographs"] == ["cat.png"]


@pytest.mark.skipif(not TEST.is_dir(), reason="the project's test images are not here")
def test_every_test_image_is_listed() -> None:
    files = [path for path in TEST.rglob("*.*") if path.suffix in {".png", ".jpg"}]
    pictures = [path for path in files if "masks" not in path.parts]
    assert len(pictures) >= 111
    known = refused_digests()
    assert not [path.name for path in pictures if digest_of(read_image(path)) not in known]
