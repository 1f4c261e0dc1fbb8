"""User errors of `bench run`: one line, exit status 2, and nothing written or lost."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmark.core.errors import BadOutput
from inpainters.baselines import MeanFill
from tests.cli.conftest import Bench

QUICK = (
    "--inpainter", "meanfill", "--detector", "flatness", "--size", "64", "--metrics", "auc,psnr",
    "--buckets", "30-40", "--out", "out",
)  # fmt: skip


def refused(result: object, *words: str) -> None:
    """One line on standard error that says all of `words`, status 2, and no results."""
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error:")]
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]
    assert not Path("out/results.csv").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--inpainter", "safepiant"), "Did you mean 'safepaint'"),
        (("--detector", "trufro"), "Did you mean 'trufor'"),
        (("--metrics", "aucc"), "Did you mean 'auc'"),
        (("--dataset", "sample"), "Did you mean 'samples'"),
        (("--buckets", "20-10"), "20-10"),
        (("--size", "big"), "size"),
        (("--images", "nowhere"), "nowhere"),
        (("--device", "cuda:63"), "not on this machine"),
        (("--weights", "meanfill"), "MODEL=official|mini|PATH"),
        (("--weights", "safepaint=x.pth"), "used here: "),
    ],
)
def test_words_nobody_knows(bench: Bench, words: tuple[str, ...], said: str) -> None:
    refused(bench("run", *QUICK, *words), said)
    assert not Path("out").exists()


def test_an_empty_folder(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "void").mkdir()
    refused(bench("run", *QUICK, "--images", tmp_path / "void"), "void")


class Bomb:
    """Runs a command if it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return os.system, ("touch crater",)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (lambda path: None, "no such checkpoint"),
        (lambda path: path.write_bytes(b""), "own.pth"),
        (lambda path: torch.save({"state_dict": {}}, path), "'generator'"),
        (lambda path: torch.save({"generator": {"x": torch.zeros(1)}}, path), "1 unexpected (x)"),
        (lambda path: torch.save({"generator": Bomb()}, path), "nothing in it was run"),
    ],
    ids=["missing", "empty", "another model's", "unexpected and missing keys", "code"],
)
def test_checkpoints_that_are_none(
    bench: Bench, photos: Path, write: Callable[[Path], object], said: str
) -> None:
    write(Path("own.pth"))
    words = ("run", "--inpainter", "meanfill,safepaint", "--weights", "safepaint=own.pth")
    result = bench(*words, "--detector", "none", "--images", photos, "--out", "out")
    refused(result, said)
    assert not Path("out").exists()
    assert not Path("crater").exists()


def test_a_plan_with_an_unknown_key(bench: Bench) -> None:
    Path("plan.toml").write_text('inpainter = "telea"\n')
    refused(bench("run", "plan.toml", "--out", "out"), "unknown key 'inpainter'")


def test_broken_images_are_skipped_and_counted(bench: Bench, photos: Path) -> None:
    (photos / "d.png").write_text("this is text")
    whole = (photos / "a.png").read_bytes()
    (photos / "e.png").write_bytes(whole[: len(whole) // 2])
    result = bench("run", *QUICK, "--images", photos)
    assert result.exit_code == 1, result.output
    assert "skipped: d" in result.stderr
    assert "skipped: e" in result.stderr
    record = json.loads(Path("out/record.json").read_text())
    assert [failure["sample"] for failure in record["failures"]] == ["d", "e"]
    assert "meanfill,,30-40,auc" in Path("out/results.csv").read_text()
    assert ",3,3," in Path("out/results.csv").read_text()


def test_a_truncated_jpeg_is_fatal_with_strict(bench: Bench, photos: Path) -> None:
    Image.open(photos / "a.png").save(photos / "f.jpg")
    whole = (photos / "f.jpg").read_bytes()
    (photos / "f.jpg").write_bytes(whole[: len(whole) // 2])
    refused(bench("run", *QUICK, "--images", photos, "--strict"), "f.jpg")
    assert not Path("out").exists()


def test_nothing_but_broken_images(bench: Bench, tmp_path: Path) -> None:
    folder = tmp_path / "broken"
    folder.mkdir()
    (folder / "a.png").write_text("text")
    refused(bench("run", *QUICK, "--images", folder), "none of 1 samples", "a.png")


def mask(path: Path, share: float, size: tuple[int, int] = (80, 64)) -> None:
    pixels = np.zeros((size[1], size[0]), np.uint8)
    pixels[: round(size[1] * share)] = 255
    Image.fromarray(pixels).save(path)


def test_a_bucket_that_no_mask_reaches(bench: Bench, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    mask(folder / "one.png", 0.15)
    refused(bench("run", *QUICK, "--images", photos, "--masks", folder), "30-40")


def test_a_mask_of_another_shape(bench: Bench, photos: Path, tmp_path: Path) -> None:
    folder = tmp_path / "masks"
    folder.mkdir()
    for name in "abc":
        mask(folder / f"{name}.png", 0.35, size=(40, 90))
    refused(bench("run", *QUICK, "--images", photos, "--masks", folder), "shape")


def test_an_output_folder_that_cannot_be_written(bench: Bench, photos: Path) -> None:
    Path("out").write_text("a file where the folder should be")
    result = bench("run", *QUICK, "--images", photos)
    assert result.exit_code == 2
    assert "out" in result.stderr
    assert Path("out").read_text() == "a file where the folder should be"


def test_a_full_disk(bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    refused(bench("run", *QUICK, "--images", photos), "No space left on device")


def test_a_nan_from_a_model_is_a_counted_failure(
    bench: Bench, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill = MeanFill._fill

    def sometimes(self: MeanFill, images: object, masks: object, *, seed: int) -> object:
        answer = fill(self, images, masks, seed=seed)
        return answer * float("nan") if float(images.mean()) == lowest else answer

    monkeypatch.setattr(MeanFill, "_fill", sometimes)
    lowest = _lowest_mean(photos)
    result = bench("run", *QUICK, "--images", photos)
    assert result.exit_code == 1, result.output
    assert "is NaN or infinite" in result.stderr
    text = Path("out/results.csv").read_text()
    assert "auc,,2,3,,," in text
    assert BadOutput.__name__ not in result.output


def _lowest_mean(photos: Path) -> float:
    from benchmark.core.tensors import to_images
    from benchmark.datasets import open_dataset

    dataset = open_dataset("folder", images=photos, size=64)
    return min(float(to_images(dataset.load(name)[None]).mean()) for name in dataset.ids())
