"""The comparison of two runs as Markdown: the summary of a pull request or of a CI job."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import quote

from benchmark.results.rounding import GAP, number, p_text, signed, signed_span
from benchmark.results.training_exposure import MET
from reports.comparison import Change, Comparison, Failure, WorstImage
from reports.formats.markdown import code, sentence
from reports.montage import SHOWN_TEXT, Montage

MOST_FAILED = 30  # rows: the summary fits in a comment of 65,536 characters
MOST_MOVED = 15
LONGEST = 20_000  # characters of a table

Row = Mapping[str, str]


def comparison_markdown(
    comparison: Comparison,
    montages: Sequence[Montage] = (),
    *,
    beside: Path | None = None,
) -> str:
    """Return the summary of a comparison as Markdown; ends with a line break.

    Args:
        comparison: the comparison.
        montages: montages of its worst images, from `reports.montage`.
        beside: folder of the file that it is written to, for links to the montages; by default the
            current one.
    """
    return "\n".join(_lines(comparison, montages, beside or Path.cwd())) + "\n"


def _lines(comparison: Comparison, montages: Sequence[Montage], beside: Path) -> Iterator[str]:
    failed = {one.change for one in comparison.failed}
    moved = sorted(
        (one for one in comparison.changes if one.moved and one not in failed),
        key=lambda one: (not one.differs, one.verdict != "worse"),
    )
    yield from (f"### {_title(comparison)}", "")
    names = f"First: {code(str(comparison.first))}, second: {code(str(comparison.second))}."
    yield from (f"{names} {sentence(comparison.summary())}", "")
    yield from (f"- {sentence(note)}" for note in comparison.notes)
    yield from ([""] if comparison.notes else [])
    yield from _section(
        "Beyond a limit", [_failure_row(one) for one in _by_size(comparison.failed)], MOST_FAILED
    )
    yield from _worst_section(comparison.worst, montages, beside)
    yield from _section("Other changes", [_change_row(one) for one in moved], MOST_MOVED)
    yield sentence(comparison.rule)


def _title(comparison: Comparison) -> str:
    if comparison.failed:
        count = len(comparison.failed)
        return f"SafePaint Bench: {count} {'cell' if count == 1 else 'cells'} beyond a limit"
    limits = ", ".join(f"{name}:{limit:+g}" for name, limit in comparison.limits.items())
    return f"SafePaint Bench: {f'no cell beyond {limits}' if limits else 'no limits were given'}"


def _by_size(failed: Iterable[Failure]) -> list[Failure]:
    """Return failures by how many times their limit they moved, gaps first."""
    far = {
        one: abs(one.change.change) / max(abs(one.limit), 1e-9)
        for one in failed
        if one.change.change is not None
    }
    return sorted(failed, key=lambda one: -far.get(one, float("inf")))


def _failure_row(one: Failure) -> Row:
    row = _change_row(one.change)
    weights = row.pop("weights")
    return {**row, "limit": f"{one.limit:+g}", "weights": weights}


def _change_row(one: Change) -> dict[str, str]:
    return {
        **_cell(one),
        "first": number(one.first, one.decimals),
        "second": number(one.second, one.decimals),
        "change": signed(one.change, one.decimals),
        "95 % interval": signed_span(one.low, one.high, one.decimals) or GAP,
        "images": str(one.n or GAP),
        "p (Holm)": p_text(one.p_holm),
        "conclusion": one.verdict,
        "weights": code(one.weights),
    }


def _cell(one: Change) -> Row:
    return {
        "metric": one.metric if one.metric.isidentifier() else code(one.metric),
        ("method" if one.of_forgeries else "inpainter"): code(one.inpainter)
        + (MET if one.met else ""),
        "detector": code(one.detector),
        "post-processing": code(one.launder),
        "data set": code(one.dataset),
        ("subset" if one.of_forgeries else "mask, %"): code(one.bucket),
    }


def _section(title: str, rows: Sequence[Row], most: int) -> Iterator[str]:
    if not rows:
        return
    shown = list(rows[:most])
    while len(shown) > 1 and sum(len(text) for row in shown for text in row.values()) > LONGEST:
        shown.pop()
    yield from (f"#### {title}", "")
    yield from _table(shown)
    if left := len(rows) - len(shown):
        yield from ("", f"{left} more are in the page that 'bench compare' writes.")
    yield ""


def _worst_section(
    worst: Sequence[WorstImage], montages: Sequence[Montage], beside: Path
) -> Iterator[str]:
    if not worst:
        return
    yield from ("#### Worst images", "")
    yield from _table([_image_row(one) for one in worst])
    yield ""
    for one in montages:
        if one.path is not None:
            link = quote(Path(os.path.relpath(one.path, beside)).as_posix())
            yield from (f"![{SHOWN_TEXT}]({link})", "")
        said = f"{code(one.image.sample)}: {one.said}"
        yield from (said, "")


def _image_row(one: WorstImage) -> Row:
    return {
        "image": code(one.sample),
        **_cell(one.cell),
        "first": number(one.first, one.cell.decimals),
        "second": number(one.second, one.cell.decimals),
        "change": signed(one.change, one.cell.decimals),
    }


def _table(rows: Sequence[Row]) -> Iterator[str]:
    """Yield a table without the columns that are empty in all rows."""
    heads = [head for head in rows[0] if any(row[head] for row in rows)]
    yield _line(heads)
    yield _line("---" for _ in heads)
    yield from (_line(row[head] for head in heads) for row in rows)


def _line(texts: Iterable[str]) -> str:
    return "| " + " | ".join(texts) + " |"
