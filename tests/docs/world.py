"""The folder in which page commands are run: small files under the names that pages use."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
from PIL import Image
from typer.testing import CliRunner

from benchmark.cli import app
from tests.plugins import PAINTER

RUN = "2026-01-01_00-00-00"
SMALL = ("--limit", "1", "--size", "64", "--buckets", "30-40")
# It changes nothing; as a detector, with IMAGES and OUT alone, it calls what is bright.
PROGRAM = """
import csv, pathlib, sys
from PIL import Image

words = [pathlib.Path(word) for word in sys.argv[1:] if not word.startswith("--")]
images, out, looks = words[0], words[-1], len(words) == 2
for path in images.iterdir():
    Image.open(path).convert("L" if looks else "RGB").save(out / path.name)
if looks:
    with open(out / "scores.csv", "w", newline="") as file:
        rows = [["name", "score"], *([path.name, 0.5] for path in images.iterdir())]
        csv.writer(file).writerows(rows)
"""


def furnish(home: Path) -> None:
    """Fill the current folder, with a run in runs/ and copies of it, its store in `home`."""
    _pictures(Path("photos"), 3)
    _pictures(Path("photographs"), 8)
    hole = np.zeros((96, 96), np.uint8)
    hole[:60, :56] = 255
    for name, mask in (("masks", hole), ("black", 255 - hole)):
        Path(name).mkdir()
        for path in Path("photos").iterdir():
            Image.fromarray(mask).save(Path(name, path.name))
    Image.open("photos/0.png").save("photo.jpg")
    Image.fromarray(hole).save("hole.png")
    write_forgeries(Path("forgeries"))
    Path("my_package").mkdir()
    Path("my_package/my_module.py").write_text(PAINTER.replace("Grey", "MyInpainter"))
    Path("test.py").write_text(PROGRAM)
    _run(home)


def _pictures(folder: Path, count: int) -> None:
    folder.mkdir()
    generator = np.random.default_rng(len(folder.name))
    for number in range(count):
        fine = generator.integers(0, 256, (48, 48, 3), dtype=np.uint8)
        Image.fromarray(fine).resize((96, 96)).save(folder / f"{number}.png")


def write_forgeries(folder: Path) -> None:
    """Two forgeries of each of six photographs, with a manifest."""
    rows = ["image,mask,original,subset,method"]
    for name in ("au", "flat", "spliced", "truth"):
        (folder / name).mkdir(parents=True)
    for number in range(6):
        generator = np.random.default_rng(number)
        rough = generator.integers(0, 256, (12, 16, 3), dtype=np.uint8)
        photo = np.asarray(Image.fromarray(rough).resize((64, 48)))
        Image.fromarray(photo).save(folder / f"au/{number}.png")
        subset = "indoor" if number < 3 else "outdoor"
        rows.append(f"au/{number}.png,authentic,,{subset},")
        for method, left in (("flat", 6), ("spliced", 34)):
            truth = np.zeros((48, 64), np.uint8)
            truth[10 : 30 + number, left : left + 22] = 255
            forged = np.where(truth[..., None] > 0, photo[::-1] // 2, photo)
            forged = np.where(truth[..., None] > 0, 90, photo) if method == "flat" else forged
            Image.fromarray(forged.astype(np.uint8)).save(folder / f"{method}/{number}.png")
            Image.fromarray(truth).save(folder / f"truth/{method}-{number}.png")
            rows.append(
                f"{method}/{number}.png,truth/{method}-{number}.png,au/{number}.png,{subset},{method}"
            )
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")


def _run(home: Path) -> None:
    words = ["run", "--inpainter", "original,meanfill", "--detector", "flatness", *SMALL]
    place = Path("runs", RUN)
    result = CliRunner().invoke(
        app, [*words, "--save-images", "--out", str(place)], env={"BENCH_HOME": str(home)}
    )
    assert result.exit_code == 0, result.output
    for name in ("before", "after"):
        shutil.copytree(place, name)
    for picture in (place / "images").glob("*/*/"):
        bucket = picture.parent.name
        for source, target in (("original", "inpainted"), ("mask", "maps/safepaint")):
            folder = Path(target, bucket)
            folder.mkdir(parents=True)
            shutil.copy(picture / f"{source}.png", folder / f"{picture.name}.png")
