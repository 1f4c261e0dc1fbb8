"""The checks for plugins: what keeps the contract passes, what breaks it is told in plain words."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.types import Case, Detection, Pixels, Rows
from benchmark.datasets.folder import Folder
from benchmark.metrics.fidelity import PSNR
from benchmark.metrics.intervals import Bounds
from benchmark.testing import check_dataset, check_detector, check_inpainter, check_metric
from detectors.baselines import Flatness
from inpainters.base import Inpainter
from inpainters.baselines import MeanFill, Original


class Mine(MeanFill):
    """What a user writes; tests change one thing about it."""

    card = Card(name="mine", title="mine", sizes="any")


def fill(change: object) -> type[Mine]:
    return type("Changed", (Mine,), {"_fill": change})


def card(**changes: object) -> type[Mine]:
    return type("Changed", (Mine,), {"card": replace(Mine.card, **changes)})


CALLS: list[int] = []


def of_the_batch(self: Mine, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
    return torch.full_like(images, 0.1 * len(images))


def at_random(self: Mine, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
    CALLS.append(seed)
    return torch.full_like(images, 0.5 + 0.001 * len(CALLS))


def nan_where_nothing_is_known(self: Mine, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
    return torch.full_like(images, 0.5 / float((1 - masks).max()) if (1 - masks).any() else np.nan)


BAD_INPAINTERS = {
    "shape": (fill(lambda self, images, masks, *, seed: images[:, :1]),
              r"mine: expected an image of shape \(1, 3, 64, 64\), got Tensor of shape"),
    "type": (fill(lambda self, images, masks, *, seed: None), "got None"),
    "nan": (fill(lambda self, images, masks, *, seed: images * np.nan), "is NaN or infinite"),
    "unpainted": (fill(lambda self, images, masks, *, seed: images), "does not change the hole"),
    "batch": (fill(of_the_batch), "the other images of the batch: maximum difference 0.2"),
    "random": (fill(at_random), "mine: "),
    "all hole": (fill(nan_where_nothing_is_known), "mine: the output is NaN or infinite"),
    "looks": (fill(lambda self, images, masks, *, seed: 1 - images),
              "depends on the content of the hole, but its card declares sees_hole=F"),
    "does not look": (card(sees_hole=True), "does not depend on the content of the hole"),
    "paints": (card(paints=False), "changes the hole, but its card declares paints=False"),
    "name": (card(name="my model"), "is not usable in tables and file names"),
    "title": (card(title=""), "the card of mine has no title"),
    "no card": (type("Changed", (Mine,), {"card": "mine"}), "expected `card = Card"),
    "no inpainter": (Flatness, "is not an Inpainter"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_INPAINTERS)
def test_an_inpainter_that_breaks_the_contract(case: str) -> None:
    kind, said = BAD_INPAINTERS[case]
    with pytest.raises(AssertionError, match=said) as caught:
        check_inpainter(kind)
    assert "\n" not in str(caught.value)


def test_inpainters_that_keep_it() -> None:
    check_inpainter(Mine)
    check_inpainter(Original())
    check_inpainter("telea")
    check_inpainter("inpainters.baselines:MeanFill")


class Looker(Flatness):
    """A detector of the user's."""

    card = replace(Flatness.card, name="looker")


def look(change: object) -> type[Looker]:
    return type("Changed", (Looker,), {"_detect": change})


def answered(**parts: Tensor) -> Detection:
    return Detection(**{"heatmap": torch.zeros(1, 64, 64), "score": torch.zeros(1), **parts})


BAD_DETECTORS = {
    "heatmap": (look(lambda self, images: answered(heatmap=torch.zeros(2, 1, 64, 64))),
                r"looker: expected a heatmap of shape \(2, 64, 64\), got Tensor of shape"),
    "score": (look(lambda self, images: answered(heatmap=images[:, 0], score=torch.zeros(()))),
              r"expected a score of shape \(2,\)"),
    "batch": (look(lambda self, images: answered(
        heatmap=images[:, 0] * 0 + 0.1 * len(images), score=images.mean(dim=(1, 2, 3)))),
        "depends on the other images of the batch"),
    "score's meaning": (type("Changed", (Looker,), {"card": replace(Looker.card, score="")}),
                        "does not describe the score"),
    "no detector": (Mine, "is not a Detector"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_DETECTORS)
def test_a_detector_that_breaks_the_contract(case: str) -> None:
    kind, said = BAD_DETECTORS[case]
    with pytest.raises(AssertionError, match=said):
        check_detector(kind)


def test_detectors_that_keep_it() -> None:
    check_detector(Looker)
    check_detector("chance")


def metric(change: object, **more: object) -> type[PSNR]:
    return type("Changed", (PSNR,), {"name": "own", "measure": change, **more})


def beside(self: PSNR, case: Case) -> Rows:
    return np.full((len(case.image), 1), float(len(case.image)))


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (metric(beside), "own: the row of a sample depends on the other samples of the batch"),
        (metric(lambda self, case: np.zeros(3)), r"expected rows \(3, K\) of float64"),
        (metric(PSNR.measure, better="up"), "got 'up'"),
        (metric(PSNR.measure, title=""), "Changed has no title"),
        (metric(PSNR.measure, bounds=Bounds(1, 0)), r"bounds low < high, got \[1, 0\]"),
        (metric(PSNR.measure, bounds=Bounds(0, 1)), r"in its bounds \[0, 1\], got"),
        (metric(PSNR.measure, share=True), "a share, but has values other than 0 and 1"),
        (metric(PSNR.measure, needs="verdict"), "expected BadInput for a case without a verdict"),
        (metric(PSNR.measure, reduce=lambda self, rows: 0.0), "expected NaN for a cell without"),
        (metric(PSNR.measure, unavailable=classmethod(lambda cls: "no file")), "no file"),
    ],
)
def test_a_metric_that_breaks_the_contract(kind: type[PSNR], said: str) -> None:
    with pytest.raises(AssertionError, match=said):
        check_metric(kind)


class Shuffled(Folder):
    """Other pixels every time."""

    def load(self, name: str) -> Pixels:
        return super().load(name) ^ np.random.default_rng().integers(0, 256, 1, dtype=np.uint8)


def test_a_data_set_that_breaks_the_contract(tmp_path: Path) -> None:
    Image.effect_noise((80, 70), 60).convert("RGB").save(tmp_path / "a.png")
    check_dataset(Folder, images=tmp_path)
    wide = type("Wide", (Folder,), {"load": lambda self, name: np.zeros((4, 8, 3), np.uint8)})
    with pytest.raises(AssertionError, match=r"Wide: a: expected uint8 of \(64, 64, 3\)"):
        check_dataset(wide, images=tmp_path)


def test_a_class_that_is_half_written_is_no_inpainter() -> None:
    half = type("Half", (Inpainter,), {"card": Mine.card})
    with pytest.raises(TypeError, match="_fill"):
        check_inpainter(half)
