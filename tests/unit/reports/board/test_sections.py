"""What is compared: the same images, steps and metrics, whatever the weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.reports.board.made import REVISIONS, SHAS, make, views

VALUES = {"telea": 0.7, "lama": 0.6}


def test_other_inpainters_weights_and_names_share_a_section(tmp_path: Path) -> None:
    one = make(tmp_path / "one", VALUES)
    two = make(tmp_path / "two", {"meanfill": 0.9, "lama": 0.6}, shas={**SHAS, "lama": "3" * 64})
    (view,) = views(one, two)
    assert [(row.key.painter, row.weights) for row in view.rows] == [
        ("telea", "mini"),
        ("lama", "mini 11111111"),
        ("lama", "mini 33333333"),
        ("meanfill", "mini"),
    ]
    assert [row.other_weights for row in view.rows] == [False, True, True, False]
    assert "With several weights, a row for each: lama." in view.notes()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"buckets": ("30-40",)}, "mask ratios 30-40 instead of 10-20, 30-40"),
        ({"launders": ("jpeg:90",)}, "post-processing jpeg:90 instead of none"),
        ({"mask": "drawn with seed 2"}, "other images or holes"),
        ({"samples": 5}, "other images or holes"),
        ({"revisions": {**REVISIONS, "auc": "2"}}, "revision of the metric 2, 1 instead of 1, 1"),
        ({"datasets": ("samples", "celeba")}, "data sets samples, celeba instead of samples"),
        ({"convention": "tgif"}, "convention tgif instead of paper"),
    ],
)
def test_what_is_not_comparable_is_kept_apart(
    tmp_path: Path, changed: dict[str, object], said: str
) -> None:
    found = views(make(tmp_path / "one", VALUES), make(tmp_path / "two", VALUES, **changed))
    assert len(found) == 2
    assert found[0].section.title != found[1].section.title
    assert found[0].section.differences == ""
    assert said in found[1].section.differences


def test_a_detector_with_other_weights_is_another_column(tmp_path: Path) -> None:
    one = make(tmp_path / "one", VALUES)
    two = make(tmp_path / "two", VALUES, shas={**SHAS, "trufor": "4" * 64})
    (view,) = views(one, two)
    assert list(view.titles.values()) == [
        "TruFor (mini 22222222)",
        "TruFor (mini 44444444)",
    ]


def test_another_revision_of_a_quality_metric_is_another_column(tmp_path: Path) -> None:
    one = make(tmp_path / "one", VALUES)
    two = make(tmp_path / "two", VALUES, revisions={**REVISIONS, "psnr": "2"})
    (view,) = views(one, two)
    assert [(one.metric, one.revision) for one in view.qualities] == [("psnr", "1"), ("psnr", "2")]
