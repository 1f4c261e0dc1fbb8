"""Two runs of forgeries: per-image values of a cell, verdicts for a detector, montages."""

from __future__ import annotations

import csv
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from benchmark.cli import app
from benchmark.core.errors import DataError
from benchmark.results.rows import ResultRow, SampleRow
from benchmark.results.run_folder import read_run
from benchmark.runner.jobs import Forgery
from reports.compare import compare_runs
from reports.forgery_pairs import CLUSTERED, for_a_detector, forgery_pair, forgery_rows
from reports.formats.comparison import comparison_heads
from reports.montage import write_montages
from reports.page.write import write_comparison
from tests.docs.world import write_forgeries
from tests.unit.reports.runs import Made

IMAGES = (  # group, subset, method, kind
    ("1", "indoor", "flat", "forged"), ("2", "indoor", "flat", "forged"),
    ("1", "indoor", "spliced", "forged"), ("3", "outdoor", "flat", "forged"),
    ("1", "indoor", "", "authentic"),
)  # fmt: skip


def _samples(values: tuple[float, ...]) -> list[SampleRow]:
    return [
        SampleRow(
            dataset="forgeries", launder="", sample=str(place), bucket="", mask="truth",
            inpainter="as-published", detector="flatness", score=0.5,
            numbers={"fpr" if kind == "authentic" else "auc": (value,)},
            forgery=Forgery(image="", group=group, subset=subset, method=method, kind=kind),  # type: ignore[arg-type]
        )
        for place, (value, (group, subset, method, kind)) in enumerate(
            zip(values, IMAGES, strict=True)
        )
    ]  # fmt: skip


def _cell(subset: str, method: str, value: float, metric: str = "auc") -> ResultRow:
    return ResultRow(
        dataset="forgeries", detector="flatness", inpainter=method, bucket=subset, metric=metric,
        value=value, n=1, expected=1, low=None, high=None, weights="flatness=none", images=1,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("subset", "method", "value", "names", "clustered"),
    [
        ("indoor", "flat", 0.25, "01", False),
        ("indoor", "all", 0.3, "012", True),
        ("all", "flat", 0.3, "013", False),
        ("all", "all", 0.325, "0123", True),
        ("outdoor", "flat", 0.4, "3", False),
    ],
)
def test_a_cell_has_the_images_of_its_subset_and_method(
    subset: str, method: str, value: float, names: str, clustered: bool
) -> None:
    sides = [
        forgery_rows(_samples(values))
        for values in ((0.2, 0.3, 0.4, 0.4, 1.0), (0.5, 0.5, 0.5, 0.5, 0.0))
    ]
    pair = forgery_pair(_cell(subset, method, value), sides)
    assert pair is not None
    assert "".join(pair.names) == names
    assert pair.clustered is clustered
    np.testing.assert_allclose(pair.before.mean(), value)
    np.testing.assert_array_equal(pair.after, 0.5)


def test_what_has_no_value_per_image_has_no_pair() -> None:
    sides = [forgery_rows(_samples((0.2, 0.3, 0.4, 0.4, 1.0)))] * 2
    authentic = forgery_pair(_cell("all", "authentic", 1.0, "fpr"), sides)
    assert authentic is not None
    assert authentic.names == ("4",)
    assert forgery_pair(_cell("all", "all", 0.3, "image_auc"), sides) is None
    assert forgery_pair(_cell("all", "all", 0.3), sides) is None  # not the mean of these images


def test_a_fall_of_auc_is_worse_for_a_detector() -> None:
    assert for_a_detector("better", "auc") == "worse"
    assert for_a_detector("worse", "acc") == "better"
    assert for_a_detector("better", "fpr") == "better"
    assert for_a_detector("not tested", "auc") == "not tested"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run of forgeries, and a copy in which every AUC is lower by 0.1."""
    folder = tmp_path_factory.mktemp("forgeries")
    write_forgeries(folder / "set")
    first, second = folder / "first", folder / "second"
    places = ["--forgeries", folder / "set", "--out", first, "--store", first / "store"]
    words = ["run", "--detector", "flatness", "--quiet", "--metrics", "auc,acc", *places]
    result = CliRunner().invoke(app, list(map(str, words)))
    assert result.exit_code == 0, result.output
    shutil.copytree(first, second, ignore=shutil.ignore_patterns("store"))
    record = json.loads((second / "record.json").read_text())
    del record["files"]
    (second / "record.json").write_text(json.dumps({**record, "store": "gone"}))
    _lower(second / "samples.csv", lambda row: "auc")
    _lower(second / "results.csv", lambda row: "value" if row["metric"] == "auc" else "")
    return first, second


def _lower(path: Path, column_of: object) -> None:
    """Lower the numbers of a column of a CSV file by 0.1."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        name = column_of(row)  # type: ignore[operator]
        if name and row[name]:
            row[name] = f"{float(row[name]) - 0.1:.6f}"
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def test_two_runs_of_one_set_are_compared(runs: tuple[Path, Path]) -> None:
    found = compare_runs(*runs, "auc:-0.05")
    assert {round(one.change.change or 0, 6) for one in found.failed} == {-0.1}
    assert found.failures[0].startswith("flat on flatness: auc (forgeries indoor) moved by -0.1000")
    whole = next(one for one in found.changes if (one.inpainter, one.bucket) == ("flat", "all"))
    assert (whole.n, whole.p, whole.low) == (6, 2 / 2**6, pytest.approx(-0.1))
    both = next(one for one in found.changes if (one.inpainter, one.bucket) == ("all", "all"))
    assert (both.verdict, both.reason) == ("not tested", CLUSTERED)
    assert {"method", "subset"} <= set(comparison_heads(found))
    assert len(found.worst) == 3


def test_what_moved_names_subset_method_and_truth(runs: tuple[Path, Path], tmp_path: Path) -> None:
    text = write_comparison(*runs, page=tmp_path / "page.html").page.read_text(encoding="utf-8")
    titles = re.findall("<h3>(.*?) <span", text)
    assert len(titles) == 12
    assert {"flat/0, indoor, flat: flatness", "spliced/5, outdoor, spliced: flatness"} <= set(
        titles
    )
    assert re.findall('class="name">(.*?)<', text)[:3] == ["image", "truth", "first: heatmap"]


def test_a_montage_says_what_is_missing(runs: tuple[Path, Path], tmp_path: Path) -> None:
    found = compare_runs(*runs, "auc:-0.05")
    montages = write_montages(found.worst, [read_run(run) for run in runs], tmp_path / "worst")
    shown = "the image with the edge of its truth, heatmap of the first run"
    assert {one.said for one in montages} == {f"{shown}, second run: its store is not here."}
    assert sorted(path.name for path in (tmp_path / "worst").iterdir()) == [
        "auc-1.png", "auc-2.png", "auc-3.png",
    ]  # fmt: skip
    gone = read_run(runs[1])
    (nothing, *_) = write_montages(found.worst, [gone, gone], tmp_path / "none")
    assert nothing.path is None
    assert not (tmp_path / "none").exists()


def test_a_run_of_forgeries_and_one_of_inpainters_are_refused(
    runs: tuple[Path, Path], tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="cannot be compared with one of inpainters"):
        compare_runs(runs[0], Made().write(tmp_path / "other"))
