"""What a board is made of: folders of runs, merged shards, and bundles of `bench submit`.

A run that cannot be used is left out and named; the others are shown.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from benchmark.core.errors import BenchError, DataError
from benchmark.core.filenames import printable
from benchmark.results.rows import ResultRow
from benchmark.results.run_folder import RunFolder, read_run, refuse_forgeries
from benchmark.runner.resolve import ORIGINAL
from benchmark.runner.shard import Shard
from reports.board.read_numbers import read_numbers
from reports.board.run_numbers import QUALITY, BoardRun, RowProof, strongest, weakest
from reports.opened import in_bundle

if TYPE_CHECKING:
    from benchmark.bundle import Proof


class LeftOut(NamedTuple):
    """A run that is not on the board.

    Attributes:
        run: the folder or file as given.
        reason: why, with the file and what to do.
        twice: whether it is the same as another one, which is on the board.
    """

    run: str
    reason: str
    twice: bool = False

    @property
    def line(self) -> str:
        """The reason, which names the run."""
        own = self.reason.startswith(self.run)
        return self.reason if own else f"{self.run}: {self.reason}"


class Sources(NamedTuple):
    """Runs of a board.

    Attributes:
        runs: numbers of the runs, in the order given.
        left_out: runs that cannot be used.
    """

    runs: tuple[BoardRun, ...]
    left_out: tuple[LeftOut, ...]


def read_sources(
    paths: Iterable[str | Path], open_ones: ExitStack, progress: Callable[[str], object]
) -> Sources:
    """Read runs one by one, and leave out those that cannot be used.

    Args:
        paths: folders of runs, or bundles.
        open_ones: keeps bundles open until the site is written.
        progress: called with one line per run.
    """
    found: dict[str, BoardRun] = {}
    left_out: list[LeftOut] = []
    given = [Path(path) for path in paths]
    for place, path in enumerate(given, start=1):
        progress(f"Run {place} of {len(given)}: {path}")
        try:
            made = _read(path, open_ones)
        except BenchError as error:
            # without the folders above the run: the site may be shown to others
            said = str(error).replace(f"{path.parent}{os.sep}", "")
            left_out.append(LeftOut(_name(path), said))
            continue
        if (other := found.get(made.id)) is not None:
            found[made.id], left = _kept(other, made)
            left_out.append(left)
            continue
        found[made.id] = made
    _rename(list(found.values()))
    return Sources(tuple(found.values()), tuple(left_out))


def _kept(first: BoardRun, second: BoardRun) -> tuple[BoardRun, LeftOut]:
    """Return the one of two equal runs that is shown, and what is said of the other.

    A folder has images and a report that its bundle may lack, and the bundle has marks.
    """
    kept, left = (second, first) if first.of_bundle and not second.of_bundle else (first, second)
    kept.proof = {
        name: strongest(one.proof[name] for one in (kept, left) if one.proof)
        for name in kept.proof or left.proof
    }
    marks = ", with the marks of the bundle" if left.of_bundle and not kept.of_bundle else ""
    name = _name(left.folder)
    reason = f"{name}: the same run as {kept.name!r} (equal files); shown once{marks}"
    return kept, LeftOut(name, reason, twice=True)


def _read(path: Path, open_ones: ExitStack) -> BoardRun:
    if not path.is_file():
        return _numbers(path, _usable(path, path))
    from benchmark.bundle import open_run, proof_of  # loads torch

    folder = open_ones.enter_context(open_run(path))
    try:
        run = _usable(path, folder)
        made = _numbers(path, run)
    except BenchError as error:
        raise in_bundle(error, folder, path) from None
    if (proof := proof_of(path)) is not None:
        made.proof = _proofs(path, proof, run.results, made)
    return made


def _usable(path: Path, folder: Path) -> RunFolder:
    """Read the run in a folder, and refuse one that cannot be on a board."""
    run = read_run(folder)
    if run.record is None:
        raise DataError(f"{path}: the run has not ended; finish it with 'bench run'")
    refuse_forgeries(run, "a board ranks inpainters")
    if run.record.shard and Shard.parse(run.record.shard).count > 1:
        raise DataError(
            f"{path}: shard {run.record.shard} of a run; merge all shards with 'bench merge' first"
        )
    return run


def _numbers(path: Path, run: RunFolder) -> BoardRun:
    bundle = path if path.is_file() else None
    return read_numbers(run, name=_title(path, run.title), bundle=bundle)


def _proofs(
    path: Path, proof: Proof, rows: Sequence[ResultRow], made: BoardRun
) -> dict[str, RowProof]:
    """Return how far the numbers of a bundle are proved, the weakest mark of each inpainter.

    Raises:
        DataError: if something in the bundle contradicts its numbers.
    """
    if not proof.holds:
        count, first = len(proof.mismatches), proof.mismatches[0].line
        raise DataError(
            f"{path}: its numbers contradict what it holds ({count} times, first: {first}); 'bench "
            "prove' lists all"
        )
    marks: dict[tuple[str, str], list[str]] = {}
    for row, mark in zip(rows, proof.marks, strict=True):
        marks.setdefault((row.painter, row.metric), []).append(mark.kind)
    null = marks.get((ORIGINAL, made.null), [])
    found = {}
    for name in made.variants:
        detection = weakest(marks.get((name, made.metric), []))
        quality = weakest(mark for metric in QUALITY for mark in marks.get((name, metric), []))
        found[name] = RowProof(detection and weakest([detection, *null]), quality)
    return found


def _title(path: Path, title: str) -> str:
    """Return the name of a run: that of its plan, and that of its folder if it differs."""
    own = _name(path)
    return printable(own if title in ("", own) else f"{own} ({title})")


def _name(path: Path) -> str:
    """Return the last part of a path: the rest is of this machine alone."""
    return path.absolute().name or str(path)


def _rename(runs: list[BoardRun]) -> None:
    """Number runs of equal names, so that they can be told apart."""
    for name in _twice(run.name for run in runs):
        same = [run for run in runs if run.name == name]
        for place, run in enumerate(same, start=1):
            run.name = f"{name} [{place}]"


def _twice(names: Iterable[str]) -> Iterator[str]:
    seen: dict[str, int] = {}
    for name in names:
        seen[name] = seen.get(name, 0) + 1
    return (name for name, count in seen.items() if count > 1)
