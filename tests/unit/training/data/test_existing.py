"""Batches from a set of existing forgeries: which images, which crops, which truth."""

from __future__ import annotations

import pickle
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmark.core.errors import DataError
from benchmark.training.data.existing import ExistingForgeryData, ItemPlan
from benchmark.training.data.forgeries import ForgeryData
from benchmark.training.data.images import read_training_images
from benchmark.training.data.masks import Masks
from benchmark.training.data.sets import SetOptions, divide_by_original, read_training_forgeries
from tests.unit.training.conftest import recipe, write_set


def data_of(
    place: Path, *, photographs: Path | None = None, pads: bool = False, **changes: Any
) -> ExistingForgeryData:
    stage = {"steps": 60, "batch": 4, "crop": 48, "sides": [64]}
    stage |= {"forgers": [{"name": "flat"}]} if photographs else {}
    chosen = recipe("trufor", **{"postprocessing": {}, "stages": [stage], "held_out": 2} | changes)
    found = read_training_forgeries(SetOptions(place=place), least=1)
    train, held = divide_by_original(found, chosen.held_out)
    made = None
    if photographs is not None:
        images = read_training_images(photographs, sides=(64,), minimum=1)
        made = ForgeryData(chosen, images, Masks(chosen.holes, seed=1), device="cpu")
    return ExistingForgeryData(chosen, train, held, made, pads=pads)


def stage_of(*, crop: int, side: int) -> list[dict[str, Any]]:
    return [{"steps": 60, "batch": 4, "crop": crop, "sides": [side]}]


def test_images_are_cut_from_the_files_at_their_own_size(forgeries: Path) -> None:
    """Each crop is, turned or not, somewhere in an image, and its truth at the same place."""
    data = data_of(forgeries)
    for plan, sample in zip(data.plan(0), data.build(data.plan(0)), strict=True):
        assert isinstance(plan, ItemPlan)
        item = plan.used.item
        whole = np.asarray(Image.open(item.image.path))  # type: ignore[attr-defined]
        turns = [np.rot90(sample.pixels, n) for n in range(4)]
        turns = [np.ascontiguousarray(one) for one in (*turns, *(one[:, ::-1] for one in turns))]
        found = [cv2.matchTemplate(whole, one, cv2.TM_SQDIFF).min() for one in turns]
        assert min(found) < 100  # zero, but for rounding in OpenCV
        assert sample.mask.any() != item.authentic  # a crop of a forged image has a forged pixel


@pytest.mark.parametrize("way", ["forged", "random"])
def test_a_crop_of_a_forged_image_has_a_forged_pixel_unless_it_is_random(
    forgeries: Path, way: str
) -> None:
    truth = np.zeros((72, 80), np.uint8)
    truth[70, 79] = 255
    for path in forgeries.glob("*-truth.png"):
        Image.fromarray(truth).save(path)
    data = data_of(forgeries, held_out=0, forgeries={"crop": way})
    found = [
        (not plan.used.item.authentic, bool(sample.mask.any()))  # type: ignore[union-attr]
        for step in range(4)
        for plan, sample in zip(data.plan(step), data.build(data.plan(step)), strict=True)
    ]
    assert any(forged for forged, _ in found)
    assert all(forged == marked for forged, marked in found) is (way == "forged")


def test_a_batch_depends_on_its_step_alone_and_workers_get_it_pickled(forgeries: Path) -> None:
    data, again = data_of(forgeries), data_of(forgeries)
    ordered = pickle.loads(pickle.dumps(data.plan(3)))  # noqa: S301 (our own)
    build = pickle.loads(pickle.dumps(data.build))  # noqa: S301
    images, masks = again.batch(3)
    for sample, image, mask in zip(build(ordered), images, masks, strict=True):
        assert np.array_equal(np.rint(255 * image.permute(1, 2, 0).numpy()), sample.pixels)
        assert np.array_equal(mask[0].numpy() > 0, sample.mask)
    assert len({data.batch(step)[0].numpy().tobytes() for step in range(5)}) == 5


def test_held_out_originals_are_never_trained_on(forgeries: Path) -> None:
    data = data_of(forgeries)
    used = {one.used.item.group for step in range(60) for one in data.plan(step)}  # type: ignore[union-attr]
    assert len(used) == 8
    assert len(data.held_out(0, 32).images) == 6
    assert len(data.authentic_images()) == 4  # two originals, plain and post-processed


def test_lists_are_drawn_from_equally_often(tmp_path: Path) -> None:
    place = tmp_path / "set"
    write_set(place)
    rows = (place / "manifest.csv").read_text().splitlines()
    kept = [row for row in rows if not row.endswith(",lama") or row.startswith("0-")]
    (place / "manifest.csv").write_text("\n".join(kept) + "\n")

    def shares(draw: str) -> dict[str, float]:
        data = data_of(place, forgeries={"draw": draw}, held_out=0)
        plans = [one for step in range(60) for one in data.plan(step)]
        counts = Counter(one.used.item.method for one in plans)  # type: ignore[union-attr]
        return {name: count / len(plans) for name, count in counts.items()}

    assert shares("images")["lama"] < 0.12
    assert all(0.22 < share < 0.45 for share in shares("lists").values())


def test_the_others_are_made_from_images(forgeries: Path, photographs: Path) -> None:
    data = data_of(forgeries, photographs=photographs, forgeries={"share": 0.25})
    plans = [one for step in range(60) for one in data.plan(step)]
    assert 0.15 < sum(isinstance(one, ItemPlan) for one in plans) / len(plans) < 0.35
    images, masks = data.batch(0)
    assert images.shape == (4, 3, 48, 48)
    assert masks.shape == (4, 1, 48, 48)
    assert len(data.held_out(0, 4).images) == 3  # one of the set, two of the images held out


def test_a_smaller_image_is_padded_and_what_lies_beyond_is_ignored(forgeries: Path) -> None:
    data = data_of(forgeries, pads=True, stages=stage_of(crop=96, side=96))
    images, masks = data.batch(0)
    assert images.shape == (4, 3, 96, 96)
    beyond = masks[:, 0] == -1
    assert (beyond.sum(dim=(1, 2)) == 96 * 96 - 80 * 72).all()
    assert (images.permute(0, 2, 3, 1)[beyond] == 128 / 255).all()


def test_whole_images_may_be_resized_to_a_square(forgeries: Path) -> None:
    images, masks = data_of(forgeries, forgeries={"crop": "resize"}).batch(0)
    assert images.shape == (4, 3, 48, 48)
    shares = masks.mean(dim=(1, 2, 3))
    assert set(masks.unique().tolist()) == {0, 1}
    assert all(share == 0 or abs(share - 20 * 32 / (80 * 72)) < 0.02 for share in shares)


@pytest.mark.parametrize("way", ["forged", "random"])
def test_post_processing_leaves_room_for_a_crop(forgeries: Path, way: str) -> None:
    """An image that becomes smaller keeps its proportions, and stays as large as the crop."""
    small = {"resize": (1.0, 0.3, 0.4)}
    data = data_of(forgeries, forgeries={"crop": way}, postprocessing=small, held_out=0)
    images, masks = data.batch(0)
    assert images.shape == (4, 3, 48, 48)
    assert masks.min() == 0


def test_a_file_that_changes_meanwhile_is_named(forgeries: Path) -> None:
    data = data_of(forgeries, held_out=0)
    for path in forgeries.glob("*-*.png"):
        Image.new("RGB", (80, 72)).save(path)
    with pytest.raises(DataError, match=r"forgeries/.*\.png: changed"):
        data.batch(0)


def test_a_truth_that_changed_is_refused(forgeries: Path) -> None:
    data = data_of(forgeries, held_out=0)
    for path in forgeries.glob("*-truth.png"):
        Image.new("L", (80, 72), 255).save(path)
    with pytest.raises(DataError, match=r"forgeries/.*-truth\.png: changed"):
        data.batch(0)


def test_nothing_to_hold_out_is_refused(tmp_path: Path) -> None:
    write_set(tmp_path / "set", count=1)
    with pytest.raises(DataError, match=r"no (image of the set|forged image)"):
        data_of(tmp_path / "set")
