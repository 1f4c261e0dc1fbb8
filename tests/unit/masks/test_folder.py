"""Folders of masks: sorted into buckets, assigned at random or by name, nothing silently."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.masks.bucket import Bucket
from benchmark.masks.folder import FolderMasks
from benchmark.masks.pairing import goes_by_name
from benchmark.masks.reader import MaskTargets

SMALL, LARGE = Bucket(10, 20), Bucket(30, 40)


@pytest.fixture
def write(tmp_path):
    """Write a mask of a given ratio in percent: white rows of an image of 100 rows."""

    def write(name: str, percent: int, size: tuple[int, int] = (100, 100)) -> None:
        rows = np.arange(size[0]) * 100 < percent * size[0]
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True, parents=True)
        Image.fromarray(np.repeat(rows[:, None], size[1], axis=1).astype(np.uint8) * 255).save(path)

    return write


def opened(folder, names="abcdefg", buckets=(SMALL, LARGE), size=100, shape=(100, 100), **given):
    pictures = MaskTargets(names=list(names), shape_of=lambda _: shape, size=size)
    options = {"polarity": "auto", "by_name": False, "seed": 0} | given
    return FolderMasks(folder, pictures, buckets, **options)


def pairs(masks, bucket, names="abcdefg"):
    return [masks.holes(name)[bucket].name for name in names]


def test_masks_are_sorted_by_their_measured_share_and_the_rest_is_reported(tmp_path, write):
    for name, percent in (("x/a.png", 11), ("b.png", 20), ("c.png", 35), ("d.png", 10),
                          ("e.png", 0), ("f.png", 100), ("g.png", 45)):  # fmt: skip
        write(name, percent)
    (tmp_path / "h.png").write_text("these are words")
    masks = opened(tmp_path)
    assert set(pairs(masks, "10-20")) == {"x/a.png", "b.png"}
    assert set(pairs(masks, "30-40")) == {"c.png"}
    reasons = dict(masks.unused)
    assert sorted(reasons) == ["d.png", "e.png", "f.png", "g.png", "h.png"]
    assert reasons["e.png"] == "empty mask"
    assert reasons["f.png"] == "full mask"
    assert "10.00%" in reasons["d.png"]
    assert reasons["h.png"].startswith("not a")


def test_a_mask_whose_hole_is_cropped_away_is_not_called_empty(tmp_path, write):
    write("a.png", 20, size=(200, 100))  # the square is rows 50 to 149, the hole 40 rows at the top
    write("b.png", 20)
    shapes = {"a": (200, 100), "b": (100, 100)}
    pictures = MaskTargets(names=["a", "b"], shape_of=shapes.__getitem__, size=100)
    masks = FolderMasks(tmp_path, pictures, None, polarity="auto", by_name=True, seed=0)
    assert masks.unused == [("a.png", "empty mask in the image's center square")]
    assert not masks.holes("a")


def test_masks_that_are_dealt_out_for_want_of_names_are_said_to_be(tmp_path, write):
    write("x.png", 28)
    match = "such as 27-28; none has an image's name, so they are randomly assigned; "
    with pytest.raises(DataError, match=f"{match}a mask of a would be called a_mask"):
        opened(tmp_path)


def test_other_bands_of_a_known_set_are_no_news_but_useless_masks_are(tmp_path, write):
    for name, percent in (("a.png", 11), ("b.png", 45), ("c.png", 35), ("d.png", 0)):
        write(name, percent)
    masks = opened(tmp_path, other_bands=True)
    assert masks.unused == [("d.png", "empty mask")]


def test_a_mask_that_changed_is_measured_anew(tmp_path, write):
    write("a.png", 11)
    write("c.png", 35)
    assert set(pairs(opened(tmp_path), "30-40")) == {"c.png"}
    write("a.png", 36)
    write("c.png", 12)
    assert set(pairs(opened(tmp_path), "30-40")) == {"a.png"}


def test_a_full_mask_is_not_used_in_the_last_bucket(tmp_path, write):
    write("a.png", 95)
    write("b.png", 100)
    masks = opened(tmp_path, buckets=(Bucket(90, 100),), polarity="white-hole")
    assert set(pairs(masks, "90-100")) == {"a.png"}


def test_masks_are_used_in_turn_by_a_permutation_that_the_seed_draws(tmp_path, write):
    for row in range(3):
        write(f"small{row}.png", 11 + row)
        write(f"large{row}.png", 31 + row)
    first, again, other = (pairs(opened(tmp_path, seed=seed), "10-20") for seed in (0, 0, 3))
    assert first == again != other
    assert first[:3] == first[3:6]
    assert first[0] == first[6]
    assert sorted(Counter(first).values()) == [2, 2, 3]


def test_fewer_images_get_the_same_masks(tmp_path, write):
    for row in range(5):
        write(f"{row}.png", 11 + row)
    few = opened(tmp_path, names="abc", buckets=(SMALL,))
    assert pairs(few, "10-20", "abc") == pairs(opened(tmp_path, buckets=(SMALL,)), "10-20")[:3]


def test_a_drawn_mask_is_the_files_at_the_images_size(tmp_path, write):
    write("a.png", 15, size=(400, 400))
    masks = opened(tmp_path, buckets=(SMALL,))
    mask = masks.mask_for("a", "10-20", (100, 100))
    assert mask.dtype == np.bool_
    assert mask.sum(axis=1).tolist() == [100] * 15 + [0] * 85


def test_a_bucket_without_masks_is_named_and_what_the_folder_has(tmp_path, write):
    write("a.png", 15)
    with pytest.raises(DataError, match=r"bucket 30-40; this folder has holes of 15\.0% to 15\.0%"):
        opened(tmp_path)


def test_images_of_their_own_size_get_masks_that_stay_in_the_bucket(tmp_path, write):
    write("edge.png", 20, size=(100, 100))  # 1 of 4 rows, then, at a height of 4
    write("safe.png", 13, size=(100, 100))
    masks = opened(tmp_path, buckets=(SMALL,), size=None, shape=(8, 60))
    assert pairs(masks, "10-20") == ["safe.png"] * 7
    assert SMALL.holds(masks.mask_for("a", "10-20", (8, 60)))


def test_inverted_masks_are_turned(tmp_path, write):
    write("10-20/a.png", 85)
    masks = opened(tmp_path, buckets=(SMALL,))
    mask = masks.mask_for("a", "10-20", (100, 100))
    assert mask.sum(axis=1).tolist() == [0] * 85 + [100] * 15


def test_the_file_and_the_polarity_enter_the_digest(tmp_path, write):
    both = Bucket(40, 60)
    write("a.png", 50)
    white, black = (
        opened(tmp_path, buckets=(both,), polarity=polarity).holes("a")["40-60"].digest
        for polarity in ("white-hole", "black-hole")
    )
    write("a.png", 55)
    changed = opened(tmp_path, buckets=(both,), polarity="white-hole").holes("a")["40-60"].digest
    assert len({white, black, changed}) == 3


def test_pairs_by_name_have_the_bucket_of_their_mask(tmp_path, write):
    write("a.png", 15)
    write("b.png", 35)
    write("c.png", 90)
    write("surplus.png", 15)
    assert goes_by_name(tmp_path, "abc")
    assert goes_by_name(tmp_path, "abcd")
    masks = opened(tmp_path, names="abc", by_name=True)
    assert {name: list(masks.holes(name)) for name in "abc"} == {
        "a": ["10-20"], "b": ["30-40"], "c": []
    }  # fmt: skip
    assert masks.unused == [("c.png", "its hole of 90.00% is outside all buckets")]


def test_a_pair_may_differ_in_scale_and_is_cropped_together(tmp_path, write):
    write("a.png", 15, size=(200, 300))
    masks = opened(tmp_path, names="a", buckets=(SMALL,), by_name=True, size=50, shape=(400, 600))
    assert masks.mask_for("a", "10-20", (50, 50)).sum() in range(350, 401)


def test_a_pair_of_different_shape_is_reported(tmp_path, write):
    write("a.png", 15, size=(100, 120))
    with pytest.raises(DataError, match=r"a\.png: image and mask of different shape"):
        opened(tmp_path, names="a", buckets=(SMALL,), by_name=True)
    write("b.png", 15)
    masks = opened(tmp_path, names="ab", buckets=(SMALL,), by_name=True)
    assert list(masks.failed) == ["a"]
    assert not masks.holes("a")


def test_an_image_without_a_mask_of_its_name_is_named(tmp_path, write):
    write("a.png", 15)
    with pytest.raises(
        DataError, match="1 of 2 images have no mask of their name here, such as 'b'"
    ):
        opened(tmp_path, names="ab", by_name=True)


def test_an_image_that_cannot_be_read_keeps_its_place_in_the_run(tmp_path, write):
    write("a.png", 15)

    def unreadable(name: str) -> tuple[int, int]:
        raise DataError(f"{name}: damaged")

    pictures = MaskTargets(names=["a"], shape_of=unreadable, size=100)
    masks = FolderMasks(tmp_path, pictures, (SMALL,), polarity="auto", by_name=True, seed=0)
    assert list(masks.holes("a")) == ["10-20"]


def test_a_folder_without_masks_is_refused(tmp_path):
    with pytest.raises(DataError, match="no images"):
        opened(tmp_path)


def partly(folder, names, buckets=(SMALL,)):
    pictures = MaskTargets(names=list(names), shape_of=lambda _: (100, 100), size=100, partly=True)
    return FolderMasks(folder, pictures, buckets, polarity="auto", by_name=True, seed=0)


@pytest.mark.parametrize("suffix", ["_mask", "-mask", "_gt", "_m", ""])
def test_each_image_keeps_its_own_mask_and_the_rest_is_told(tmp_path, write, suffix):
    for row, name in enumerate("abc"):
        write(f"sub/{name.upper()}{suffix}.png", 11 + row)
    write("z.png", 15)
    masks = partly(tmp_path, "abcd")
    assert pairs(masks, "10-20", "abc") == [f"sub/{name}{suffix}.png" for name in "ABC"]
    assert not masks.holes("d")
    assert masks.pairing.rule == "name"
    assert masks.pairing.without == ("d",)
    assert "3 of 4 images have one; left out without one: d" in masks.pairing.said
    assert "1 masks belong to no image, such as z" in masks.pairing.said


def test_few_that_fit_are_neither_paired_nor_dealt(tmp_path, write):
    write("a_mask.png", 15)
    write("x.png", 15)
    assert not goes_by_name(tmp_path, "bcd")
    with pytest.raises(DataError, match=r"1 of 4 .*'a' \(a_mask\).*'b'; .*--pairing drawn"):
        goes_by_name(tmp_path, "abcd")
    assert goes_by_name(tmp_path, "ab")


def test_a_copy_in_another_format_is_the_same_mask(tmp_path, write):
    write("a.png", 15)
    write("b.png", 15)
    Image.open(tmp_path / "a.png").save(tmp_path / "a.jpg", quality=95)
    masks = partly(tmp_path, "ab")
    assert pairs(masks, "10-20", "ab") == ["a.png", "b.png"]
    write("a.jpg", 35)
    masks = partly(tmp_path, "ab")
    assert masks.failed == {"a": f"{tmp_path}/a.png: a.jpg is another mask of the same name"}
    assert not masks.holes("a")


def test_an_image_may_have_a_mask_in_each_bucket_but_not_two_in_one(tmp_path, write):
    write("10-20/a.png", 15)
    write("30-40/a.png", 35)
    masks = partly(tmp_path, "a", (SMALL, LARGE))
    assert {label: hole.name for label, hole in masks.holes("a").items()} == {
        "10-20": "10-20/a.png", "30-40": "30-40/a.png"
    }  # fmt: skip
    with pytest.raises(DataError, match=r"two masks in the bucket 14-35, 10-20/a\.png and 30-40/a"):
        partly(tmp_path, "a", None)


@pytest.mark.parametrize(
    ("percents", "label"), [((28, 44, 55), "27-55"), ((12,), "11-12"), ((1, 99), "0-99")]
)
def test_without_buckets_the_masks_have_their_own_range(tmp_path, write, percents, label):
    for row, percent in enumerate(percents):
        write(f"{row}.png", percent)
    masks = partly(tmp_path, "012"[: len(percents)], None)
    assert [bucket.label for bucket in masks.buckets] == [label]
    assert all(list(masks.holes(str(row))) == [label] for row in range(len(percents)))


def test_one_mask_is_of_all_and_none_is_squeezed(tmp_path, write):
    write("mask.png", 15, size=(100, 150))
    shapes = {"a": (100, 150), "b": (200, 300), "c": (150, 100)}
    pictures = MaskTargets(names=list(shapes), shape_of=shapes.__getitem__, size=None)
    masks = FolderMasks(tmp_path / "mask.png", pictures, (SMALL,), polarity="auto", by_name=False,
                        seed=0)  # fmt: skip
    assert {name: bool(masks.holes(name)) for name in shapes} == {"a": True, "b": True, "c": False}
    assert masks.mask_for("b", "10-20", (200, 300)).mean() == 0.15
    assert masks.pairing.rule == "one"
    assert [
        (name, "mask.png: " in why, "100x150" in why) for name, why in masks.failed.items()
    ] == [("c", True, True)]


def test_a_square_mask_is_of_every_center_square(tmp_path, write):
    write("mask.png", 15)
    masks = opened(tmp_path / "mask.png", "ab", (SMALL,), size=50, shape=(80, 120))
    assert masks.mask_for("a", "10-20", (50, 50)).mean() == pytest.approx(0.15, abs=0.02)


def test_how_a_mask_is_read_is_told_and_is_in_its_key(tmp_path, write):
    write("a.png", 15)
    plain = partly(tmp_path, "a").holes("a")["10-20"].digest
    assert "read" not in plain  # a default adds nothing
    ones = (np.asarray(Image.open(tmp_path / "a.png")) // 255).astype(np.uint8)
    Image.fromarray(ones).save(tmp_path / "a.png")
    masks = partly(tmp_path, "a")
    assert masks.read_as == {"0 and 1 read as 0 and 255": 1}
    assert masks.holes("a")["10-20"].digest.endswith("0 and 1 read as 0 and 255")


def test_what_is_wrong_with_every_mask_is_said_and_no_bucket(tmp_path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.png")
    with pytest.raises(DataError, match=r"no usable mask; a\.png: colored") as caught:
        opened(tmp_path, names="a", by_name=True)
    assert "bucket" not in str(caught.value)
