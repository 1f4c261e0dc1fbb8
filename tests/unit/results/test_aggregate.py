"""Aggregation of rows into cells: intervals, marks and gaps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark import Plan, run
from benchmark.api import RunRecord
from benchmark.results.rows import ResultRow
from tests.small import small_weights

Go = Callable[..., RunRecord]


@pytest.fixture
def go(tmp_path: Path) -> Go:
    """Run a number of noise images, in which a mean-color hole is detectable to a degree."""

    def call(count: int, **changes: object) -> RunRecord:
        folder = tmp_path / str(count)
        folder.mkdir(exist_ok=True)
        draw = np.random.default_rng(3)
        for number in range(count):
            pixels = draw.integers(0, 256, (64, 64, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{number}.png")
        values: dict[str, object] = {
            "datasets": ("folder",), "images": folder, "size": 64, "buckets": ("30-40",),
            "inpainters": ("meanfill",), "detectors": ("flatness",),
            "metrics": ("f1", "f1_pooled", "psnr"),
        }  # fmt: skip
        return run(Plan(**{**values, **changes}), store=tmp_path / "store")

    return call


def cells(record: RunRecord) -> dict[str, ResultRow]:
    assert record.complete
    return {cell.metric: cell for cell in record.cells}


def test_two_images_have_an_interval_around_their_mean(go: Go) -> None:
    found = cells(go(2))
    for name in ("f1", "f1_pooled", "psnr"):
        cell = found[name]
        assert cell.n == 2
        assert cell.value is not None
        assert cell.low is not None, name
        assert cell.high is not None, name
        assert cell.low < cell.value < cell.high


def test_a_share_of_two_images_has_an_interval_within_0_and_1(go: Go) -> None:
    cell = cells(go(2, metrics=("acc",)))["acc"]
    assert (cell.value, cell.n, cell.high) == (1, 2, 1)
    assert cell.low == pytest.approx(0.025**0.5)  # Clopper-Pearson: its square is 2.5 %


def test_one_image_has_none(go: Go) -> None:
    for cell in cells(go(1)).values():
        assert (cell.n, cell.low, cell.high) == (1, None, None)
        assert cell.value is not None


def test_a_model_that_reads_the_hole_is_marked_unless_hole_blind(go: Go) -> None:
    models = {
        "inpainters": ("ctsdg", "meanfill"), "detectors": (), "metrics": ("psnr",),
        "weights": {"ctsdg": str(small_weights("ctsdg"))},
    }  # fmt: skip
    seeing = {cell.inpainter: cell.sees_hole for cell in go(1, **models).cells}
    assert seeing == {"ctsdg": True, "meanfill": False}
    hidden = {cell.inpainter: cell.sees_hole for cell in go(1, **models, hole_blind=True).cells}
    assert hidden == {"ctsdg": False, "meanfill": False}


def test_fpr_is_acc_of_authentic_images(go: Go) -> None:
    record = go(2, inpainters=("meanfill", "original"), metrics=("acc", "area"))
    names = {(cell.inpainter, cell.metric): cell.value for cell in record.cells}
    assert {name for name in names if name[1] in ("acc", "fpr")} == {
        ("meanfill", "acc"), ("original", "fpr"),
    }  # fmt: skip
    assert names["meanfill", "acc"] == 1
    assert names["original", "fpr"] == 0


def test_an_undefined_cell_is_a_gap_with_a_reason(go: Go) -> None:
    cell = cells(go(2, inpainters=("original",), metrics=("f1",)))["f1"]
    assert (cell.value, cell.n, cell.expected) == (None, 0, 2)
    assert cell.reason == "not defined for any of these samples"
