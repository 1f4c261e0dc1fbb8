"""Statistics of a run: paired by image, rivals without gaps and variants, false positives."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.results.run_folder import read_run
from reports.findings import annotated
from reports.formats.statistics import render
from reports.paper.tables import paper_tables
from reports.statistics import Statistic, statistics_of
from tests.unit.reports.runs import Made

LEVEL = {"safepaint": 0.5, "safepaint-ddl": 0.1, "telea": 0.6, "meanfill": 0.9, "original": 0.0,
         "edgeconnect": 0.8, "madf": 0.7, "ctsdg": 0.65}  # fmt: skip


def level(inpainter: str, metric: str, bucket: str, sample: int) -> float:
    if metric == "acc":
        return float(sample < {"safepaint": 1, "telea": 4, "original": 1}.get(inpainter, 6))
    return LEVEL[inpainter] + (0.01 * sample if inpainter != "telea" else 0.0)


def statistics(folder: Path, **changes: object) -> list[Statistic]:
    made = Made(buckets=("10-20",), value=level, **changes)  # type: ignore[arg-type]
    return list(statistics_of(read_run(made.write(folder))))


def the(found: list[Statistic], name: str, metric: str, inpainter: str = "safepaint") -> Statistic:
    (one,) = (
        one for one in found if (one.name, one.metric, one.inpainter) == (name, metric, inpainter)
    )
    return one


def test_the_best_rival_and_the_largest_p(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run")
    best = the(found, "next_best", "auc")
    assert best.against == "telea"
    assert best.value == pytest.approx(0.025 - 0.1)
    assert best.low is not None
    assert best.low < best.value < best.high
    assert best.n == 6
    pairs = {one.against: one for one in found if (one.name, one.metric) == ("difference", "auc")}
    assert set(pairs) == {"telea", "meanfill"}
    assert best.p == 2 / 64  # two-sided: all six images one way, for both rivals


def test_what_is_outside_the_family_is_not_tested(tmp_path: Path) -> None:
    for one in statistics(tmp_path / "run"):
        if one.name != "next_best":
            assert (one.p, one.p_holm, one.verdict) == (None, None, "")


def test_acc_is_tested_by_mcnemar(tmp_path: Path) -> None:
    best = the(statistics(tmp_path / "run"), "next_best", "acc")
    assert best.value == pytest.approx(1 / 6 - 4 / 6)
    assert best.p == pytest.approx(2 / 8)  # of three images that differ, all one way


def test_holm_corrects_the_tests_of_one_detector(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run", detectors=("trufor", "flatness"), samples=7)
    tests = [one for one in found if one.name == "next_best"]
    assert len(tests) == 4
    assert {round(one.p_holm or 0, 6) for one in tests} == {round(2 * 2 / 128, 6), 0.25}
    assert {(one.metric, one.verdict) for one in tests} == {
        ("auc", "better"), ("acc", "no difference shown"),
    }  # fmt: skip


def test_no_test_where_5_percent_cannot_be_reached(tmp_path: Path) -> None:
    """Two metrics at 6 images: 2 tests of 2 / 64 at the least."""
    for one in (one for one in statistics(tmp_path / "six") if one.name == "next_best"):
        assert one.verdict == "not tested"
        assert one.reason == "p below 0.05 cannot be reached with 6 images and 2 tests"
    few = the(statistics(tmp_path / "five", samples=5), "next_best", "auc")
    assert (few.p, few.p_holm, few.verdict) == (None, None, "not tested")
    assert few.reason == "5 images, a test needs 6"


def test_the_table_shows_the_same_test(tmp_path: Path) -> None:
    run = read_run(Made(buckets=("10-20",), value=level, samples=7).write(tmp_path / "run"))
    found = list(statistics_of(run))
    best = the(found, "next_best", "auc")
    (table,) = paper_tables(3, run)
    notes = annotated(table, found).notes
    (note,) = (one for one in notes if one.startswith("SafePaint against its best rival, TruFor, A"
                                                      "UC"))  # fmt: skip
    assert note.endswith(f"to telea, {best.verdict} (p 0.0156, Holm 0.0313).")
    assert any("two-sided" in one for one in notes)
    text = render(found, "text")
    assert "better" in text
    assert "0.0313" in text


def test_variants_and_gaps_are_no_rivals(tmp_path: Path) -> None:
    found = statistics(
        tmp_path / "run",
        inpainters=("safepaint", "safepaint-ddl", "madf", "telea", "original"),
        absent=("madf",),
    )
    assert the(found, "next_best", "auc").against == "telea"
    names = {one.against for one in found if (one.name, one.metric) == ("difference", "auc")}
    assert names == {"safepaint-ddl", "telea"}


def test_quality_is_better_where_it_is_higher(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run")
    assert the(found, "rank", "psnr", "meanfill").value == 1
    assert the(found, "rank", "auc", "meanfill").value == 3
    assert the(found, "rank", "auc").n == 3
    apart = next(one for one in found if (one.name, one.metric) == ("difference", "psnr"))
    assert apart.detector == ""
    assert apart.value < 0  # safepaint's is lower


def test_ranks_that_tie_are_shared(tmp_path: Path) -> None:
    folder = Made(buckets=("10-20",), value=lambda *_: 0.5).write(tmp_path / "run")
    found = list(statistics_of(read_run(folder)))
    assert {one.value for one in found if one.name == "rank"} == {2.0}


def test_rank_agreement_is_over_the_papers_models(tmp_path: Path) -> None:
    models = ("safepaint", "edgeconnect", "madf", "ctsdg", "telea")
    found = statistics(tmp_path / "run", inpainters=models)
    tau = the(found, "kendall_tau_b", "auc", "")
    # TruFor at 10-20: 0.6417, 0.8737, 0.8557 and, for ctsdg, 0.8583; ours 0.5, 0.8, 0.7, 0.6
    assert (tau.value, tau.n) == (pytest.approx((5 - 1) / 6), 4)


def test_three_models_are_too_few_for_rank_agreement(tmp_path: Path) -> None:
    models = ("safepaint", "edgeconnect", "madf", "telea")
    run = read_run(Made(inpainters=models, value=level).write(tmp_path / "run"))
    found = list(statistics_of(run))
    (tau, *_) = (one for one in found if (one.name, one.metric) == ("kendall_tau_b", "auc"))
    assert (tau.value, tau.reason) == (None, "3 models, Kendall's tau needs 4")
    (table,) = paper_tables(3, run)
    assert any(
        "not computed (3 models, Kendall's tau needs 4)" in one
        for one in annotated(table, found).notes
    )
    assert "3 models, Kendall's tau needs 4" in render(found, "csv")


def test_forged_against_authentic(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run", launders=("jpeg:70",))
    plain = [one for one in found if not one.launder]
    assert the(plain, "fpr", "fpr", "original").value == pytest.approx(1 / 6)
    assert the(plain, "image_auc", "score", "meanfill").value == pytest.approx(11 / 12)
    assert the(plain, "balanced_accuracy", "score", "meanfill").value == pytest.approx(11 / 12)
    few = the(plain, "acc_at_5", "score", "meanfill")
    assert few.value is None
    assert few.reason == "6 authentic images, detection at 5 % false positives needs 20"
    rate = the(plain, "fpr", "fpr", "original")
    assert (rate.low, rate.high) == pytest.approx((0.00421, 0.64123), abs=5e-6)  # 1 of 6
    assert [one.launder for one in found if one.name == "fpr"] == ["", "jpeg:70"]


def test_twenty_authentic_images_are_enough_for_5_percent(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run", samples=20)
    at_5 = the(found, "acc_at_5", "score", "meanfill")
    assert (at_5.value, at_5.reason) == (
        6 / 20,
        "",
    )  # one false positive, and the threshold is below it
    assert at_5.low is not None
    assert at_5.low < 0.3 < at_5.high


def test_without_authentic_images_there_are_no_false_positives(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run", inpainters=("safepaint", "telea"))
    assert {one.name for one in found} == {"rank", "difference", "next_best", "kendall_tau_b"}


def test_only_the_detectors_wanted(tmp_path: Path) -> None:
    run = read_run(Made(detectors=("trufor", "flatness")).write(tmp_path / "run"))
    assert {one.detector for one in statistics_of(run, detectors={"flatness"})} == {"flatness"}
    assert {one.detector for one in statistics_of(run, detectors={""})} == {""}


def test_a_plug_in_is_compared_with_its_model_without(tmp_path: Path) -> None:
    made = Made(
        inpainters=("edgeconnect", "edgeconnect+rwsa", "telea"),
        value=lambda inpainter, metric, _, sample: (
            float(sample < (1 if "+" in inpainter else 4))
            if metric == "acc"
            else (0.4 if "+" in inpainter else 0.6)
        ),
    )
    run = read_run(made.write(tmp_path / "run"))
    pairs = [one for one in statistics_of(run) if one.name == "difference"]
    assert {(one.inpainter, one.against) for one in pairs} == {("edgeconnect+rwsa", "edgeconnect")}
    (table,) = paper_tables(6, run)
    (note,) = (one for one in annotated(table, statistics_of(run)).notes if "against" in one[:40])
    assert note == (
        "EdgeConnect+RWSA against EdgeConnect on TruFor: AUC -0.2000 [-0.2000, -0.2000]; "
        "ACC -0.5000 [-0.7732, +0.0403]."
    )


def test_findings_are_about_the_models_of_the_table(tmp_path: Path) -> None:
    made = Made(inpainters=("safepaint", "safepaint-ddl", "telea", "original"), value=level)
    run = read_run(made.write(tmp_path / "run"))
    found = {
        number: "\n".join(annotated(table, statistics_of(run)).notes)
        for number in (3, 5)
        for table in paper_tables(number, run)
    }
    assert "SafePaint against its best rival" in found[3]
    assert "telea" not in found[5]
    assert "SafePaint against Backbone+DDL on TruFor: AUC +0.4000" in found[5]
