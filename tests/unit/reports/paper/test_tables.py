"""The paper's tables with a run's numbers: positions, bold numbers, reasons for gaps."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.core.errors import DataError
from benchmark.results.run_folder import read_run
from reports.paper.entries import Line, PaperTable
from reports.paper.tables import paper_tables
from tests.unit.reports.runs import Made

LEVEL = {"safepaint": 0.5, "telea": 0.6, "meanfill": 0.5 + 1e-6, "original": 0.0}


def tables(folder: Path, number: int, **changes: object) -> tuple[PaperTable, ...]:
    made = Made(value=lambda inpainter, *_: LEVEL.get(inpainter, 0.7), **changes)  # type: ignore[arg-type]
    return paper_tables(number, read_run(made.write(folder)))


def line(table: PaperTable, name: str) -> Line:
    return next(one for one in table.lines if one.name == name)


def test_ours_the_papers_and_the_difference(tmp_path: Path) -> None:
    (table,) = tables(tmp_path / "run", 3)
    assert "ours on samples beside Places2" in table.title
    entry = line(table, "SafePaint").entries[0]
    assert entry.value == 0.5
    assert entry.paper == 0.6417
    assert entry.difference == pytest.approx(0.5 - 0.6417)
    assert line(table, "SafePaint").edition == "mini"


def test_the_best_is_by_the_printed_number_and_authentic_images_do_not_compete(
    tmp_path: Path,
) -> None:
    (table,) = tables(tmp_path / "run", 3)
    assert {one.name for one in table.lines if one.entries[0].ours_best} == {
        "SafePaint", "meanfill",
    }  # fmt: skip
    authentic = line(table, "original (false positives)")
    assert [entry.value for entry in authentic.entries[6:]] == [0.0, 0.0, 0.0]
    assert not any(entry.ours_best for entry in authentic.entries)


def test_gaps_have_their_reasons_once(tmp_path: Path) -> None:
    (table,) = tables(
        tmp_path / "run", 3, inpainters=("safepaint", "madf", "original"), absent=("madf",)
    )
    notes = "\n".join(table.notes)
    assert notes.count("no weights here") == 1
    assert "MADF: no weights here" in notes
    assert "EdgeConnect, CTSDG, AOT-GAN, Lama, FcF: not in this run" in notes
    assert "MADF, SafePaint: no f1 in this run" in notes
    assert line(table, "MADF").edition == ""


def test_one_table_per_data_set_and_post_processing(tmp_path: Path) -> None:
    found = tables(tmp_path / "run", 3, datasets=("places2", "samples"), launders=("jpeg:70",))
    assert [(table.dataset, table.launder) for table in found] == [
        ("places2", ""), ("places2", "jpeg:70"), ("samples", ""), ("samples", "jpeg:70"),
    ]  # fmt: skip
    assert "beside" not in found[0].title
    assert "after jpeg:70" in found[1].title


def test_the_title_names_another_convention(
    tmp_path: Path,
) -> None:
    metrics = ("auc_imdlbenco", "f1_imdlbenco", "acc")
    (table,) = tables(tmp_path / "run", 3, metrics=metrics, convention="imdlbenco")
    assert "AUC and F1 as imdlbenco scores them" in table.title
    assert [entry.value for entry in line(table, "telea").entries] == [0.6] * 9


def test_table_1_has_the_papers_data_sets_side_by_side(tmp_path: Path) -> None:
    own, other = tables(tmp_path / "run", 1, datasets=("celeba", "samples", "places2"))
    assert "ours on CelebA and Places2)" in own.title
    values = [entry.value for entry in line(own, "SafePaint").entries]
    assert values == [0.5, 0.5, 0.5, None, None, None, 0.5, 0.5, 0.5]
    gaps = [note for note in own.notes if note.startswith("Gaps")]
    assert [note.endswith(": not in this run.") for note in gaps] == [True, False]
    assert "Paris Street View" in gaps[0]
    assert "CelebA" not in gaps[0]
    assert gaps[1] == "Gaps (-): SafePaint, telea, meanfill: no lpips in this run."
    assert [entry.value for entry in line(other, "SafePaint").entries][3:] == [None] * 6
    assert not any("original" in one.name for one in own.lines)


def test_a_substitute_for_lpips_has_its_own_name(tmp_path: Path) -> None:
    (table,) = tables(tmp_path / "gmsd", 1, metrics=("psnr", "gmsd"))
    groups = list(dict.fromkeys(one.group for one in table.lines))
    assert groups == ["PSNR ↑", "LPIPS ↓", "GMSD ↓ (not in the paper)"]
    (table,) = tables(tmp_path / "lpips", 1, metrics=("psnr", "gmsd", "lpips"))
    assert not any("GMSD" in one.group for one in table.lines)


def test_table_5_names_the_full_model_by_its_parts(tmp_path: Path) -> None:
    (table,) = tables(tmp_path / "run", 5, inpainters=("safepaint", "safepaint-ddl", "original"))
    ours = [(one.group, one.name, one.model) for one in table.lines if one.measured and one.paints]
    assert ours == [
        ("TruFor", "Backbone+DDL", "safepaint-ddl"), ("TruFor", "Backbone+DDL+RWSA", "safepaint"),
    ]  # fmt: skip
    assert sum(not one.paints for one in table.lines) == 1  # only where its detector is in the run


def test_a_derived_score_is_marked(tmp_path: Path) -> None:
    (table,) = tables(tmp_path / "run", 4, detectors=("iidnet",))
    assert any(note.startswith("† ACC of IID-Net") for note in table.notes)
    (other,) = tables(tmp_path / "other", 3)
    assert not any("†" in note for note in other.notes)


@pytest.mark.parametrize(
    ("number", "changes", "said"),
    [
        (1, {"metrics": ("auc",)}, "Table 1, psnr, lpips at .*; it has auc at 10-20, 30-40"),
        (3, {"metrics": ("iou", "psnr")}, "Table 3, auc, f1, acc at .*; it has iou, psnr at"),
        (3, {"buckets": ("20-30",)}, "50-60 %; it has auc, acc, psnr at 20-30 %"),
    ],
    ids=["quality", "detection", "its buckets"],
)
def test_a_run_without_a_cell_of_the_table(
    tmp_path: Path, number: int, changes: dict[str, object], said: str
) -> None:
    with pytest.raises(DataError, match=said):
        tables(tmp_path / "run", number, **changes)


def test_a_run_without_the_tables_detector_is_all_gaps(tmp_path: Path) -> None:
    (table,) = tables(tmp_path / "run", 2, launders=("jpeg:70",))
    assert not any(one.measured for one in table.lines)
    assert line(table, "SafePaint").entries[0].paper == 0.5628
    assert "Gaps (-): SafePaint: no PSCC-Net in this run." in table.notes
    assert not any(note.startswith("Difference: ") for note in table.notes)


def test_a_bin_that_the_run_lacks(tmp_path: Path) -> None:
    (table,) = tables(tmp_path / "run", 3, buckets=("10-20",), metrics=("auc", "f1", "acc"))
    gaps = [note for note in table.notes if "SafePaint" in note]
    assert [note.split(": ")[-1] for note in gaps] == [
        "no 30-40 % in this run.", "no 50-60 % in this run.",
    ]  # fmt: skip
