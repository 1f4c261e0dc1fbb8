"""Contents of the page, its images and figures, without a browser."""

from __future__ import annotations

import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.core.errors import DataError, OutputError
from benchmark.results.run_folder import read_run
from detectors import DETECTORS
from reports.figures.charts import charts
from reports.figures.files import draw, write_figures
from reports.gallery import make_gallery
from reports.page.write import write_comparison, write_report
from reports.thumbnails import with_edge
from tests.page.conftest import HARMFUL, IMAGES, WRITTEN, Made
from tests.stopped import stop


@pytest.fixture
def _no_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip drawing the figures: it takes most of the time of a report."""
    monkeypatch.setattr("reports.figures.files.write_figures", lambda *_: ())


def data_of(page: Path) -> dict[str, Any]:
    text = page.read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="gallery-data">(.*?)</script>', text)
    assert found
    return json.loads(found[1])


def sums(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def test_identical_runs_give_the_same_page_but_for_its_time(made: Made, copied: Made) -> None:
    for folder in (made.folder, copied.folder):
        write_report(folder, store=made.store, written=WRITTEN)
    first, second = ((one / "index.html").read_bytes() for one in (made.folder, copied.folder))
    assert first == second
    assert sums(made.folder / "figures") == sums(copied.folder / "figures")
    later = WRITTEN.replace(year=2027)
    write_report(copied.folder, store=made.store, written=later)
    lines = (copied.folder / "index.html").read_bytes().splitlines()
    moved = [line for line in lines if line not in first.splitlines()]
    assert len(moved) == 1
    assert b"2027-01-02" in moved[0]


def test_the_page_asks_nothing_of_a_network(written_page: Path) -> None:
    text = written_page.read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    sources = re.findall(r'(?:src|href)="([^"]*)"', text)
    assert sources
    for source in sources:
        assert source.startswith(("#", "data:", "figures/")), source
    assert "@import" not in text
    assert "url(" not in text
    for link in (source for source in sources if source.startswith("figures/")):
        assert (written_page.parent / link).is_file()


def test_a_users_name_never_becomes_markup(written_page: Path) -> None:
    text = written_page.read_text(encoding="utf-8")
    assert HARMFUL not in text
    assert text.count("<script") == 2
    assert {one["sample"] for one in data_of(written_page)["samples"]} == set(IMAGES)


def test_the_gallery_has_the_numbers_of_samples_csv(made: Made, written_page: Path) -> None:
    with (made.folder / "samples.csv").open(encoding="utf-8", newline="") as file:
        expected = {
            (row["sample"], row["mask_ratio_percent"], row["inpainter"], row["detector"]): (
                float(row["auc"]) if row["inpainter"] != "original" else None  # nothing to find
            )
            for row in csv.DictReader(file)
            if not row["launder"]
        }
    found = {
        (one["sample"], one["bucket"], output["inpainter"], detection["detector"]): detection[
            "value"
        ]
        for one in data_of(written_page)["samples"]
        for output in one["outputs"]
        for detection in output["detections"]
    }
    assert found == expected
    assert len(found) == len(IMAGES) * 2 * 3 * 2


def test_a_gallery_too_large_keeps_some_of_every_bin_with_a_note(made: Made) -> None:
    run = read_run(made.folder, store=made.store)
    whole = make_gallery(run)
    assert len(whole.samples) == whole.total == 8
    assert whole.notes == ()
    small = make_gallery(run, budget=sum(map(len, whole.images)) // 3)
    assert 2 <= len(small.samples) < 8
    assert {one.bucket for one in small.samples} == {"10-20", "30-40"}
    assert f"{len(small.samples)} of 8 samples are shown" in small.notes[-1]
    assert sum(map(len, small.images)) < sum(map(len, whole.images)) // 2


def test_an_image_shown_twice_is_kept_once(made: Made) -> None:
    gallery = make_gallery(read_run(made.folder, store=made.store))
    assert len(set(gallery.images)) == len(gallery.images)
    for one in gallery.samples:
        untouched = next(each for each in one.outputs if each.inpainter == "original")
        assert untouched.image == one.original


@pytest.mark.usefixtures("_no_figures")
def test_without_its_store_the_page_has_a_reason_instead_of_a_gallery(
    copied: Made, tmp_path: Path
) -> None:
    page = write_report(copied.folder, store=tmp_path / "gone", written=WRITTEN)
    text = page.read_text(encoding="utf-8")
    assert "is not a store" in text
    assert 'id="filters"' not in text
    assert "hides best" in text
    assert not (tmp_path / "gone").exists()


def forget_keys(folder: Path) -> None:
    """Remove the store keys from samples.csv, as in files of older versions."""
    path = folder / "samples.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    kept = [name for name in rows[0] if not name.endswith("_key")]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, kept, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    forget_sum(folder, "samples.csv")


def forget_sum(folder: Path, name: str) -> None:
    """Remove the checksum of a file from the record."""
    record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    del record["files"][name]
    (folder / "record.json").write_text(json.dumps(record), encoding="utf-8")


def test_an_older_run_whose_plan_names_a_folder_has_a_reason_instead_of_a_gallery(
    copied: Made,
) -> None:
    """Its samples file has no store keys, and a report reads no folder of the plan."""
    forget_keys(copied.folder)
    gallery = make_gallery(read_run(copied.folder, store=copied.store))
    assert gallery.samples == ()
    (note,) = gallery.notes
    assert "if you trust it" in note


def test_a_finished_run_needs_neither_data_nor_masks_nor_models(
    copied: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = make_gallery(read_run(copied.folder, store=copied.store))

    def gone(*_: object, **__: object) -> None:
        raise AssertionError("the plan's data and models are not needed")

    for name in ("benchmark.runner.resolve.resolve_plan", "benchmark.runner.sources.Sources.load"):
        monkeypatch.setattr(name, gone)
    assert make_gallery(read_run(copied.folder, store=copied.store)) == before
    assert len(before.samples) == 8


def test_a_store_of_other_runs_is_noted(made: Made, tmp_path: Path) -> None:
    from benchmark.store.store import Store

    Store(tmp_path / "other").put(())  # a store, but of other runs
    gallery = make_gallery(read_run(made.folder, store=tmp_path / "other"))
    assert not gallery.samples
    assert [note.partition(":")[0] for note in gallery.notes] == ["8 samples are left out"]
    assert "give the run's own store with --store" in gallery.notes[0]


def test_a_store_without_a_models_images_is_noted(made: Made, tmp_path: Path) -> None:
    from benchmark.store.store import Store

    shutil.copytree(made.store, tmp_path / "store")
    run = read_run(made.folder, store=tmp_path / "store")
    with Store(run.store) as store, store.table.writing():
        store.table.drop(
            key
            for row in run.samples
            for key in (row.keys.image if row.inpainter == "telea" else "", row.keys.heatmap)
        )
    gallery = make_gallery(run)
    assert len(gallery.samples) == 8
    for name in ("telea", "flatness"):
        assert any(note.startswith(f"{name}: the store has no image") for note in gallery.notes)


@pytest.mark.usefixtures("_no_figures")
def test_an_unfinished_run_has_a_page(copied: Made) -> None:
    stop(copied.folder)
    page = write_report(copied.folder, store=copied.store, written=WRITTEN)
    text = page.read_text(encoding="utf-8")
    assert "This run has not finished" in text
    assert "Not known yet." in text
    assert len(data_of(page)["samples"]) == 8


@pytest.mark.usefixtures("_no_figures")
def test_failures_are_listed(copied: Made) -> None:
    path = copied.folder / "record.json"
    record = json.loads(path.read_text(encoding="utf-8"))
    failure = {"kind": "failed", "bucket": "10-20", "model": "chance", "reason": "NaN <b>here</b>"}
    record["failures"] = [{**failure, "dataset": "folder", "launder": "", "sample": HARMFUL}]
    path.write_text(json.dumps(record), encoding="utf-8")
    page = write_report(copied.folder, store=copied.store, written=WRITTEN)
    text = page.read_text(encoding="utf-8")
    assert "This run is incomplete: 1 job failed" in text
    assert "NaN &lt;b&gt;here&lt;/b&gt;" in text
    assert HARMFUL not in text


def test_provenance_names_every_model_with_its_weights(written_page: Path) -> None:
    text = written_page.read_text(encoding="utf-8")
    table = text[text.index("Weights behind the numbers") :].partition("</table>")[0]
    for name in ("telea", "meanfill", "original", "flatness", "chance"):
        assert f'<th scope="row">{name}</th><td>none</td>' in table


@pytest.mark.usefixtures("_no_figures")
def test_full_images_lie_where_the_page_links_them(copied: Made) -> None:
    page = write_report(copied.folder, store=copied.store, written=WRITTEN, full=True)
    from urllib.parse import unquote

    for one in data_of(page)["samples"]:
        folder = page.parent / unquote(one["full"])
        assert {"original.png", "telea.png", "meanfill.png"} <= {
            path.name for path in folder.iterdir()
        }


def test_missing_full_images_are_one_line(copied: Made, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is not a store"):
        write_report(copied.folder, store=tmp_path / "gone", full=True)


def test_figures_are_the_same_bytes_without_a_date(made: Made, tmp_path: Path) -> None:
    drawn = charts(read_run(made.folder))[:2]
    first, second = (write_figures(tmp_path / name, drawn) for name in ("a", "b"))
    assert [path.suffix for path in first] == [".png", ".svg", ".png", ".svg"]
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert b"dc:date" not in first[1].read_bytes()


def test_a_chart_without_a_number_is_not_drawn(made: Made) -> None:
    from dataclasses import replace

    chart = replace(charts(read_run(made.folder))[0], series=())
    with pytest.raises(OutputError, match="no number to draw"):
        draw(chart)


def test_a_report_loads_no_torch(copied: Made) -> None:
    program = (
        "import sys\n"
        "from reports.page.write import write_report\n"
        "write_report(sys.argv[1], store=sys.argv[2])\n"
        "sys.exit('torch' in sys.modules)"
    )
    words = [sys.executable, "-c", program, str(copied.folder), str(copied.store)]
    subprocess.run(words, check=True)


def test_a_comparison_names_the_cells_beyond_the_limit(made: Made, copied: Made) -> None:
    path = copied.folder / "results.csv"
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if (row["metric"], row["inpainter"], row["launder"]) == ("auc", "telea", ""):
            row["value"] = f"{float(row['value']) + 0.05:.6f}"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    forget_sum(copied.folder, "results.csv")
    compared = write_comparison(made.folder, copied.folder, fail_on="auc:+0.01", written=WRITTEN)
    assert len(compared.comparison.failures) == 4  # two detectors, two buckets
    text = compared.page.read_text(encoding="utf-8")
    assert "4 moved" in text
    assert "the limit is +0.01" in text
    shutil.rmtree(copied.folder)


def test_sections_are_in_order_and_tables_without_numbers_are_closed(
    written_page: Path,
) -> None:
    text = written_page.read_text(encoding="utf-8")
    places = [text.index(f'<section id="{name}"') for name in
              ("summary", "gallery", "plots", "tables", "provenance")]  # fmt: skip
    assert places == sorted(places)
    opened = dict(re.findall(r'<details id="paper-(\d)"( open)?>', text))
    assert opened == {"1": " open"} | dict.fromkeys("23456", "")  # PSNR alone is the paper's
    assert "Table 3: the paper's numbers alone" in text
    table = text[text.index('id="table-1"') : text.index("Table 2: the paper")]
    assert '<td data-value="">- <small>paper' not in table  # of a model that did not run


def test_bars_have_their_interval_and_an_axis(written_page: Path) -> None:
    text = written_page.read_text(encoding="utf-8")
    ladder = text[text.index('<ul class="ladder">') : text.index("</ul>")]
    assert ladder.count('class="fill"') == ladder.count('class="whisker"') == 2
    assert '<span class="scale"><span>0</span><span>AUC</span><span>1</span></span>' in ladder


def test_a_score_is_shown_with_the_decision(written_page: Path) -> None:
    for sample in data_of(written_page)["samples"]:
        for output in sample["outputs"]:
            for detection in output["detections"]:
                found = re.fullmatch(
                    r"(?:AUC [\d.]+, )?score ([\d.]+), called (forged|authentic) "
                    r"\(forged above (.+)\)",
                    detection["text"],
                )
                assert found, detection["text"]
                score, threshold = float(found[1]), float(found[3])
                assert threshold == DETECTORS.card(detection["detector"]).threshold
                if score != threshold:  # rounded
                    assert (score > threshold) == (found[2] == "forged")


def test_a_figure_that_cannot_be_written_fails_the_report(
    made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OutputError("the disk is full")

    monkeypatch.setattr("reports.figures.files.write_figures", full)
    with pytest.raises(OutputError, match="the disk is full"):
        write_report(made.folder, store=made.store, written=WRITTEN)


def test_the_edge_of_the_hole_is_drawn_and_nothing_else() -> None:
    heat = np.zeros((8, 8, 3), np.uint8)
    mask = np.zeros((16, 16), np.bool_)
    mask[4:12, 4:12] = True
    seen = with_edge(heat, mask)[..., 0]
    expected = np.zeros((8, 8), np.uint8)
    expected[2:6, 2:6] = 255
    expected[3:5, 3:5] = 0
    assert np.array_equal(seen, expected)
