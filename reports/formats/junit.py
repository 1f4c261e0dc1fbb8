"""The comparison of two runs as JUnit XML, which CI systems show as a list of tests.

A test case is a cell. It fails beyond its limit, and is skipped where nothing was checked: a metric
without a limit, or a gap. The elements and attributes are those of Jenkins' schema junit-10.xsd.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from xml.etree import ElementTree as ET

from benchmark.core.filenames import printable
from benchmark.results.rounding import GAP, number, p_text, signed, signed_span
from reports.comparison import Change, Comparison, Failure

SUITE = "bench compare"


def comparison_junit(comparison: Comparison, *, written: datetime) -> str:
    """Return a comparison as one XML document; ends with a line break.

    Args:
        comparison: the comparison.
        written: time stamp of the document.
    """
    failed = {one.change: one for one in comparison.failed}
    cases = [_case(one, failed.get(one), comparison) for one in comparison.changes]
    counts = {
        "tests": str(len(cases)),
        "failures": str(len(failed)),
        "errors": "0",
    }
    root = ET.Element("testsuites", {"name": SUITE, **counts})
    suite = ET.SubElement(
        root,
        "testsuite",
        {
            "name": SUITE,
            **counts,
            "skipped": str(sum(case.find("skipped") is not None for case in cases)),
            "time": "0",
            "timestamp": written.isoformat(timespec="seconds"),
        },
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in _properties(comparison):
        ET.SubElement(properties, "property", {"name": name, "value": printable(value)})
    suite.extend(cases)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="utf-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _properties(comparison: Comparison) -> Iterator[tuple[str, str]]:
    yield "first", str(comparison.first)
    yield "second", str(comparison.second)
    for name, limit in comparison.limits.items():
        yield f"limit of {name}", f"{limit:+g}"
    yield "tests", comparison.rule
    yield from (("note", note) for note in comparison.notes)


def _case(one: Change, failure: Failure | None, comparison: Comparison) -> ET.Element:
    group = f"{one.dataset}.{one.detector or 'images'}"
    case = ET.Element(
        "testcase",
        {"classname": printable(group), "name": printable(one.name), "time": "0"},
    )
    said = "\n".join(printable(line) for line in _numbers(one, comparison))
    if failure is not None:
        kind = "limit" if one.change is not None else "gap"
        line = printable(failure.line)
        ET.SubElement(case, "failure", {"type": kind, "message": line}).text = said
        return case
    if reason := _unchecked(one, comparison):
        ET.SubElement(case, "skipped", {"message": printable(reason)})
    ET.SubElement(case, "system-out").text = said
    return case


def _unchecked(one: Change, comparison: Comparison) -> str:
    """Return why a cell was not checked, or ""."""
    if one.change is None:
        return one.reason or "a gap in either run"
    return "" if one.metric in comparison.limits else f"no limit of {one.metric}"


def _numbers(one: Change, comparison: Comparison) -> Iterator[str]:
    limit = comparison.limits.get(one.metric)
    yield f"first: {number(one.first, one.decimals)}"
    yield f"second: {number(one.second, one.decimals)}"
    yield f"change: {signed(one.change, one.decimals)}"
    yield f"95 % interval: {signed_span(one.low, one.high, one.decimals) or GAP}"
    yield f"limit: {GAP if limit is None else f'{limit:+g}'}"
    yield f"images: {one.n or GAP}"
    yield f"p (Holm): {p_text(one.p_holm)}"
    yield f"conclusion: {one.verdict}{f' ({one.reason})' if one.reason else ''}"
    yield f"weights: {one.weights}"
    for worst in comparison.worst:
        if worst.cell == one:
            values = (number(value, one.decimals) for value in (worst.first, worst.second))
            yield f"worst image: {worst.sample}, {' -> '.join(values)}"
