"""A run's jobs from its files: the keys stand there, so nothing that the plan names is looked at.

Data, masks, weights and plugins need not be here, and those of a stranger's run are left alone.
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
from benchmark.runner.jobs import Chosen, SampleRef, measure_key
from benchmark.runner.plan import Plan
from benchmark.runner.planning import BYTES, Keys, PlanJobs
from benchmark.runner.resolve import UNTOUCHED, ResolvedPlan
from benchmark.runner.sources import Sources
from detectors import DETECTORS
from inpainters import INPAINTERS

_Place = tuple[str, str, str]  # data set, name and bucket of a sample


class RecordedSources(Sources):
    """In place of a plan's images and masks, which are not looked at."""

    def __init__(self) -> None:
        pass

    def load(self, sample: SampleRef) -> Sample:
        """Nothing is decoded."""
        raise DataError(f"{sample.id}: its image is not in the store")


class RecordedJobs(PlanJobs):
    """The jobs of a plan whose keys its files hold.

    Args:
        setup: the plan with its samples and models, as the files have them.
        made: the keys, by what `PlanJobs` calls them.
        revisions: of the metrics, as the record has them.
    """

    def __init__(
        self,
        setup: ResolvedPlan,
        made: Mapping[tuple[object, ...], Keys],
        revisions: Mapping[str, str],
    ) -> None:
        super().__init__(setup)
        self._made.update(made)
        self._revisions = revisions

    def _once(self, spot: tuple[object, ...], make: object) -> Keys:
        if spot not in self._made and spot[0] != "measure":
            raise DataError("the files of this run do not hold the keys of all that its plan names")
        return super()._once(spot, make)  # type: ignore[arg-type]

    def _measured(
        self, metric: str, inpainter: Chosen, retouch: str, detector: Chosen | None, launder: str
    ) -> Iterator[str]:
        metric = METRICS.load(metric).of_untouched or metric
        fills = self.fill_keys(inpainter, retouch)
        judges: Iterable[str] = [""] * len(fills)
        if detector is not None:
            judges = self.judge_keys(detector, inpainter, retouch, launder)
        revision = self._revisions.get(metric, "")
        for fill, judge in zip(fills, judges, strict=True):
            yield measure_key(metric, revision, fill, judge)


def recorded_jobs(
    plan: Plan,
    record: Record,
    rows: Iterable[SampleRow],
    pictures: Mapping[str, Sequence[str]] | None = None,
) -> RecordedJobs:
    """The jobs of a run from its plan, its record and the keys of its samples file.

    Args:
        plan: the plan.
        record: what the run says of its models, metrics and gaps.
        rows: of the samples file, with their keys.
        pictures: names in order by data set, where the rows are of several shards; else they have
            the order.

    Raises:
        DataError: if a row has no keys, is of nobody in the plan, or one is missing.
    """
    setup = _setup(plan, record)
    found = _read_keys(setup, rows)
    order = found.in_order(plan, pictures) if pictures is not None else list(found.places.values())
    if not order or len(order) != len(found.samples):
        raise DataError("its samples are not those of the record's images")
    setup = replace(setup, samples=[found.samples[at] for at in order])
    made = {spot: column.keys(order) for spot, column in found.columns.items()}
    return RecordedJobs(setup, made, record.metrics)


class _Column:
    """Keys of one column by the numbers of samples, 16 bytes each; a large run has millions."""

    def __init__(self) -> None:
        self._bytes = bytearray()

    def add(self, at: int, key: str, name: str) -> None:
        """The key of one sample."""
        if not key:
            raise DataError("of an older version, its samples have no keys")
        start, new = BYTES * at, bytes.fromhex(key)
        self._bytes.extend(bytes(max(0, start + BYTES - len(self._bytes))))
        if self._bytes[start : start + BYTES] not in (bytes(BYTES), new):
            raise DataError(f"two answers of one inpainter or detector to {name!r}")
        self._bytes[start : start + BYTES] = new

    def keys(self, order: Iterable[int]) -> Keys:
        """The keys in the order of samples."""
        parts = [bytes(self._bytes[BYTES * at : BYTES * (at + 1)]) for at in order]
        if any(part in (b"", bytes(BYTES)) for part in parts):
            raise DataError("a sample lacks some of its rows")
        return Keys(part.hex() for part in parts)


@dataclass(slots=True)
class _Read:
    """What a samples file holds: the samples, each with its number, and the columns' keys."""

    samples: list[SampleRef] = field(default_factory=list)
    places: dict[_Place, int] = field(default_factory=dict)
    columns: dict[tuple[object, ...], _Column] = field(default_factory=dict)

    def number(self, row: SampleRow) -> int:
        """The number of a row's sample."""
        place = row.dataset, row.sample, row.bucket
        if place not in self.places:
            self.places[place] = len(self.samples)
            ref = SampleRef(row.dataset, row.sample, row.bucket, row.mask, row.keys.mask)
            self.samples.append(ref)
        return self.places[place]

    def in_order(self, plan: Plan, pictures: Mapping[str, Sequence[str]]) -> list[int]:
        """The samples' numbers in the order of a whole run."""
        return [
            self.places[dataset, name, bucket]
            for dataset in plan.datasets
            for bucket in plan.buckets
            for name in pictures.get(dataset, ())
            if (dataset, name, bucket) in self.places
        ]


def _read_keys(setup: ResolvedPlan, rows: Iterable[SampleRow]) -> _Read:
    found = _Read()
    columns: dict[tuple[str, ...], list[_Column]] = {}  # of a view; making a spot's hash is slow
    for row in rows:
        view = row.inpainter, row.detector, row.retouch, row.launder
        if view not in columns:
            columns[view] = [
                found.columns.setdefault(spot, _Column()) for spot in _spots(setup, row)
            ]
        keys = row.keys
        every = (keys.mask, keys.original, keys.image, keys.heatmap)
        at = found.number(row)
        for column, key in zip(columns[view], every, strict=False):  # nobody looked: no heatmap
            column.add(at, key, row.sample)
    return found


def _spots(setup: ResolvedPlan, row: SampleRow) -> list[tuple[object, ...]]:
    """What `PlanJobs` calls the columns of a row's keys."""
    inpainters = {one.name: one for one in (*setup.inpainters, setup.original)}
    detectors = {one.name: one for one in setup.detectors}
    inpainter, detector = inpainters.get(row.inpainter), detectors.get(row.detector)
    if inpainter is None or (row.detector and detector is None):
        raise DataError(f"a row of {row.inpainter!r} and {row.detector!r}, who are not in it")
    spots: list[tuple[object, ...]] = [
        ("mask",),
        ("fill", setup.original, ""),
        ("fill", inpainter, row.retouch),
    ]
    if detector is not None:
        spots.append(("judge", detector, inpainter, row.retouch, row.launder))
    return spots


def _setup(plan: Plan, record: Record) -> ResolvedPlan:
    original = _chosen(INPAINTERS, UNTOUCHED, record)
    has_null = plan.detectors and nulls_of(plan.metrics) and _has_null(record)
    return ResolvedPlan(
        plan=plan,
        sources=RecordedSources(),
        samples=(),
        all_inpainters=tuple(_chosen(INPAINTERS, word, record) for word in plan.inpainters),
        all_detectors=tuple(_chosen(DETECTORS, word, record) for word in plan.detectors),
        gaps=dict(record.not_measured),
        original=original,
        untouched=original if has_null else None,
        met={name: frozenset(met) for name, met in record.met.items()},
    )


def _has_null(record: Record) -> bool:
    """Runs of older versions have no null."""
    return any(METRICS.load(name).null_of for name in record.metrics if name in METRICS.ours)


def _chosen(registry: Registry[Any], word: str, record: Record) -> Chosen:
    card: Card = registry.card(word)
    noted = record.checkpoints.get(card.name)
    return Chosen(
        name=card.name,
        card=card,
        weights=Weights(
            edition=noted.edition if noted else "none", sha256=noted.sha256 if noted else ""
        ),
        absent=record.absent.get(card.name, ""),
        word=word,
    )
