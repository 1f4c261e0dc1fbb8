"""Blocks of aligned text: labels on the left, columns of numbers, not wider than a terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from textwrap import wrap

from benchmark.results.rounding import number
from benchmark.results.rows import ResultRow

WIDTH = 80  # characters per line, also if the output is piped
GAP = "  "
DIGITS = 5  # minimum width of an interval in units of its last digit


@dataclass(frozen=True, slots=True)
class BlockLine:
    """One line of a block: its labels, and a text per bin."""

    labels: tuple[str, ...]
    texts: Mapping[str, str]


def printed_block(block: Sequence[BlockLine], width: int) -> Iterator[str]:
    """Yield the lines of a block, split into parts of bins that fit the width."""
    places = range(max(len(line.labels) for line in block))
    widths = [max(len(_label(line, place)) for line in block) for place in places]
    stacked = 0
    columns = {
        bucket: max(len(line.texts.get(bucket, "")) for line in block) for bucket in block[0].texts
    }
    widest = max(columns.values())
    if sum(widths) + len(GAP) * len(widths) + widest > width:  # a long name gets its own line
        stacked, widths = widths[0], [2, *widths[1:]]
    room = width - sum(widths) - len(GAP) * (len(widths) - 1)
    for part in _parts(columns, room):
        yield ""
        for count, line in enumerate(block):
            yield from _one(line, part, widths, stacked=bool(stacked))
            if not count:
                whole = sum(widths) + sum(part.values())
                yield "-" * (whole + len(GAP) * (len(widths) + len(part) - 1))


def _label(line: BlockLine, place: int) -> str:
    return line.labels[place] if place < len(line.labels) else ""


def _parts(columns: Mapping[str, int], room: int) -> Iterator[dict[str, int]]:
    part: dict[str, int] = {}
    for bucket, wide in columns.items():
        used = sum(part.values()) + len(GAP) * len(part)
        if part and used + len(GAP) + wide > room:
            yield part
            part = {}
        part[bucket] = wide
    yield part


def _one(
    line: BlockLine, part: Mapping[str, int], widths: Sequence[int], *, stacked: bool
) -> Iterator[str]:
    labels = [_label(line, place) for place in range(len(widths))]
    if stacked and labels[0]:
        yield labels[0]
        labels[0] = ""
    texts = [label.ljust(wide) for label, wide in zip(labels, widths, strict=True)]
    texts += [line.texts.get(bucket, "").rjust(wide) for bucket, wide in part.items()]
    yield GAP.join(texts).rstrip()


def wrapped(text: str, width: int) -> Iterable[str]:
    """Return the lines of a text, at least one; later lines are indented."""
    return wrap(text, width, subsequent_indent="  ", break_on_hyphens=False) or [""]


def interval_digits(cell: ResultRow, decimals: int) -> int:
    """Return the decimals of an interval: as many as its width makes meaningful."""
    least = (decimals + 1) // 2
    if cell.low is None or cell.high is None or cell.low == cell.high:
        return least
    apart = cell.high - cell.low
    return next((n for n in range(least, decimals) if apart >= DIGITS / 10**n), decimals)


def interval_text(cell: ResultRow, digits: int) -> str:
    """Format a cell's interval, or "" if there is none."""
    if cell.low is None or cell.high is None:
        return ""
    between = "-" if cell.low >= 0 else " to "
    return f"{number(cell.low, digits)}{between}{number(cell.high, digits)}"
