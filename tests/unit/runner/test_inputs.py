"""Input files of many formats: the right number, or an error that names the file.

One image of 80x64 with a hole of 40x24 and a known inpainted image: every way of saving the same
image, mask or heatmap has to give the same number.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, RunRecord, run
from benchmark.core.errors import DataError, ScaleWarning
from benchmark.runner.settings import Settings

HEIGHT, WIDTH = 64, 80
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
PHOTO = (np.stack([COLUMNS * 2, ROWS * 3, COLUMNS + ROWS], axis=-1) % 256).astype(np.uint8)
HOLE = np.zeros((HEIGHT, WIDTH), np.uint8)
HOLE[16:40, 20:60] = 255
ONES = HOLE // 255
MAP = np.clip(HOLE / 255 * 0.6 + np.random.default_rng(5).random(HOLE.shape) * 0.4, 0, 1)
EIGHT = np.rint(MAP * 255).astype(np.uint8)
FILLED = np.where(HOLE[..., None] > 0, np.uint8(7), PHOTO)
Save = Callable[[Path], object]


def save(values: np.ndarray, name: str, mode: str | None = None, **options: Any) -> Save:
    def call(folder: Path) -> None:
        image = Image.fromarray(values)
        (image.convert(mode) if mode else image).save(folder / name, **options)

    return call


def palette(values: np.ndarray, colors: list[int], name: str, **options: Any) -> Save:
    def call(folder: Path) -> None:
        image = Image.frombytes("P", (WIDTH, HEIGHT), values.tobytes())
        image.putpalette([*colors, *[0] * (768 - len(colors))])
        image.save(folder / name, **options)

    return call


def turned(values: np.ndarray, name: str, orientation: int = 6) -> Save:
    exif = Image.Exif()
    exif[274] = orientation
    return save(np.rot90(values), name, exif=exif, lossless=True)


def all_of(*saves: Save) -> Save:
    return lambda folder: [one(folder) for one in saves]


def run_files(
    folder: Path,
    *,
    photo: Save | None = None,
    mask: Save | None = None,
    **plan: Any,
) -> RunRecord:
    for name, given, usual in (
        ("photos", photo, save(PHOTO, "a.png")),
        ("masks", mask, save(HOLE, "a.png")),
    ):
        (folder / name).mkdir(exist_ok=True)
        (given or usual)(folder / name)
    chosen = {"inpainters": "meanfill", "detectors": "none", "metrics": "psnr", "size": "native"}
    where = {"images": folder / "photos", "masks": folder / "masks"}
    return run(Plan(**{**chosen, **where, **plan}), store=folder / "store", out=folder / "out")


def number(record: RunRecord, metric: str = "psnr") -> float:
    (value,) = record.samples[metric]
    return float(value)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> float:
    return number(run_files(tmp_path_factory.mktemp("expected")))


@pytest.mark.parametrize(
    "mask",
    [
        palette(ONES, [0, 0, 0, 255, 255, 255], "a.png"),
        palette(ONES, [0, 0, 0, 1, 1, 1], "a.png"),
        palette(1 - ONES, [255, 255, 255, 0, 0, 0], "a.png"),
        palette(ONES, [0, 0, 0, 255, 255, 255], "a.png", transparency=0),
        save(HOLE.astype(np.uint16) * 257, "a.png"),
        save(ONES.astype(np.uint16), "a.png"),
        save(HOLE.astype(np.float32), "a.tif"),
        save(np.dstack([HOLE] * 3), "a.jpg", "CMYK", quality=95),
        save(HOLE, "a.jpg", quality=95),
        save(HOLE, "a.png", "1"),
        save(np.dstack([HOLE] * 3 + [HOLE * 0 + 255]), "a.png"),
        save(np.dstack([PHOTO, 255 - HOLE]), "a.png"),
        save(HOLE, "a.gif", save_all=True, append_images=[Image.fromarray(255 - HOLE)]),
        turned(HOLE, "a.png"),
        save(np.kron(HOLE, np.ones((10, 10), np.uint8)), "a.png"),
        save(HOLE, "a.webp", quality=60),
        save(HOLE, "A_MASK.PNG"),
        save(HOLE, "a_mask001.png"),
        save(HOLE, "mask_a.png"),
        save(HOLE, "a_segmentation.png"),
        save(HOLE, "a.png", transparency=0),
    ],
)
def test_the_same_mask_in_many_formats(tmp_path: Path, mask: Save, expected: float) -> None:
    assert number(run_files(tmp_path, mask=mask)) == expected


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (save(np.where(HOLE > 0, np.nan, 0).astype(np.float32), "a.tif"), "nan to nan"),
        (save(np.dstack([HOLE * 0 + 255, HOLE]), "a.png"), "varying transparency"),
        (save(ONES * 127, "a.png"), "gray levels 0, 127 and none of 128 or more"),
        (
            save(np.where(COLUMNS < 10, 128, HOLE).astype(np.uint8), "a.png"),
            "gray levels 0, 128, 255, as in a label map",
        ),
        (save(np.dstack([HOLE, HOLE * 0, HOLE * 0]), "a.png"), "colored"),
        (save(255 - HOLE, "a.png"), "--mask-polarity"),
        (
            all_of(save(HOLE, "a.png"), save(np.roll(HOLE, 9, axis=0), "a.jpg", quality=95)),
            "a.jpg is another mask of the same name",
        ),
        (save(HOLE, "a (1).png"), "'a (1)' looks like the mask of 'a'"),
        (save(HOLE.astype(np.int32) * 16, "a.tif"), "as of 10 or 12 bits"),
    ],
)
def test_an_ambiguous_mask_is_refused(tmp_path: Path, mask: Save, message: str) -> None:
    with pytest.raises(DataError) as caught:
        run_files(tmp_path, mask=mask)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    "photo",
    [
        save(PHOTO, "a.webp", lossless=True),
        turned(PHOTO, "a.webp"),
        save(PHOTO, "a.png", save_all=True, append_images=[Image.fromarray(255 - PHOTO)]),
        save(PHOTO, "a.tif", save_all=True, append_images=[Image.fromarray(PHOTO[:32, :32])]),
        lambda folder: cv2.imwrite(
            str(folder / "a.png"), PHOTO[..., ::-1].astype(np.uint16) * 257
        ),
        all_of(save(PHOTO, "a.png"), lambda folder: (folder / "loop").symlink_to(".")),
        all_of(save(PHOTO, "a.png"), lambda folder: (folder / "b.png").symlink_to("b.png")),
        all_of(save(PHOTO, "a.png"), lambda folder: (folder / "b.heic").touch()),
    ],
)  # fmt: skip
def test_the_same_image_in_many_formats(tmp_path: Path, photo: Save, expected: float) -> None:
    assert number(run_files(tmp_path, photo=photo)) == expected


@pytest.mark.parametrize(
    ("photo", "message"),
    [
        (save(PHOTO[..., 0].astype(np.float32) / 127.5 - 1, "a.tif"), "-1 to"),
        (save(PHOTO[..., 0].astype(np.int32) - 100, "a.tif"), "-100 to"),
        (
            save(PHOTO[..., 0].astype(np.uint16) * 16, "a.png"),
            "up to 2528 of 65535, as of 10 or 12",
        ),
        (
            lambda folder: cv2.imwrite(str(folder / "a.tif"), PHOTO.astype(np.float32)),
            "a.tif: an unsupported kind of TIFF",
        ),
    ],
)
def test_an_image_of_unknown_levels_is_refused(tmp_path: Path, photo: Save, message: str) -> None:
    with pytest.raises(DataError) as caught:
        run_files(tmp_path, photo=photo)
    assert message in str(caught.value)


def detect(folder: Path, heatmap: Save) -> RunRecord:
    (folder / "heatmaps").mkdir()
    heatmap(folder / "heatmaps")
    return run_files(
        folder, detectors=f"mine=heatmaps:{folder / 'heatmaps'}", metrics="auc,f1", buckets="10-20"
    )


def array(values: np.ndarray, name: str = "a.npy") -> Save:
    return lambda folder: np.save(folder / name, values)


@pytest.mark.parametrize(
    "heatmap",
    [
        save(EIGHT, "a.png"),
        save(np.dstack([EIGHT] * 3), "a.png"),
        save(EIGHT.astype(np.uint16) * 257, "a.png"),
        turned(EIGHT, "a.png"),
        array(MAP),
        array(MAP[None].astype(np.float32)),
        array(MAP > 0.5),
        array((MAP * 1.0005).astype(np.float16)),
        lambda folder: np.savez(folder / "a.png.npz", map=MAP, score=0.7),
    ],
)
def test_the_same_heatmap_in_many_formats(tmp_path: Path, heatmap: Save) -> None:
    record = detect(tmp_path, heatmap)
    assert record.complete, record.failures
    assert (number(record, "auc"), number(record, "f1")) == (1, 1)


@pytest.mark.parametrize(
    ("heatmap", "message"),
    [
        (array(MAP * 255), "values in [0, 1], got"),
        (array((MAP - 0.5) * 10), "values in [0, 1], got -"),
        (array(np.where(HOLE > 0, np.nan, MAP)), "values in [0, 1], got NaN"),
        (array((MAP * 255).astype(np.int64)), "got int64"),
        (array(MAP.astype(np.complex64)), "got complex64"),
        (array(np.stack([1 - MAP, MAP])), "a heatmap of 80x64x2"),
        (array(MAP.T), "a heatmap of 64x80, expected 80x64"),
        (array(ONES), "its largest value is 1 of 255"),
        (save((MAP * 255).astype(np.float32), "a.tif"), "values in [0, 1], got"),
        (save(np.dstack([HOLE * 0] * 3 + [EIGHT]), "a.png"), "transparent in parts"),
        (save(np.dstack([EIGHT, 255 - EIGHT, EIGHT]), "a.png"), "a color image"),
        (all_of(array(MAP), save(255 - EIGHT, "a.png")), "two files of one name"),
        (lambda folder: np.savez(folder / "a.npz", MAP), "a 'map'"),
    ],
)
def test_a_heatmap_with_invalid_values_fails(tmp_path: Path, heatmap: Save, message: str) -> None:
    record = detect(tmp_path, heatmap)
    (failure,) = record.failures
    assert (failure.sample, failure.model) == ("a", "mine")
    assert message in failure.reason
    assert np.isnan(number(record, "auc"))


def test_heatmaps_below_one_half_cause_a_warning(tmp_path: Path) -> None:
    with pytest.warns(
        ScaleWarning, match=r"the largest value of all uint8 heatmaps is \d+ of 255, so no pixel"
    ):
        detect(tmp_path, save((MAP * 100).astype(np.uint8), "a.png"))


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (save(FILLED, "a.png"), ""),
        (turned(FILLED, "a.png"), ""),
        (lambda folder: (folder / "a.png").symlink_to(_real(folder)), ""),
        (save(np.dstack([FILLED, 255 - HOLE]), "a.png"), "transparent in parts"),
        (save(FILLED, "a.jpg", quality=90), "known pixels differ"),
        (all_of(save(FILLED, "a.png"), save(PHOTO, "a.jpg")), "two files of one name"),
    ],
)
def test_finished_images(tmp_path: Path, output: Save, message: str) -> None:
    (tmp_path / "outputs").mkdir()
    output(tmp_path / "outputs")
    record = run_files(tmp_path, inpainters=f"mine=outputs:{tmp_path / 'outputs'}")
    assert [message in one.reason for one in record.failures] == ([True] if message else [])
    if not message:
        difference = (PHOTO.astype(float) - FILLED) ** 2
        assert number(record) == pytest.approx(10 * np.log10(255**2 / difference.mean()), abs=1e-5)


def _real(folder: Path) -> Path:
    save(FILLED, "real.png")(folder.parent)
    return folder.parent / "real.png"


def test_images_below_the_size_are_reported(tmp_path: Path) -> None:
    lines: list[str] = []
    run_files(tmp_path)
    plan = Plan(images=tmp_path / "photos", inpainters="meanfill", detectors="none",
                metrics="psnr", size=96, buckets="10-20")  # fmt: skip
    run(plan, store=tmp_path / "store", settings=Settings(tell=lines.append))
    note = "Images: 1 of 1 are smaller than --size 96 and are enlarged, such as a of 80x64."
    assert note in lines
    lines.clear()
    run(plan.model_copy(update={"size": 64}), store=tmp_path / "store",
        settings=Settings(tell=lines.append))  # fmt: skip
    assert not any("enlarged" in line for line in lines)
