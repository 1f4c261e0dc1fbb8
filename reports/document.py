"""What `bench table` prints: a table of the paper, or what statistics say of a run."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from benchmark.core.errors import BadInput, DataError
from benchmark.core.inspecting import inspecting
from benchmark.results.run_folder import RunFolder, newest_run, read_run
from reports.findings import annotated, summarised
from reports.formats import render
from reports.formats.csv import entry_rows
from reports.formats.statistics import render as render_statistics
from reports.formats.statistics import statistic_rows
from reports.paper.layouts import NUMBERS
from reports.paper.tables import PaperTable, paper_table, paper_tables
from reports.statistics import Statistic, statistics_of

STATISTICS = "stats"
ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One or more tables of the same number, or the statistics of a run.

    Attributes:
        tables: the tables; empty for statistics.
        statistics: the statistics; empty for tables.
        run: the folder of the run that it is of, or None for the paper's numbers alone.
    """

    tables: tuple[PaperTable, ...] = ()
    statistics: tuple[Statistic, ...] = ()
    run: Path | None = None

    def text(self, style: str, *, everything: bool = True) -> str:
        """All of it in one of the formats, ending with a line break.

        Args:
            style: a name of `reports.formats.FORMATS`; of statistics "text" or "csv".
            everything: as text, every statistic instead of a summary of them.

        Raises:
            UnknownName: if there is no such format.
            BadInput: if statistics are not written in it.
        """
        if self.tables:
            return render(self.tables, style)
        if style == "text" and not everything:
            return summarised(self.statistics)
        return render_statistics(self.statistics, style)

    def values(self) -> dict[str, object]:
        """All of it as plain values for JSON."""
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
    """A table of the paper beside a run's numbers, or the run's statistics.

    Args:
        name: "1" to "6", "all" of these, or "stats".
        run: the run's folder; by default the newest below runs/.
        store: where the answers of a run that has not ended are.
        paper: the paper's numbers alone; no run is read.
        intervals: also show the 95 % intervals of our numbers, in every format.

    Raises:
        BadInput: if there is no such table.
        DataError: if there is no run, it cannot be read, or it has nothing of the table.
    """
    if name not in {STATISTICS, ALL} and not name.isdecimal():
        raise BadInput(f"table {name!r}: expected 1 to 6, {ALL} or {STATISTICS}")
    if paper and name == STATISTICS:
        raise BadInput("table stats: the paper has no statistics; leave out --paper")
    if paper:
        return Document(tables=tuple(paper_table(number) for number in _numbers(name)))
    if name not in {STATISTICS, ALL}:
        paper_table(int(name))  # a number that does not exist is said before a run is looked for
    found = read_run(run or newest_run(), store=store)
    if name == STATISTICS:
        return Document(statistics=statistics_of(found), run=found.path)
    tables = _tables(name, found)
    judges = {entry.ours.detector for table in tables for entry in table.entries if entry.ours}
    statistics = statistics_of(found, detectors=judges)
    shown = [replace(annotated(table, statistics), intervals=intervals) for table in tables]
    return Document(tables=tuple(shown), run=found.path)


def _numbers(name: str) -> tuple[int, ...]:
    return NUMBERS if name == ALL else (int(name),)


def _tables(name: str, run: RunFolder) -> list[PaperTable]:
    """The table asked for; of all, those that the run has something of, if it is one at least."""
    tables: list[PaperTable] = []
    for number in _numbers(name):
        try:
            tables.extend(paper_tables(number, run))
        except DataError:
            if name != ALL or (number == NUMBERS[-1] and not tables):
                raise
    return tables
