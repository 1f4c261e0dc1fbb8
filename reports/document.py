"""Documents of `bench table`: tables of the paper with a run's numbers, or its statistics."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.core.errors import BadInput, DataError
from benchmark.core.inspecting import inspecting
from benchmark.results.run_folder import RunFolder, newest_run, read_run, refuse_forgeries
from reports.findings import annotated, summary_text
from reports.formats import render
from reports.formats.csv import entry_rows
from reports.formats.statistics import render as render_statistics
from reports.formats.statistics import statistic_rows
from reports.paper.entries import PaperTable
from reports.paper.layouts import NUMBERS
from reports.paper.tables import paper_table, paper_tables
from reports.statistics import Statistic, statistics_of

STATISTICS = "stats"
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """Tables of the paper, or the statistics of a run.

    Attributes:
        tables: the tables; empty for statistics.
        statistics: the statistics; empty for tables.
        run: folder of the run, or None for the paper's numbers alone.
    """

    tables: tuple[PaperTable, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    run: Path | None = None

    def text(self, style: str, *, everything: bool = True) -> str:
        """Render the document in one of the formats; ends with a line break.

        Args:
            style: one of `reports.formats.FORMATS`; for statistics "text" or "csv".
            everything: every statistic instead of a summary, if the style is "text".

        Raises:
            UnknownName: if there is no such format.
            BadInput: if statistics have no such format.
        """
        if self.tables:
            return render(self.tables, style)
        if style == "text" and not everything:
            return summary_text(self.statistics)
        return render_statistics(self.statistics, style)

    def values(self) -> dict[str, object]:
        """Return the document as plain values for JSON."""
        run = {} if self.run is None else {"run": str(self.run)}
        if not self.tables:
            return {**run, "statistics": statistic_rows(self.statistics)}
        return {
            **run,
            "tables": [
                {
                    "table": table.number,
                    "title": table.title,
                    "rows": list(entry_rows(table)),
                    "notes": list(table.notes),
                }
                for table in self.tables
            ],
        }


@inspecting()
def table_document(
    name: str,
    *,
    run: str | Path | None = None,
    store: str | Path | None = None,
    paper: bool = False,
    intervals: bool = False,
) -> Document:
    """Return tables of the paper with a run's numbers, or the run's statistics.

    Args:
        name: "1" to "6", "all" of these, or "stats".
        run: folder of the run; by default the newest below runs/.
        store: store with the outputs of an unfinished run.
        paper: show the paper's numbers alone; no run is read.
        intervals: show the 95 % intervals of our numbers in every format.

    Raises:
        BadInput: if there is no such table.
        DataError: if there is no run, it cannot be read, or it has no number of the table.
    """
    if name not in {STATISTICS, ALL} and not name.isdecimal():
        raise BadInput(f"table {name!r}: expected 1 to 6, {ALL} or {STATISTICS}")
    if paper and name == STATISTICS:
        raise BadInput("table stats: the paper has no statistics; leave out --paper")
    if paper:
        return Document(tables=tuple(paper_table(number) for number in _numbers(name)))
    if name not in {STATISTICS, ALL}:
        paper_table(int(name))  # raise for an unknown number before looking for a run
    found = read_run(run or newest_run(), store=store)
    refuse_forgeries(found, "neither the paper's tables nor statistics of inpainters are of them")
    if name == STATISTICS:
        return Document(statistics=statistics_of(found), run=found.path)
    tables = _tables(name, found)
    detectors = {entry.ours.detector for table in tables for entry in table.entries if entry.ours}
    statistics = statistics_of(found, detectors=detectors)
    shown = [replace(annotated(table, statistics), intervals=intervals) for table in tables]
    return Document(tables=tuple(shown), run=found.path)


def _numbers(name: str) -> tuple[int, ...]:
    return NUMBERS if name == ALL else (int(name),)


def _tables(name: str, run: RunFolder) -> list[PaperTable]:
    """Return the named table, or of "all" those with a number of the run; at least one."""
    tables: list[PaperTable] = []
    for number in _numbers(name):
        try:
            tables.extend(paper_tables(number, run))
        except DataError:
            if name != ALL or (number == NUMBERS[-1] and not tables):
                raise
    return tables
