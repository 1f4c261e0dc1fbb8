"""A run's jobs from its files: the keys stand there, so nothing that the plan names is looked at.

Data, masks, weights and plugins need not be here, and those of a stranger's run are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark.core.card import Card
from benchmark.core.errors import DataError
from benchmark.core.registry import Registry
from benchmark.core.types import Sample
from benchmark.core.weights import Weights
from benchmark.metrics import METRICS, nulls_of
from benchmark.results.record import Record
from benchmark.results.rows import SampleRow
from benchmark.runner.jobs import Chosen, SampleRef, measure_key
from benchmark.runner.plan import Plan
from benchmark.runner.planning import Keys, PlanJobs
from benchmark.runner.setup import UNTOUCHED, Setup
from benchmark.runner.sources import Sources
from detectors import DETECTORS
from inpainters import INPAINTERS

_Place = tuple[str, str, str]  # data set, name and bucket of a sample


class FiledSources(Sources):
    """In place of a plan's images and masks, which are not looked at."""

    def __init__(self) -> None:
        pass

    def load(self, sample: SampleRef) -> Sample:
        """Nothing is decoded."""
        raise DataError(f"{sample.id}: its image is not in the store")


class FiledJobs(PlanJobs):
    """The jobs of a plan whose keys its files hold.

    Args:
        setup: the plan with its samples and models, as the files have them.
        made: the keys, by what `PlanJobs` calls them.
        revisions: of the metrics, as the record has them.
    """

    def __init__(
        self,
        setup: Setup,
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


def filed_jobs(
    plan: Plan, record: Record, rows: Iterable[SampleRow], order: Sequence[_Place] = ()
) -> FiledJobs:
    """The jobs of a run from its plan, its record and the keys of its samples file.

    Args:
        plan: the plan.
        record: what the run says of its models, metrics and gaps.
        rows: of the samples file, with their keys.
        order: of the samples, where the rows are of several shards; else they have it.

    Raises:
        DataError: if a row has no keys, is of nobody in the plan, or one is missing.
    """
    setup = _setup(plan, record)
    found = _read_keys(setup, rows, order)
    if order and set(found.samples) != set(order):
        raise DataError("the shards' samples are not those of one run")
    samples = [found.samples[place] for place in order] or list(found.samples.values())
    if not samples:
        raise DataError("no sample in it")
    places = [(one.dataset, one.id, one.bucket) for one in samples]
    setup = replace(setup, samples=samples)
    try:
        made = {spot: Keys(keys[place] for place in places) for spot, keys in found.columns.items()}
    except KeyError:
        raise DataError("a sample lacks some of its rows") from None
    return FiledJobs(setup, made, record.metrics)


@dataclass(slots=True)
class _Read:
    """What a samples file holds: the samples, and each column's keys by sample."""

    samples: dict[_Place, SampleRef] = field(default_factory=dict)
    columns: dict[tuple[object, ...], dict[_Place, str]] = field(default_factory=dict)

    def add(self, spot: tuple[object, ...], place: _Place, key: str) -> None:
        """One key of one column."""
        if not key:
            raise DataError("of an older version, its samples have no keys")
        if self.columns.setdefault(spot, {}).setdefault(place, key) != key:
            raise DataError(f"two answers of one inpainter or detector to {place[1]!r}")


def _read_keys(setup: Setup, rows: Iterable[SampleRow], order: Sequence[_Place]) -> _Read:
    found = _Read()
    inpainters = {one.name: one for one in (*setup.inpainters, setup.original)}
    detectors = {one.name: one for one in setup.detectors}
    known = set(order)
    for row in rows:
        place = row.dataset, row.sample, row.bucket
        inpainter, detector = inpainters.get(row.inpainter), detectors.get(row.detector)
        if (
            inpainter is None
            or (row.detector and detector is None)
            or (known and place not in known)
        ):
            raise DataError(f"a row of {row.inpainter!r} and {row.detector!r}, who are not in it")
        found.samples.setdefault(
            place, SampleRef(row.dataset, row.sample, row.bucket, row.mask, row.keys.mask)
        )
        found.add(("mask",), place, row.keys.mask)
        found.add(("fill", setup.original, ""), place, row.keys.original)
        found.add(("fill", inpainter, row.retouch), place, row.keys.image)
        if detector is not None:
            spot = ("judge", detector, inpainter, row.retouch, row.launder)
            found.add(spot, place, row.keys.heatmap)
    return found


def _setup(plan: Plan, record: Record) -> Setup:
    original = _chosen(INPAINTERS, UNTOUCHED, record)
    has_null = plan.detectors and nulls_of(plan.metrics) and _has_null(record)
    return Setup(
        plan=plan,
        sources=FiledSources(),
        samples=(),
        all_inpainters=tuple(_chosen(INPAINTERS, word, record) for word in plan.inpainters),
        all_detectors=tuple(_chosen(DETECTORS, word, record) for word in plan.detectors),
        gaps=dict(record.not_measured),
        original=original,
        untouched=original if has_null else None,
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
