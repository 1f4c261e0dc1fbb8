"""Reader of one run's numbers: its cells, weights and identity."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

from benchmark.core.card import Card
from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import DataError
from benchmark.metrics import METRICS, under_convention
from benchmark.results.rows import ResultRow, editions_of
from benchmark.results.run_folder import RunFolder
from benchmark.results.variants import variants_of
from benchmark.runner.resolve import ORIGINAL
from detectors import DETECTORS
from inpainters import INPAINTERS
from reports.board.image_numbers import add_samples
from reports.board.limits import refuse_impossible
from reports.board.run_numbers import QUALITY, BoardRun, Spot, Weights, short_hash

NO_SAMPLES = "samples.csv is missing, so there are no values per image"


def read_numbers(run: RunFolder, *, name: str, bundle: Path | None = None) -> BoardRun:
    """Return the numbers of a finished run.

    Args:
        run: the run.
        name: its name on the board.
        bundle: the bundle that is unpacked in its folder, which is temporary, if it is one.

    Raises:
        DataError: if one of its files is damaged.
    """
    if run.record is None:
        raise DataError(f"{run.path}: the run has not ended; finish it with 'bench run'")
    dated = bundle or run.path / "record.json"
    (metric,) = under_convention(run.plan.convention, ("auc",))
    made = BoardRun(
        id=_identity(run.path),
        name=name,
        folder=run.path,
        plan=run.plan,
        record=run.record,
        store=run.store,
        date=datetime.fromtimestamp(dated.stat().st_mtime).astimezone(),
        of_bundle=bundle is not None,
        report=bundle is None and (run.path / "index.html").is_file(),
        metric=metric,
        variants={one.name: one for one in variants_of(run.plan)},
        cards=_cards(run),
        weights=dict(_weights(run)),
    )
    _add_cells(made, run.results)
    if (run.path / "samples.csv").exists() or "samples.csv" in run.record.files:
        add_samples(made, run.each_sample())
    else:
        made.notes.append(f"{name}: {NO_SAMPLES}: shown, not ranked, and in a section of its own.")
    if run.old_intervals:
        made.notes.append(f"{name}: its intervals are of an older version.")
    return made


def _identity(folder: Path) -> str:
    """Return a hash of a run's files: equal for copies of a run only."""
    names = ("record.json", "plan.toml", "results.csv", "samples.csv")
    sums = [sha256_of(folder / name) for name in names if (folder / name).is_file()]
    return short_hash(" ".join(sums))


def _cards(run: RunFolder) -> dict[str, Card]:
    inpainters = {name: INPAINTERS.card(name) for name in (*run.plan.inpainter_names, ORIGINAL)}
    return inpainters | {name: DETECTORS.card(name) for name in run.plan.detector_names}


def _weights(run: RunFolder) -> Iterator[tuple[str, Weights]]:
    """Yield the weights of every model; of older versions only the variant is known."""
    assert run.record is not None  # noqa: S101 (the caller refuses others)
    editions: dict[str, str] = {}
    for row in run.results:
        if row.weights not in editions:
            editions.update(editions_of(row.weights))
    for name, edition in editions.items():
        saved = run.record.checkpoints.get(name)
        plugin = run.record.brought.get(name)
        parts = (saved.sha256 if saved else "", plugin.identity if plugin else "")
        yield name, Weights(edition, " ".join(filter(None, parts)) or edition)


def _add_cells(made: BoardRun, rows: Iterable[ResultRow]) -> None:
    names = {made.metric, made.null, *QUALITY, "fpr"} - {""}
    bounds = {name: METRICS.load(name).bounds for name in names}
    path = made.folder / "results.csv"
    for row in rows:
        if row.metric in bounds:
            refuse_impossible(path, row.value, bounds[row.metric], row.metric)
            for end in (row.low, row.high):
                refuse_impossible(path, end)
            spot = Spot(row.dataset, row.launder, row.bucket)
            made.cells[row.painter, row.detector, row.metric, spot] = row
            if row.sees_hole:
                made.sees_hole.add(row.painter)
