"""The Markdown summary of a comparison: what it has, that it fits, and hostile names."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from reports.compare import compare_runs
from reports.comparison import Failure
from reports.formats.github import MOST_FAILED, MOST_MOVED, comparison_markdown
from reports.montage import Montage
from tests.unit.reports.formats.test_comparison import two_runs
from tests.unit.reports.test_worst import change_of, comparison_of


def test_what_failed_stands_first_with_limit_and_interval(tmp_path: Path) -> None:
    text = comparison_markdown(compare_runs(*two_runs(tmp_path, samples=12), "auc:+0.005"))
    lines = text.splitlines()
    assert lines[0] == "### SafePaint Bench: 3 cells beyond a limit"
    heads = next(line for line in lines if line.startswith("| metric"))
    row = next(line for line in lines if line.startswith("| auc | `safepaint`"))
    cells = dict(zip(heads.split(" | "), row.split(" | "), strict=True))
    assert cells["change"] == "+0.0100"
    assert cells["limit"] == "+0.005"
    assert cells["95 % interval"].startswith("[")
    assert "post-processing" not in cells  # empty in every row
    assert text.index("#### Beyond a limit") < text.index("#### Worst images")
    assert text.count("| `image ") == 3


def test_without_a_failure_it_says_what_was_checked(tmp_path: Path) -> None:
    runs = two_runs(tmp_path)
    text = comparison_markdown(compare_runs(*runs, "auc:+0.02"))
    assert text.startswith("### SafePaint Bench: no cell beyond auc:+0.02\n")
    assert "#### Other changes" in text
    assert comparison_markdown(compare_runs(*runs)).startswith(
        "### SafePaint Bench: no limits were given\n"
    )


def test_it_fits_into_a_comment() -> None:
    cells = [change_of(bucket=f"{number}-{number + 1}") for number in range(60)]
    cells += [change_of(inpainter="|" * 500, bucket=f"{number}") for number in range(60)]
    failed = tuple(Failure(one, 0.01) for one in cells[:60])
    found = replace(comparison_of(), changes=tuple(cells), failed=failed)
    text = comparison_markdown(found)
    assert f"{60 - MOST_FAILED} more are in the page" in text
    assert f"{60 - MOST_MOVED} more are in the page" in text
    assert len(text) < 65_536
    hostile = replace(found, failed=tuple(Failure(one, 0.01) for one in cells[60:]))
    every = comparison_markdown(replace(hostile, changes=tuple(cells[60:])))
    assert len(every) < 30_000


def test_names_show_as_they_are() -> None:
    name = "<img src=x>|`@team` #1\n*b*\\|"
    text = comparison_markdown(comparison_of(inpainter=name, sample=name, dataset="a|b"))
    assert "<img" not in text
    assert "@team" not in text
    assert "&#60;img src&#61;x&#62;&#124;&#96;&#64;team&#96; &#35;1&#92;n" in text
    table = [line for line in text.splitlines() if line.startswith("|")]
    widths = {line.count("|") for line in table[:3]}
    assert len(widths) == 1, table[:3]


def test_montages_are_linked_from_the_file(tmp_path: Path) -> None:
    found = comparison_of()
    path = tmp_path / "worst of all" / "auc-1.png"
    montages = [Montage(image=found.worst[0], path=path, said="first run, second run.")]
    text = comparison_markdown(found, montages, beside=tmp_path)
    assert "](worst%20of%20all/auc-1.png)" in text
    assert "`a`: first run, second run." in text
    lacking = [Montage(image=found.worst[0], path=None, said="first run: not in its store.")]
    assert "![" not in comparison_markdown(found, lacking)
