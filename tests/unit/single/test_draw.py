"""Heatmaps, overlays, pages and progress."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from benchmark.core.arrays import read_arrays
from benchmark.single.documents import csv_text
from benchmark.single.draw import (
    OUTLINE,
    TRUTH,
    heatmap_image,
    outline,
    overlay_image,
    save_arrays,
)
from benchmark.single.page import Figure, Page, Section, write_page
from benchmark.single.progress import Lines, Step


def test_an_outline_is_the_inner_edge() -> None:
    mask = np.zeros((7, 7), bool)
    mask[1:6, 1:6] = True
    edge = outline(mask)
    assert edge.sum() == 16
    assert not edge[2:5, 2:5].any()
    assert outline(np.ones((4, 4), bool)).sum() == 12  # at the border too


def test_an_overlay_shows_the_map_and_both_outlines() -> None:
    pixels = np.zeros((40, 40, 3), np.uint8)
    heatmap = np.zeros((40, 40), np.float32)
    heatmap[5:15, 5:15] = 0.9
    truth = np.zeros((40, 40), bool)
    truth[20:30, 20:30] = True
    shown = overlay_image(pixels, heatmap, truth=truth)
    assert tuple(shown[5, 5]) == OUTLINE
    assert tuple(shown[20, 20]) == TRUTH
    assert shown[10, 10, 0] > 100
    assert (shown[35] == 0).all()


def test_heatmap_colors_run_from_dark_blue_to_yellow() -> None:
    low, high = heatmap_image(np.array([[0, 1]], np.float32))[0]
    assert low[2] > low[1]
    assert high[0] > 200
    assert high[1] > 200


def test_arrays_are_written_as_heatmaps_are_read(tmp_path: Path) -> None:
    heatmap = np.random.default_rng(0).random((5, 6)).astype(np.float32)
    save_arrays(tmp_path / "a.npz", heatmap, 0.25)
    found = read_arrays(tmp_path / "a.npz")
    assert found is not None
    assert np.array_equal(found["map"], heatmap)
    assert found["score"] == np.float32(0.25)


def test_a_page_is_one_file_and_escapes_names(tmp_path: Path) -> None:
    figure = Figure(image="data:image/webp;base64,AA==", alt="a", caption="<b>bold</b>")
    page = Page(
        title="<script>", sections=(Section(title="a&b", figures=(figure,)),),
        columns=("x",), rows=(("<i>",),),
    )  # fmt: skip
    write_page(tmp_path / "index.html", page)
    text = (tmp_path / "index.html").read_text()
    assert "<script>" not in text
    assert "&lt;b&gt;bold" in text
    assert "&lt;i&gt;" in text
    assert "http" not in text


def test_a_spreadsheet_runs_no_cell() -> None:
    text = csv_text(("image", "auc", "score"), [{"image": "=1+1", "auc": None, "score": 0.5}])
    assert text.splitlines()[1].split(",")[:2] == ["'=1+1", ""]


def test_progress_has_tiles_steps_and_the_time_left() -> None:
    file = io.StringIO()
    moments = iter((0.0, 5.0, 30.0, 31.0))
    lines = Lines(file, now=lambda: next(moments))
    step = Step(label="detect a with trufor", number=1, count=2, done=10, total=20)
    for _ in range(3):
        lines(step)
    assert file.getvalue() == "detect a with trufor: tile 10/20, step 1/2, about 1:30 left\n"
    assert Lines.line(Step(label="x", number=1, count=3), 4.0) == "x: step 1/3"
