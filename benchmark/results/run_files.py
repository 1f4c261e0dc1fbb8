"""Write the files of a run's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmark.core.paths import write_text
from benchmark.results.checksums import with_file_hashes
from benchmark.results.csv import write_results
from benchmark.results.file_hashes import RECORD
from benchmark.results.nulls import Distances
from benchmark.results.record import BEGUN, Record
from benchmark.results.rows import ResultRow
from benchmark.results.samples import BEGUN_SAMPLES, sample_rows, write_keys, write_samples
from benchmark.results.store_location import recorded_store
from benchmark.results.tables import shard_note, table_of
from benchmark.runner.planning import PlanJobs
from benchmark.store.store import Store


def write_begun(folder: Path, jobs: PlanJobs, record: Record, place: str | Path) -> None:
    """Write the keys and the record of a run that has begun.

    Reports of an unfinished run then need no model, metric or data set that the plan names.
    """
    document = record.model_copy(update={"store": recorded_store(place, folder)}).document()
    write_keys(folder / BEGUN_SAMPLES, jobs)
    write_text(folder / BEGUN, json.dumps(document, indent=2) + "\n")


def write_displayed(folder: Path, jobs: PlanJobs, outputs: Store) -> None:
    """Write images, masks and heatmaps of the displayed samples under readable names."""
    from benchmark.results.displayed import Images, displayed_samples
    from benchmark.results.images import write_images

    shown = displayed_samples(sample_rows(jobs, outputs), jobs.resolved.plan)
    write_images(folder, shown, outputs, Images(outputs, jobs))


def write_files(
    folder: Path,
    cells: Sequence[ResultRow],
    distances: Distances,
    document: dict[str, Any],
    jobs: PlanJobs,
    store: Store,
) -> None:
    """Write the files of a run that has ended; those of a run that has begun are removed.

    Args:
        folder: folder of the run.
        cells: all result rows, in the order of the plan.
        distances: paired tests of each AUC against its null.
        document: content of record.json, without the hashes of the other files.
        jobs: jobs of the plan.
        store: the store of outputs.

    Raises:
        OutputError: if a file cannot be written.
    """
    write_results(folder / "results.csv", cells)
    table = table_of(cells, distances)
    if shard := document["shard"]:
        table = replace(table, notes=(shard_note(str(shard)), *table.notes))
    write_text(folder / "table.md", table.markdown(), durable=True)
    write_samples(folder / "samples.csv", jobs, store)
    document = with_file_hashes(folder, document)
    write_text(folder / RECORD, json.dumps(document, indent=2) + "\n", durable=True)
    for name in (BEGUN, BEGUN_SAMPLES):
        (folder / name).unlink(missing_ok=True)
