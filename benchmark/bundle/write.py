"""Write a bundle: a run's files, and the stored outputs that prove its numbers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import BadZipFile, ZipFile

from benchmark.bundle.archive import Archive, packed_size
from benchmark.bundle.cards import cards_of
from benchmark.bundle.layout import (
    CARDS,
    FORMAT,
    MANIFEST,
    NUMBERS,
    RUN,
    RUN_FILES,
    Manifest,
    Place,
    draw_seed,
    output_member,
)
from benchmark.bundle.numbers import write_numbers
from benchmark.bundle.parts import Part, in_drawn_order, parts_of, passes_on, why_no_images
from benchmark.core.errors import BenchError, DataError, OutputError
from benchmark.core.inspecting import inspecting
from benchmark.core.paths import atomic
from benchmark.masks.generator import REVISION
from benchmark.results.checksums import check_run
from benchmark.results.record import Record, read_record
from benchmark.results.run_folder import jobs_from_files, read_plan
from benchmark.results.samples import read_samples
from benchmark.results.store_location import store_of
from benchmark.runner.plan import Plan
from benchmark.store.encoding import digest_of
from benchmark.store.store import Store, file_name, is_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A bundle that was written.

    Attributes:
        path: the file.
        size: its size in bytes.
        samples: number of samples of the run.
        enclosed: number of samples whose maps are enclosed.
        notes: what was left out and why, line by line.
    """

    path: Path
    size: int
    samples: int
    enclosed: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """A finished run that is submitted.

    Attributes:
        folder: its folder.
        plan: its plan.
        record: its record.
        parts: stored outputs by sample, in drawn order.
        images: as `Manifest.images`.
        store: its store, or None if that is not here.
    """

    folder: Path
    plan: Plan
    record: Record
    parts: Mapping[Place, Part]
    images: dict[str, str]
    store: Store | None


@inspecting()
def submit(
    run: str | Path,
    out: str | Path,
    *,
    limit: int | None = None,
    images: bool = False,
    store: str | Path | None = None,
) -> Submitted:
    """Write a bundle of a finished run that `prove` can check.

    Args:
        run: folder of the run.
        out: the file to write; an existing bundle is replaced.
        limit: largest size in bytes; then samples are enclosed in an order drawn by a hash of
            plan and samples, as many as fit.
        images: whether images of a folder of your own may be passed on.
        store: the run's store, by default the recorded one.

    Returns:
        What was written.

    Raises:
        DataError: if it is no run folder, a file in it is damaged, or the run has not ended or is
            only a shard.
        OutputError: if the file cannot be written, or its size is above the limit already without
            stored outputs.
    """
    folder, path = Path(run), Path(out)
    record, plan = _read(folder)
    _refuse_replacing(path)
    place = store or store_of(folder)
    if store is not None and not is_store(store):
        raise DataError(f"{store}: is not a store")
    notes: list[str] = []
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="bench-")))
        opened = stack.enter_context(Store(place, read_only=True)) if is_store(place) else None
        why = why_no_images(plan, own=images)
        parts = parts_of(read_samples(folder / "samples.csv"), passes_on(why))
        order = in_drawn_order(parts, draw_seed(folder))
        here = _Run(
            folder=folder,
            plan=plan,
            record=record,
            parts={one: parts[one] for one in order},
            images=why,
            store=opened,
        )
        numbers = _numbers(here, scratch / NUMBERS, notes)
        draft = stack.enter_context(atomic(path, parents=True))
        with draft.open("wb") as file, Archive(file) as archive:
            enclosed = _Writer(archive, limit).write(here, numbers, notes)
    notes += [f"Images of {name} are not enclosed: {one}." for name, one in why.items() if one]
    return Submitted(
        path=path,
        size=path.stat().st_size,
        samples=len(parts),
        enclosed=enclosed,
        notes=tuple(notes),
    )


def _read(folder: Path) -> tuple[Record, Plan]:
    """Return record and plan of a finished run whose files belong together.

    Raises:
        DataError: if there is none.
    """
    record = read_record(folder)
    plan = read_plan(folder, record)
    if record is None:
        raise DataError(f"{folder}: its run has not ended; run the same command again, then submit")
    if record.shard:
        raise DataError(
            f"{folder}: shard {record.shard} of a run; merge all shards with 'bench merge', then "
            "submit the merged run"
        )
    for finding in check_run(folder):
        if not finding.where.endswith("table.md"):  # which is not enclosed
            raise DataError(finding.line)
    return record, plan


def _refuse_replacing(path: Path) -> None:
    """Refuse to replace a file that is not a bundle."""
    if path.is_dir() or (path.exists() and not _is_bundle(path)):
        raise OutputError(f"{path}: exists and is not a bundle; choose another --out")


def _is_bundle(path: Path) -> bool:
    try:
        with ZipFile(path) as archive:
            return MANIFEST in archive.namelist()
    except (BadZipFile, OSError, ValueError, NotImplementedError):
        return False


def _numbers(run: _Run, path: Path, notes: list[str]) -> Path | None:
    """Write numbers.csv, or say why only samples.csv has the numbers."""
    if run.store is None:
        place = run.record.store or "the default store"
        notes.append(f"Its store is not here ({place}): no maps, and numbers of six decimals.")
        return None
    try:
        jobs = jobs_from_files(run.folder, run.plan, run.record)
        write_numbers(path, jobs, run.store)
    except DataError as error:  # a run of an older version has no keys
        notes.append(f"No maps, and numbers of six decimals: {error}.")
        return None
    return path


class _Writer:
    """Write the members of a bundle.

    Args:
        archive: the file.
        limit: largest size in bytes, or None.
    """

    def __init__(self, archive: Archive, limit: int | None) -> None:
        self._archive = archive
        self._limit = limit

    def write(self, run: _Run, numbers: Path | None, notes: list[str]) -> int:
        """Write all members; return the number of samples whose maps are enclosed.

        Raises:
            OutputError: if the bundle is larger than the limit without any stored output.
        """
        for name in RUN_FILES:
            self._archive.add_file(f"{RUN}/{name}", run.folder / name)
        if numbers is not None:
            self._archive.add_file(NUMBERS, numbers)
        self._archive.add(CARDS, _as_json(cards_of(run.record, run.plan)))
        if self._limit is not None and self._archive.size() > self._limit:
            raise OutputError(
                f"--limit {self._limit:,} bytes: plan, record and numbers alone take "
                f"{self._archive.size():,}"
            )
        enclosed = self._add_parts(run, notes) if numbers is not None else 0
        manifest = Manifest(
            format=FORMAT,
            software=version("safepaint-bench"),
            generator=REVISION,
            limit=self._limit,
            images=run.images,
            members=dict(sorted(self._archive.sums.items())),
        )
        self._archive.put(MANIFEST, _as_json(manifest.model_dump(mode="json")))
        return enclosed

    def _add_parts(self, run: _Run, notes: list[str]) -> int:
        """Add samples in drawn order, until one does not fit or is not whole."""
        if run.store is None:
            return 0
        enclosed = 0
        for place, part in run.parts.items():
            name = f"{place[1]} at {place[2]}" if place[2] else place[1]
            try:
                outputs = dict(_outputs(run.store, part))
            except BenchError:
                notes.append(
                    f"{enclosed} of {len(run.parts)} samples are enclosed: the store lacks an "
                    f"output of {name}, the next one that is drawn; run the plan again to complete "
                    "the store."
                )
                return enclosed
            new = {one: outputs[one] for one in outputs if one not in self._archive.sums}
            if self._is_full(new):
                notes.append(
                    f"{enclosed} of {len(run.parts)} samples are enclosed, drawn by a hash of plan "
                    f"and samples: more would exceed --limit {self._limit:,} bytes."
                )
                return enclosed
            for one, content in new.items():
                self._archive.add(one, content)
            enclosed += bool(part.maps)
        return enclosed

    def _is_full(self, new: Mapping[str, bytes]) -> bool:
        """Return whether members would exceed the limit."""
        if self._limit is None:
            return False
        return self._archive.size() + sum(map(packed_size, new.values())) > self._limit


def _outputs(store: Store, part: Part) -> Iterator[tuple[str, bytes]]:
    """Yield the members of a sample: name and content.

    Raises:
        DataError: if the store lacks one, or its file is damaged.
    """
    for key, suffix in part.names:
        row = store.table.get([key]).get(key)
        content = store.files.read(file_name(key, suffix))
        if row is None or content is None:
            raise DataError(f"{key}: not in the store")
        if row.file not in (None, f"{suffix}:{digest_of(content)}"):
            raise DataError(f"{key}: damaged in the store")
        yield output_member(key, suffix), content


def _as_json(document: Any) -> bytes:  # noqa: ANN401 (any JSON value)
    return (json.dumps(document, indent=1, sort_keys=True) + "\n").encode()
