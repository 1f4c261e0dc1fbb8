"""Jobs of a run from its own files, which contain the keys; nothing that the plan names is read.

Data, masks, weights and plugins need not be available, and those named by a stranger's run are
never opened.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights
from benchmark.core.errors import DataError
from benchmark.core.registry import Registry
from benchmark.core.types import Sample
from benchmark.metrics import METRICS, nulls_of
from benchmark.results.record import Record
from benchmark.results.rows import SampleRow
from benchmark.runner.forgeries import AS_PUBLISHED, PREVIEW
from benchmark.runner.jobs import ResolvedModel, SampleRef
from benchmark.runner.keys import measure_key
from benchmark.runner.plan import Plan
from benchmark.runner.planning import BYTES, Keys, PlanJobs
from benchmark.runner.resolve import ORIGINAL, ResolvedPlan
from benchmark.runner.sources import Sources
from detectors import DETECTORS
from inpainters import INPAINTERS

_Place = tuple[str, str, str]  # data set, name and bin of a sample


class RecordedSources(Sources):
    """Replacement of a plan's images and masks, which are not read."""

    def __init__(self) -> None:
        pass

    def load(self, sample: SampleRef) -> Sample:
        """Raise DataError: nothing is decoded."""
        raise DataError(f"{sample.id}: its image is not in the store")


class RecordedJobs(PlanJobs):
    """Jobs of a plan whose keys are read from the run's files.

    Args:
        resolved: the plan with its samples and models, from the files.
        made: the keys, by their names in `PlanJobs`.
        revisions: revisions of the metrics, from the record.
    """

    def __init__(
        self,
        resolved: ResolvedPlan,
        made: Mapping[tuple[object, ...], Keys],
        revisions: Mapping[str, str],
    ) -> None:
        super().__init__(resolved)
        self._made.update(made)
        self._revisions = revisions

    def _once(self, spot: tuple[object, ...], make: object) -> Keys:
        if spot not in self._made and spot[0] != "measure":
            raise DataError("the files of this run lack keys for something that its plan names")
        return super()._once(spot, make)  # type: ignore[arg-type]

    def _measured(
        self,
        metric: str,
        inpainter: ResolvedModel,
        treatment: str,
        detector: ResolvedModel | None,
        launder: str,
    ) -> Iterator[str]:
        metric = METRICS.load(metric).of_untouched or metric
        fills = self.inpaint_keys(inpainter, treatment)
        heatmaps: Iterable[str] = [""] * len(fills)
        if detector is not None:
            heatmaps = self.detect_keys(detector, inpainter, treatment, launder)
        revision = self._revisions.get(metric, "")
        for fill, heatmap in zip(fills, heatmaps, strict=True):
            yield measure_key(metric, revision, fill, heatmap)


def recorded_jobs(
    plan: Plan,
    record: Record,
    rows: Iterable[SampleRow],
    pictures: Mapping[str, Sequence[str]] | None = None,
) -> RecordedJobs:
    """Return the jobs of a run from its plan, its record and the keys of its samples file.

    Args:
        plan: the plan.
        record: record of the run: models, metrics and gaps.
        rows: rows of the samples file, with keys.
        pictures: image names in order by data set, if the rows are those of several shards;
            otherwise the rows are in order.

    Raises:
        DataError: if a row has no keys, is of a model that is not in the plan, or is missing.
    """
    resolved = _resolved_plan(plan, record)
    found = _read_keys(resolved, rows)
    order = found.in_order(plan, pictures) if pictures is not None else list(found.places.values())
    if not order or len(order) != len(found.samples):
        raise DataError("its samples do not match the image names of the record")
    resolved = replace(resolved, samples=[found.samples[at] for at in order])
    made = {spot: column.keys(order) for spot, column in found.columns.items()}
    return RecordedJobs(resolved, made, record.metrics)


class _Column:
    """Keys of one column by sample index, 16 bytes each, as a large run has millions."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, at: int, key: str, name: str) -> None:
        """Add the key of one sample."""
        if not key:
            raise DataError("samples without keys (of an older version)")
        start, new = BYTES * at, bytes.fromhex(key)
        self._bytes.extend(bytes(max(0, start + BYTES - len(self._bytes))))
        if self._bytes[start : start + BYTES] not in (bytes(BYTES), new):
            raise DataError(f"two outputs of one inpainter or detector for {name!r}")
        self._bytes[start : start + BYTES] = new

    def keys(self, order: Iterable[int]) -> Keys:
        """Return the keys in the given order of sample indices."""
        parts = [bytes(self._bytes[BYTES * at : BYTES * (at + 1)]) for at in order]
        if any(part in (b"", bytes(BYTES)) for part in parts):
            raise DataError("rows of a sample are missing")
        return Keys(part.hex() for part in parts)


@dataclass(slots=True)
class _Read:
    """Content of a samples file: the samples with their indices, and the columns of keys."""

    samples: list[SampleRef] = field(default_factory=list)
    places: dict[_Place, int] = field(default_factory=dict)
    columns: dict[tuple[object, ...], _Column] = field(default_factory=dict)

    def number(self, row: SampleRow) -> int:
        """Return the index of a row's sample."""
        place = row.dataset, row.sample, row.bucket
        if place not in self.places:
            self.places[place] = len(self.samples)
            ref = SampleRef(
                row.dataset, row.sample, row.bucket, row.mask, row.keys.mask, row.forgery
            )
            self.samples.append(ref)
        return self.places[place]

    def in_order(self, plan: Plan, pictures: Mapping[str, Sequence[str]]) -> list[int]:
        """Return the sample indices in the order of an unsharded run."""
        return [
            self.places[dataset, name, bucket]
            for dataset in plan.datasets
            for bucket in plan.buckets
            for name in pictures.get(dataset, ())
            if (dataset, name, bucket) in self.places
        ]


def _read_keys(resolved: ResolvedPlan, rows: Iterable[SampleRow]) -> _Read:
    found = _Read()
    columns: dict[tuple[str, ...], list[_Column]] = {}  # per view; hashing a spot is slow
    for row in rows:
        view = row.inpainter, row.detector, row.treatment, row.launder
        if view not in columns:
            columns[view] = [
                found.columns.setdefault(spot, _Column()) for spot in _spots(resolved, row)
            ]
        keys = row.keys
        every = (keys.mask, keys.original, keys.image, keys.heatmap)
        at = found.number(row)
        for column, key in zip(columns[view], every, strict=False):  # without detector: no heatmap
            column.add(at, key, row.sample)
    return found


def _spots(resolved: ResolvedPlan, row: SampleRow) -> list[tuple[object, ...]]:
    """Return the names in `PlanJobs` of the columns of a row's keys."""
    inpainters = {one.name: one for one in (*resolved.inpainters, resolved.original)}
    detectors = {one.name: one for one in resolved.detectors}
    inpainter, detector = inpainters.get(row.inpainter), detectors.get(row.detector)
    if inpainter is None or (row.detector and detector is None):
        raise DataError(f"a row of {row.inpainter!r} and {row.detector!r}, not in its plan")
    spots: list[tuple[object, ...]] = [
        ("mask",),
        ("fill", resolved.original, ""),
        ("fill", inpainter, row.treatment),
    ]
    if detector is not None:
        spots.append(("judge", detector, inpainter, row.treatment, row.launder))
    return spots


def _resolved_plan(plan: Plan, record: Record) -> ResolvedPlan:
    forged = plan.forgeries is not None
    original = PREVIEW if forged else _chosen(INPAINTERS, ORIGINAL, record)
    inpainters = tuple(_chosen(INPAINTERS, word, record) for word in plan.inpainters)
    has_null = not forged and plan.detectors and nulls_of(plan.metrics) and _has_null(record)
    return ResolvedPlan(
        plan=plan,
        sources=RecordedSources(),
        samples=(),
        all_inpainters=(AS_PUBLISHED,) if forged else inpainters,
        all_detectors=tuple(_chosen(DETECTORS, word, record) for word in plan.detectors),
        gaps=dict(record.not_measured),
        original=original,
        null_inpainter=original if has_null else None,
        met={name: frozenset(met) for name, met in record.met.items()},
    )


def _has_null(record: Record) -> bool:
    """Return whether a run measured nulls; older versions did not."""
    return any(METRICS.load(name).null_of for name in record.metrics if name in METRICS.built_in)


def _chosen(registry: Registry[Any], word: str, record: Record) -> ResolvedModel:
    card: Card = registry.card(word)
    noted = record.checkpoints.get(card.name)
    return ResolvedModel(
        name=card.name,
        card=card,
        weights=Weights(
            edition=noted.edition if noted else "none", sha256=noted.sha256 if noted else ""
        ),
        absent=record.absent.get(card.name, ""),
        word=word,
    )
