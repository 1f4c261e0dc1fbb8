"""`bench inpaint`."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.conftest import Bench


@pytest.fixture
def masks(tmp_path: Path) -> Path:
    """Masks of the three photos, under names that mark masks."""
    folder = tmp_path / "masks"
    folder.mkdir()
    hole = np.zeros((64, 80), np.uint8)
    hole[10:30, 20:50] = 255
    for name in ("a", "b", "c"):
        Image.fromarray(hole).save(folder / f"{name}_mask.png")
    return folder


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as file:
        return np.asarray(file)


def test_it_writes_the_image_at_its_own_size(bench: Bench, photos: Path, masks: Path) -> None:
    result = bench("inpaint", photos / "a.png", masks / "a_mask.png", "--inpainter", "telea")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "a: telea (none): inpainted/a.telea.png: the whole image (11.7% hole)\n"
    )
    hole = pixels(masks / "a_mask.png") > 0
    before, after = pixels(photos / "a.png"), pixels(Path("inpainted/a.telea.png"))
    assert after.shape == before.shape
    assert np.array_equal(after[~hole], before[~hole])
    assert not np.array_equal(after[hole], before[hole])


def test_the_png_has_no_metadata(bench: Bench, photos: Path) -> None:
    exif = Image.Exif()
    exif[0x010F] = "maker"
    Image.fromarray(pixels(photos / "a.png")).save(photos / "tagged.jpg", exif=exif, quality=95)
    bench("inpaint", photos / "tagged.jpg", "--box", "5,5,9,9", "--inpainter", "meanfill")
    with Image.open("inpainted/tagged.meanfill.png") as made:
        assert made.format == "PNG"
        assert not made.info
        assert not made.getexif()


def test_folders_are_paired_by_name(bench: Bench, photos: Path, masks: Path) -> None:
    (masks / "c_mask.png").unlink()
    result = bench("inpaint", photos, masks, "--inpainter", "telea,meanfill", "--out", "o")
    assert result.exit_code == 0, result.output
    assert sorted(path.name for path in Path("o").iterdir()) == [
        "a.meanfill.png", "a.telea.png", "b.meanfill.png", "b.telea.png",
    ]  # fmt: skip
    assert "left out, no mask of the same name for 1 images: c" in result.stderr


def test_a_box_is_a_mask_and_json_and_csv_say_the_same(bench: Bench, photos: Path) -> None:
    words = ("inpaint", photos / "a.png", "--box", "0,0,8,8", "--inpainter", "meanfill")
    document = json.loads(bench(*words, "--json").stdout)
    (row,) = csv.DictReader(io.StringIO(bench(*words, "--csv").stdout))
    (one,) = document["results"]
    assert one["hole"] == pytest.approx(64 / (64 * 80))
    assert float(row.pop("hole")) == pytest.approx(one.pop("hole"), abs=1e-6)
    assert row == one
    assert document["failed"] == []


def test_a_network_of_a_fixed_size_says_what_it_saw(bench: Bench, photos: Path) -> None:
    words = ("inpaint", photos / "a.png", "--box", "20,20,9,9", "--inpainter", "safepaint")
    result = bench(*words, "--weights", "safepaint=mini")
    assert result.exit_code == 0, result.output
    assert "extended by reflection to 256x256, the hole pasted back" in result.stdout
    before, after = pixels(photos / "a.png"), pixels(Path("inpainted/a.safepaint.png"))
    hole = np.zeros(before.shape[:2], bool)
    hole[20:29, 20:29] = True
    assert np.array_equal(after[~hole], before[~hole])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--box", "70,0,20,20"), "--box 70,0,20,20: outside the image, which has 80x64 pixels"),
        (("--box", "1,2"), "--box 1,2: expected x,y,width,height in whole pixels"),
        (("--box", "0,0,80,64"), "covers the whole image"),
        ((), "expected a mask: MASK, or --box X,Y,W,H"),
        (("nope.png",), "nope.png: no such mask"),
        (("--box", "0,0,9,9", "--inpainter", "nope"), "no inpainter named 'nope'"),
        (("--box", "0,0,9,9", "--device", "nope"), "device 'nope': not on this machine"),
        (("--box", "0,0,9,9", "--json", "--csv"), "--json and --csv: expected one of them"),
        (("--box", "0,0,9,9", "--mask-polarity", "x"), "--mask-polarity x: expected white-hole"),
        (("--box", "0,0,9,9", "--weights", "telea=mini"), "telea takes no weights"),
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(
    bench: Bench, photos: Path, words: tuple[str, ...], said: str
) -> None:
    result = bench("inpaint", photos / "a.png", *(words or ("--inpainter", "telea")))
    if "--inpainter" not in words:
        result = bench("inpaint", photos / "a.png", *words, "--inpainter", "telea")
    assert result.exit_code == 2
    assert said in result.stderr
    assert len([line for line in result.stderr.splitlines() if line.startswith("Error")]) == 1
    assert result.stdout == ""


def test_masks_that_are_none(bench: Bench, photos: Path, tmp_path: Path) -> None:
    def refused(mask: np.ndarray, said: str) -> None:
        Image.fromarray(mask).save(tmp_path / "m.png")
        result = bench("inpaint", photos / "a.png", tmp_path / "m.png", "--inpainter", "telea")
        assert result.exit_code == 2
        assert said in result.stderr

    refused(np.zeros((64, 80), np.uint8), "the mask is empty")
    other = np.zeros((64, 64), np.uint8)
    other[:9] = 255
    refused(other, "image and mask of different shape: the image has 80x64 pixels, the mask 64x64")
    refused(pixels(photos / "b.png"), "expected black and white")


def test_images_of_other_kinds_are_read_as_everywhere(bench: Bench, photos: Path) -> None:
    from benchmark.core.images import read_image

    gray = np.arange(64 * 64, dtype=np.uint16).reshape(64, 64) * 16
    Image.fromarray(gray).save(photos / "deep.png")
    Image.fromarray((gray // 256).astype(np.uint8)).save(photos / "gray.png")
    rgba = np.zeros((64, 64, 4), np.uint8)
    rgba[:, 32:] = (200, 30, 30, 255)
    Image.fromarray(rgba).save(photos / "alpha.png")
    for name in ("deep", "gray", "alpha"):
        words = ("--box", "4,4,8,8", "--inpainter", "telea")
        result = bench("inpaint", photos / f"{name}.png", *words)
        assert result.exit_code == 0, result.output
        made = pixels(Path(f"inpainted/{name}.telea.png"))
        assert made.shape == (64, 64, 3)
        assert np.array_equal(made[20:], read_image(photos / f"{name}.png")[20:])


def test_one_bad_image_does_not_stop_the_others(bench: Bench, photos: Path) -> None:
    (photos / "b.png").write_bytes(b"no image")
    result = bench("inpaint", photos, "--box", "5,5,9,9", "--inpainter", "telea,meanfill")
    assert result.exit_code == 1
    assert result.stderr.count("failed: b: ") == 1
    assert len(list(Path("inpainted").iterdir())) == 4
    alone = bench("inpaint", photos / "b.png", "--box", "5,5,9,9", "--inpainter", "telea")
    assert alone.exit_code == 2


def test_a_folder_that_cannot_be_written(bench: Bench, photos: Path) -> None:
    Path("file").write_text("")
    words = ("inpaint", photos / "a.png", "--box", "5,5,9,9", "--inpainter", "telea", "--out")
    result = bench(*words, "file")
    assert result.exit_code == 2
    assert "file: is no folder; choose another --out" in result.stderr
    result = bench(*words, "file/below")
    assert result.exit_code == 2
    assert "cannot make this folder" in result.stderr


def test_a_damaged_output_of_the_store_is_made_anew(bench: Bench, photos: Path) -> None:
    words = ("inpaint", photos / "a.png", "--box", "5,5,9,9", "--inpainter", "telea")
    assert bench(*words, "--store", "s").exit_code == 0
    first = pixels(Path("inpainted/a.telea.png"))
    (file,) = Path("s/objects").rglob("*.png")
    file.write_bytes(b"damaged")
    assert bench(*words, "--store", "s").exit_code == 0
    assert np.array_equal(pixels(Path("inpainted/a.telea.png")), first)


def test_a_stop_leaves_whole_files_alone(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from benchmark.single import draw

    done = []

    def stopped(*_: object, **__: object) -> None:
        if done:
            raise KeyboardInterrupt
        done.append(1)

    before = draw.Image.Image.save

    def save(self: Image.Image, *words: object, **named: object) -> None:
        stopped()
        before(self, *words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(draw.Image.Image, "save", save)
    result = bench("inpaint", photos, "--box", "5,5,9,9", "--inpainter", "telea")
    assert result.exit_code == 130
    assert "rerun the same command to resume" in result.stderr
    assert [path.name for path in Path("inpainted").iterdir()] == ["a.telea.png"]
