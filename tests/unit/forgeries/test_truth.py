"""Where an item is forged: the rules of the published readers, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError, FileChanged
from benchmark.forgeries.item import FileBytes, ForgeryItem, TruthRule
from benchmark.forgeries.truth import pixels_shape, read_pixels, read_truth
from tests.unit.forgeries.trees import FORGED, SHAPE, edges, forged, image, mask


def item(folder: Path, *, truth: TruthRule = "white", authentic: bool = False) -> ForgeryItem:
    image(folder / "a.png")
    path = folder / "a_mask.png"
    return ForgeryItem(
        name="a",
        image=FileBytes(folder / "a.png"),
        mask=FileBytes(path) if path.exists() else None,
        authentic=authentic,
        group="a",
        truth=truth,
    )


@pytest.mark.parametrize(
    ("rule", "inside", "outside"),
    [
        ("white", 255, 0), ("white", 200, 100), ("white", 1, 0), ("black", 0, 255),
        ("nonzero", 1, 0), ("nonzero", 255, 0), ("above-10", 128, 10), ("above-10", 11, 0),
        ("above-25", 26, 25),
    ],
)  # fmt: skip
def test_a_rule_says_which_levels_are_forged(
    tmp_path: Path, rule: TruthRule, inside: int, outside: int
) -> None:
    mask(tmp_path / "a_mask.png", inside=inside, outside=outside)
    np.testing.assert_array_equal(read_truth(item(tmp_path, truth=rule), SHAPE), forged())


def test_green_is_forged_though_jpeg_leaves_noise_in_red(tmp_path: Path) -> None:
    edges(tmp_path / "edges.jpg")
    image(tmp_path / "a.png")
    one = ForgeryItem(
        name="a",
        image=FileBytes(tmp_path / "a.png"),
        mask=FileBytes(tmp_path / "edges.jpg"),
        group="a",
        truth="green",
    )
    truth = read_truth(one, SHAPE)
    wrong = truth != forged()
    edge = np.zeros(SHAPE, np.bool_)
    edge[1:6, 2:10] = True
    edge[3:4, 4:8] = False
    assert not wrong[~edge].any()


def test_transparency_is_not_read_as_white(tmp_path: Path) -> None:
    pixels = np.zeros((*SHAPE, 4), np.uint8)
    pixels[FORGED] = (255, 255, 255, 0)
    Image.fromarray(pixels).save(tmp_path / "a_mask.png")
    np.testing.assert_array_equal(read_truth(item(tmp_path, truth="nonzero"), SHAPE), forged())


def test_an_authentic_image_is_forged_nowhere(tmp_path: Path) -> None:
    mask(tmp_path / "a_mask.png")
    truth = read_truth(item(tmp_path, authentic=True))
    assert truth.shape == SHAPE
    assert truth.dtype == np.bool_
    assert not truth.any()


def test_a_synthesized_image_is_forged_everywhere(tmp_path: Path) -> None:
    one = item(tmp_path, truth="all")
    assert one.has_truth
    assert read_truth(one, SHAPE).all()


def test_no_truth_is_said(tmp_path: Path) -> None:
    one = item(tmp_path)
    assert not one.has_truth
    with pytest.raises(DataError, match="a: no truth: it is not known which pixels are forged"):
        read_truth(one, SHAPE)


def test_a_truth_of_another_shape_is_refused(tmp_path: Path) -> None:
    mask(tmp_path / "a_mask.png", size=(12, 8))
    with pytest.raises(
        DataError, match=r"a_mask\.png: truth of another shape: the image has 12x8 pixels, .* 8x12"
    ):
        read_truth(item(tmp_path))


def test_an_empty_truth_is_refused(tmp_path: Path) -> None:
    mask(tmp_path / "a_mask.png", inside=0)
    with pytest.raises(DataError, match=r"a_mask\.png: empty truth: no pixel is marked as forged"):
        read_truth(item(tmp_path), SHAPE)


def test_a_truth_that_is_no_image_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a_mask.png").write_bytes(b"none")
    with pytest.raises(DataError, match=r"a_mask\.png: not a .* image"):
        read_truth(item(tmp_path), SHAPE)


def test_pixels_and_shape_are_those_of_the_file(tmp_path: Path) -> None:
    one = item(tmp_path)
    assert read_pixels(one).shape == (*SHAPE, 3)
    assert pixels_shape(one) == SHAPE
    assert read_pixels(one, sha256=one.image.sha256()).dtype == np.uint8
    with pytest.raises(FileChanged):
        read_pixels(one, sha256="0" * 64)


def test_a_fingerprint_depends_on_image_truth_and_rule(tmp_path: Path) -> None:
    mask(tmp_path / "a_mask.png")
    prints = {item(tmp_path).fingerprint(), item(tmp_path, truth="black").fingerprint(),
              item(tmp_path, authentic=True).fingerprint()}  # fmt: skip
    assert item(tmp_path).fingerprint() in prints
    mask(tmp_path / "a_mask.png", inside=254)
    prints.add(item(tmp_path).fingerprint())
    (tmp_path / "a_mask.png").unlink()
    prints.add(item(tmp_path).fingerprint())
    assert len(prints) == 5


def test_bytes_are_bounded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"12345")
    source = FileBytes(tmp_path / "a.png")
    assert source.read() == b"12345"
    assert len(source.sha256()) == 64
    with pytest.raises(DataError, match=r"a\.png: larger than 4 bytes"):
        source.read(4)
    with pytest.raises(DataError, match=r"b\.png: cannot be read \(No such file or directory\)"):
        FileBytes(tmp_path / "b.png").read()
