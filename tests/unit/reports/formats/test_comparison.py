"""Formats of a comparison: text, HTML, JSON."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.compare import compare_runs
from reports.formats.comparison import comparison_html, comparison_text, comparison_values
from tests.unit.reports.runs import Made


def two_runs(folder: Path, *, samples: int = 6, rise: float = 0.01) -> tuple[Path, Path]:
    """Two runs; the AUC of SafePaint is higher by `rise` in the second."""

    def first(inpainter: str, metric: str, bucket: str, sample: int) -> float:
        return {"safepaint": 0.5, "telea": 0.6}.get(inpainter, 0.7) + 0.05 * sample

    def second(inpainter: str, metric: str, bucket: str, sample: int) -> float:
        added = rise if (inpainter, metric) == ("safepaint", "auc") else 0.0
        return first(inpainter, metric, bucket, sample) + added

    return (
        Made(value=first, samples=samples).write(folder / "first"),
        Made(value=second, samples=samples).write(folder / "second"),
    )


def test_every_format_has_every_cell(tmp_path: Path) -> None:
    runs = two_runs(tmp_path)
    found = compare_runs(*runs)
    assert comparison_html(found).count("<tr") == 1 + len(found.changes)
    assert comparison_html(found).count('class="moved"') == 0
    cells = comparison_values(found)["cells"]
    assert isinstance(cells, list)
    assert len(cells) == len(found.changes)
    assert cells[0]["change"] == pytest.approx(0.01)
    assert comparison_text(found) == comparison_text(compare_runs(*runs))


def test_better_and_worse_rows_are_marked(tmp_path: Path) -> None:
    found = compare_runs(*two_runs(tmp_path, samples=12))
    assert comparison_html(found).count('class="moved"') == 3
    assert {one.verdict for one in found.changes if one.differs} == {"worse"}
    cells = comparison_values(found)["cells"]
    assert isinstance(cells, list)
    assert cells[0]["verdict"] == "worse"


def test_changed_weights_are_shown(tmp_path: Path) -> None:
    first, second = two_runs(tmp_path, rise=0.0)
    text = (second / "results.csv").read_text(encoding="utf-8")
    (second / "results.csv").write_text(
        text.replace("safepaint=mini", "safepaint=official"), encoding="utf-8"
    )
    assert "safepaint=mini trufor=mini -> safepaint=official trufor=mini" in (
        comparison_text(compare_runs(first, second))
    )
