"""The paper's numbers: completeness and consistency between tables."""

from __future__ import annotations

import csv

import pytest

from benchmark.results.reported import TABLES, reported_value
from tests.parity.goldens import SHARED


def rows() -> list[dict[str, str]]:
    with TABLES.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_all_369_numbers_are_there() -> None:
    assert len(rows()) == 369


@pytest.mark.skipif(not (SHARED / "paper").is_dir(), reason="needs the shared paper folder")
def test_numbers_match_the_paper() -> None:
    assert TABLES.read_text() == (SHARED / "paper" / "tables.csv").read_text()


def test_table_6_repeats_tables_2_to_4_at_30_40() -> None:
    plain = [row for row in rows() if row["table"] == "6" and "RWSA" not in row["inpainter"]]
    assert plain
    for row in plain:
        found = reported_value("places2", row["detector"], row["inpainter"], "30-40", row["metric"])
        assert found == float(row["value"])


def test_table_5_full_model_is_safepaint() -> None:
    full = [row for row in rows() if row["table"] == "5" and row["inpainter"].endswith("DDL+RWSA")]
    assert len(full) == 9
    for row in full:
        found = reported_value("places2", row["detector"], "SafePaint", "30-40", row["metric"])
        assert found == float(row["value"])


def test_other_data_sets_are_compared_with_places2() -> None:
    assert reported_value("samples", "", "SafePaint", "10-20", "psnr") == 29.00
    assert reported_value("celeba", "", "SafePaint", "10-20", "psnr") == 32.06
    assert reported_value("celeba", "", "AOT-GAN", "10-20", "ssim") is None
