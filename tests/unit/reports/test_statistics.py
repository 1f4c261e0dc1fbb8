"""A run's statistics: pairs are pictures, gaps and variants are no rivals, alarms stand by ACC."""

from __future__ import annotations

from pathlib import Path

import pytest

from reports.findings import annotated
from reports.folder import read_run
from reports.paper import paper_tables
from reports.statistics import Statistic, statistics_of
from tests.unit.reports.runs import Made

LEVEL = {"safepaint": 0.5, "safepaint-ddl": 0.1, "telea": 0.6, "meanfill": 0.9, "original": 0.0,
         "edgeconnect": 0.8, "madf": 0.7}  # fmt: skip


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


def test_the_next_best_and_the_largest_p(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run")
    best = the(found, "next_best", "auc")
    assert best.against == "telea"
    assert best.value == pytest.approx(0.025 - 0.1)
    assert best.low is not None
    assert best.low < best.value < best.high
    assert best.n == 6
    pairs = {one.against: one for one in found if (one.name, one.metric) == ("difference", "auc")}
    assert set(pairs) == {"telea", "meanfill"}
    assert best.p == max(one.p for one in pairs.values()) == pytest.approx(1 / 64)


def test_acc_is_tested_by_mcnemar(tmp_path: Path) -> None:
    best = the(statistics(tmp_path / "run"), "next_best", "acc")
    assert best.value == pytest.approx(1 / 6 - 4 / 6)
    assert best.p == pytest.approx(1 / 8)  # of three pictures that differ, all one way


def test_holm_corrects_the_tests_of_one_detector(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run", detectors=("trufor", "flatness"))
    tests = [one for one in found if one.name == "next_best"]
    assert len(tests) == 4
    assert {round(one.p_holm or 0, 6) for one in tests} == {round(2 / 64, 6), 1 / 8}


def test_what_is_no_rival(tmp_path: Path) -> None:
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
    assert apart.p > 0.9  # safepaint's is lower, so not better


def test_ranks_that_tie_are_shared(tmp_path: Path) -> None:
    folder = Made(buckets=("10-20",), value=lambda *_: 0.5).write(tmp_path / "run")
    found = list(statistics_of(read_run(folder)))
    assert {one.value for one in found if one.name == "rank"} == {2.0}


def test_the_papers_order_is_agreed_with_over_models_it_has(tmp_path: Path) -> None:
    models = ("safepaint", "edgeconnect", "madf", "telea")
    found = statistics(tmp_path / "run", inpainters=models)
    tau = the(found, "kendall_tau_b", "auc", "")
    assert (tau.value, tau.n) == (1.0, 3)  # TruFor at 10-20: 0.6417, 0.8737, 0.8557
    alone = statistics(tmp_path / "alone")
    assert not [one for one in alone if one.name == "kendall_tau_b"]


def test_forged_against_untouched(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run", launders=("jpeg:70",))
    plain = [one for one in found if not one.launder]
    assert the(plain, "false_alarm", "acc", "original").value == pytest.approx(1 / 6)
    assert the(plain, "image_auc", "score", "meanfill").value == pytest.approx(11 / 12)
    assert the(plain, "balanced_accuracy", "score", "meanfill").value == pytest.approx(11 / 12)
    assert the(plain, "acc_at_5", "score", "meanfill").value == 0.0  # one alarm is as high as any
    assert [one.launder for one in found if one.name == "false_alarm"] == ["", "jpeg:70"]


def test_without_untouched_pictures_there_are_no_alarms(tmp_path: Path) -> None:
    found = statistics(tmp_path / "run", inpainters=("safepaint", "telea"))
    assert {one.name for one in found} == {"rank", "difference", "next_best"}


def test_only_the_detectors_wanted(tmp_path: Path) -> None:
    run = read_run(Made(detectors=("trufor", "flatness")).write(tmp_path / "run"))
    assert {one.detector for one in statistics_of(run, detectors={"flatness"})} == {"flatness"}
    assert {one.detector for one in statistics_of(run, detectors={""})} == {""}


def test_a_plug_in_is_set_against_its_model_without(tmp_path: Path) -> None:
    made = Made(
        inpainters=("edgeconnect", "edgeconnect+rwsa", "telea"),
        value=lambda inpainter, *_: 0.4 if "+" in inpainter else 0.6,
    )
    run = read_run(made.write(tmp_path / "run"))
    pairs = [one for one in statistics_of(run) if one.name == "difference"]
    assert {(one.inpainter, one.against) for one in pairs} == {("edgeconnect+rwsa", "edgeconnect")}
    (table,) = paper_tables(6, run)
    (note,) = (one for one in annotated(table, statistics_of(run)).notes if "against" in one[:40])
    assert note == (
        "EdgeConnect+RWSA against EdgeConnect on TruFor: AUC -0.2000 [-0.2000, -0.2000], p 0.016; "
        "ACC -0.2000 [-0.2000, -0.2000], p 1."
    )


def test_findings_speak_of_the_tables_models_alone(tmp_path: Path) -> None:
    made = Made(inpainters=("safepaint", "safepaint-ddl", "telea", "original"), value=level)
    run = read_run(made.write(tmp_path / "run"))
    found = {
        number: "\n".join(annotated(table, statistics_of(run)).notes)
        for number in (3, 5)
        for table in paper_tables(number, run)
    }
    assert "SafePaint against the next best" in found[3]
    assert "telea" not in found[5]
    assert "SafePaint against Backbone+DDL on TruFor: AUC +0.4000" in found[5]
