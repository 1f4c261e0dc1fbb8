"""JUnit XML of a comparison, against the rules of Jenkins' schema and read back."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from xml.etree import ElementTree as ET

import pytest

from reports.compare import compare_runs
from reports.comparison import Comparison
from reports.formats.junit import comparison_junit
from tests.unit.reports.formats.test_comparison import two_runs
from tests.unit.reports.test_worst import comparison_of

# Elements with their attributes and children, of xunit-plugin's junit-10.xsd (the ones used here).
REQUIRED = {
    "testsuites": ((), ("name", "time", "tests", "failures", "errors"), ("testsuite",)),
    "testsuite": (
        ("name", "tests", "failures", "errors"),
        ("skipped", "time", "timestamp", "hostname", "id", "package", "file", "url", "group"),
        ("properties", "testcase", "system-out", "system-err"),
    ),
    "properties": ((), (), ("property",)),
    "property": (("name", "value"), (), ()),
    "testcase": (
        ("name",),
        ("time", "classname", "group"),
        ("skipped", "error", "failure", "system-out", "system-err"),
    ),
    "failure": ((), ("type", "message"), ()),
    "skipped": ((), ("type", "message"), ()),
    "system-out": ((), (), ()),
}
TIME = re.compile(r"(([0-9]{0,3},)*[0-9]{3}|[0-9]{0,3})*(\.[0-9]*)?")


def check(element: ET.Element) -> None:
    """Check an element by the rules of the schema."""
    needed, allowed, children = REQUIRED[element.tag]
    assert set(needed) <= set(element.keys()) <= {*needed, *allowed}, element.attrib
    assert {child.tag for child in element} <= set(children), element.tag
    assert TIME.fullmatch(element.get("time", "0"))
    for child in element:
        check(child)


def parsed(comparison: Comparison) -> ET.Element:
    """The document, read back and checked."""
    text = comparison_junit(comparison, written=datetime(2026, 1, 1, tzinfo=UTC))
    root = ET.fromstring(text)  # noqa: S314 (our own document)
    check(root)
    return root


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Runs with a limit that three cells pass, a limit that none does, and a metric without."""
    return compare_runs(*two_runs(tmp_path_factory.mktemp("runs")), "auc:+0.005,psnr:-1")


def test_there_is_a_case_for_every_cell(compared: Comparison) -> None:
    root = parsed(compared)
    (suite,) = root
    cases = suite.findall("testcase")
    assert len(cases) == len(compared.changes) == int(suite.get("tests", ""))
    assert len({(case.get("classname"), case.get("name")) for case in cases}) == len(cases)
    failed = [case for case in cases if case.find("failure") is not None]
    assert len(failed) == int(suite.get("failures", "")) == len(compared.failures) == 3


def test_a_failure_has_both_numbers_the_interval_and_the_limit(compared: Comparison) -> None:
    failure = parsed(compared).find(".//failure")
    assert failure is not None
    assert failure.get("message") == compared.failures[0]
    said = str(failure.text).splitlines()
    assert "first: 0.6250" in said
    assert "second: 0.6350" in said
    assert "95 % interval: [+0.0100, +0.0100]" in said
    assert "limit: +0.005" in said
    assert "worst image: image 0, 0.5000 -> 0.5100" in said


def test_what_has_no_limit_was_not_checked(compared: Comparison) -> None:
    cases = parsed(compared).findall(".//testcase")
    skipped = {
        str(case.get("name")): skip.get("message")
        for case in cases
        if (skip := case.find("skipped")) is not None
    }
    assert skipped["safepaint on trufor: acc (samples 10-20 %)"] == "no limit of acc"
    # a cell without a number in either run is left out
    assert "original on trufor: auc (samples 10-20 %)" not in {case.get("name") for case in cases}
    assert "telea: psnr (samples 10-20 %)" not in skipped


def test_names_are_no_markup_and_no_control_characters() -> None:
    name = '<b>&"]]>\x00\x1b[31m\ud800\ufffe'
    root = parsed(comparison_of(inpainter=name, sample=name))
    case = root.find(".//testcase")
    assert case is not None
    assert case.get("name", "").startswith('<b>&"]]>\\x00\\x1b[31m\\ud800\\ufffe on')
