"""A plan's jobs, made once: every key is hashed once a run and kept in 16 bytes.

A column is the same thing done to every sample of a plan, such as "telea inpaints". Scheduling,
aggregation, the samples file and what else reads a run's answers share the columns of one
`PlanJobs`, so none of them hashes a key again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Generic, TypeVar

from benchmark.metrics import METRICS, revision_of
from benchmark.retouch import file_name
from benchmark.runner.conditions import Condition
from benchmark.runner.jobs import (
    DetectJob,
    InpaintJob,
    Job,
    MeasureJob,
    ResolvedModel,
    detect_key,
    drawn_key,
    grain_seed,
    inpaint_key,
    mask_key,
    measure_key,
    noise_seed,
    post_processed_key,
    retouched_key,
    rule_of,
)
from benchmark.runner.resolve import ResolvedPlan, detect_fingerprint, inpaint_fingerprint

BYTES = 16  # of a key
J = TypeVar("J", bound=Job)


class Keys:
    """(N,) keys, one a sample in the plan's order.

    Args:
        keys: 32 hexadecimal digits each.
    """

    def __init__(self, keys: Iterable[str]) -> None:
        self._bytes = bytes.fromhex("".join(keys))

    def __len__(self) -> int:
        return len(self._bytes) // BYTES

    def __getitem__(self, index: int) -> str:
        return self._bytes[BYTES * index : BYTES * (index + 1)].hex()

    def __iter__(self) -> Iterator[str]:
        return (self[index] for index in range(len(self)))

    def at(self, indexes: Iterable[int]) -> list[str]:
        """The keys of some samples."""
        return [self[index] for index in indexes]


@dataclass(frozen=True, slots=True)
class JobColumn(Generic[J]):
    """One job a sample.

    Attributes:
        keys: the jobs' keys.
        job: makes the job of one sample, by its place among the plan's samples.
    """

    keys: Keys
    job: Callable[[int], J]


class PlanJobs:
    """The jobs of a plan, as columns that are made when they are first asked for.

    Args:
        resolved: the resolved plan.
    """

    def __init__(self, resolved: ResolvedPlan) -> None:
        self.resolved = resolved
        self._made: dict[tuple[object, ...], Keys] = {}

    @cached_property
    def by_cell(self) -> dict[tuple[str, str], list[int]]:
        """Places of the plan's samples, by data set and bucket."""
        found: dict[tuple[str, str], list[int]] = {}
        for index, sample in enumerate(self.resolved.samples):
            found.setdefault((sample.dataset, sample.bucket), []).append(index)
        return found

    def masks(self) -> Keys:
        """Under which keys the samples' masks are stored."""
        return self._once(("mask",), lambda: (mask_key(one) for one in self.resolved.samples))

    def images(self) -> Keys:
        """Under which keys the samples' images are stored: as `original` answers them."""
        return self.inpaint_keys(self.resolved.original)

    def inpaint_keys(self, inpainter: ResolvedModel, retouch: str = "") -> Keys:
        """The keys of what one inpainter makes, with one step of retouching or "" for none."""
        make = self._retouched if retouch else self._filled
        return self._once(("fill", inpainter, retouch), lambda: make(inpainter, retouch))

    def detect_keys(
        self,
        detector: ResolvedModel,
        inpainter: ResolvedModel,
        retouch: str = "",
        launder: str = "",
    ) -> Keys:
        """The keys of what one detector says of it, after one laundering or "" for none."""
        make = self._laundered if launder else self._judged
        spot = ("judge", detector, inpainter, retouch, launder)
        return self._once(spot, lambda: make(detector, inpainter, retouch, launder))

    def measure_keys(
        self,
        metric: str,
        inpainter: ResolvedModel,
        retouch: str = "",
        detector: ResolvedModel | None = None,
        launder: str = "",
    ) -> Keys:
        """The keys of what a metric measures: of an image alone, or of what a detector says."""
        spot = ("measure", metric, inpainter, retouch, detector, launder)
        return self._once(
            spot, lambda: self._measured(metric, inpainter, retouch, detector, launder)
        )

    def seen(self, view: Condition) -> Keys:
        """The keys of what a view's detector says; the view has one."""
        if view.detector is None:
            raise ValueError(f"nobody looks at {view.painter}")
        return self.detect_keys(view.detector, view.inpainter, view.retouch, view.launder)

    def measured(self, metric: str, view: Condition) -> Keys:
        """The keys of what a metric measures of a view."""
        if METRICS.load(metric).needs == "filled":
            return self.measure_keys(metric, view.inpainter, view.retouch)
        return self.measure_keys(metric, view.inpainter, view.retouch, view.detector, view.launder)

    def fills(self, inpainter: ResolvedModel, retouch: str = "") -> JobColumn[InpaintJob]:
        """Let one inpainter inpaint every sample, with one step of retouching."""
        resolved, keys = self.resolved, self.inpaint_keys(inpainter, retouch)
        rule = rule_of(inpainter, resolved.plan.rounding)
        blind = resolved.plan.hole_blind and inpainter.card.paints

        def job(index: int) -> InpaintJob:
            sample = resolved.samples[index]
            return InpaintJob(
                inpainter, sample, resolved.plan.seed, rule, blind, keys[index], retouch
            )

        return JobColumn(keys, job)

    def judges(
        self,
        detector: ResolvedModel,
        inpainter: ResolvedModel,
        retouch: str = "",
        launder: str = "",
    ) -> JobColumn[DetectJob]:
        """Let one detector look at all that an inpainter made, after one laundering."""
        fill = self.fills(inpainter, retouch).job
        keys = self.detect_keys(detector, inpainter, retouch, launder)

        def job(index: int) -> DetectJob:
            return DetectJob(detector, fill(index), launder, keys[index])

        return JobColumn(keys, job)

    def measures(self, inpainter: ResolvedModel, retouch: str = "") -> list[JobColumn[MeasureJob]]:
        """Measure all that one inpainter made: alone, then as each detector saw it."""
        resolved = self.resolved
        names = resolved.measured_of(inpainter, retouch)
        alone = [name for name in names if METRICS.load(name).needs == "filled"]
        found = [self._measures(name, inpainter, retouch) for name in alone]
        for detector in resolved.detectors_of(inpainter, retouch):
            for launder in resolved.launders:
                found += [
                    self._measures(name, inpainter, retouch, detector, launder)
                    for name in names
                    if name not in alone
                ]
        return found

    def _measures(
        self,
        metric: str,
        inpainter: ResolvedModel,
        retouch: str,
        detector: ResolvedModel | None = None,
        launder: str = "",
    ) -> JobColumn[MeasureJob]:
        keys = self.measure_keys(metric, inpainter, retouch, detector, launder)
        fill = self.fills(inpainter, retouch).job
        judge = self.judges(detector, inpainter, retouch, launder).job if detector else None

        def job(index: int) -> MeasureJob:
            seen = judge(index) if judge else None
            return MeasureJob(metric, fill(index), seen, keys[index])

        return JobColumn(keys, job)

    def _once(self, spot: tuple[object, ...], make: Callable[[], Iterable[str]]) -> Keys:
        if spot not in self._made:
            self._made[spot] = Keys(make())
        return self._made[spot]

    def _filled(self, inpainter: ResolvedModel, _: str) -> Iterator[str]:
        resolved = self.resolved
        drawn = self._drawn() if inpainter.card.seeded else None
        rule = rule_of(inpainter, resolved.plan.rounding)
        blind = resolved.plan.hole_blind and inpainter.card.paints
        for index, sample in enumerate(resolved.samples):
            seed = drawn[index] if drawn else ""
            own = inpaint_fingerprint(resolved, inpainter, sample)
            yield inpaint_key(inpainter, sample, drawn=seed, rule=rule, blind=blind, own=own)

    def _drawn(self) -> Keys:
        """What enters the keys of inpainters that draw; they share it, as do an image's holes."""
        seed, samples = self.resolved.plan.seed, self.resolved.samples
        by_image = {one.id: one for one in samples}
        keys = cache(lambda name: drawn_key(seed, by_image[name]))
        return self._once(("drawn",), lambda: (keys(one.id) for one in samples))

    def _retouched(self, inpainter: ResolvedModel, retouch: str) -> Iterator[str]:
        seed = self.resolved.plan.seed
        for sample, key in zip(self.resolved.samples, self.inpaint_keys(inpainter), strict=True):
            yield retouched_key(key, retouch, grain_seed(seed, sample))

    def _judged(
        self, detector: ResolvedModel, inpainter: ResolvedModel, retouch: str, _: str
    ) -> Iterator[str]:
        resolved, painter = self.resolved, file_name(inpainter.name, retouch)
        fills = self.inpaint_keys(inpainter, retouch)
        for sample, key in zip(resolved.samples, fills, strict=True):
            yield detect_key(detector, key, detect_fingerprint(resolved, detector, sample, painter))

    def _laundered(
        self, detector: ResolvedModel, inpainter: ResolvedModel, retouch: str, launder: str
    ) -> Iterator[str]:
        seed, keys = self.resolved.plan.seed, self.detect_keys(detector, inpainter, retouch)
        for sample, key in zip(self.resolved.samples, keys, strict=True):
            yield post_processed_key(key, launder, noise_seed(seed, sample))

    def _measured(
        self,
        metric: str,
        inpainter: ResolvedModel,
        retouch: str,
        detector: ResolvedModel | None,
        launder: str,
    ) -> Iterator[str]:
        metric = METRICS.load(metric).of_untouched or metric
        revision = revision_of(metric)
        fills = self.inpaint_keys(inpainter, retouch)
        judges: Iterable[str] = [""] * len(fills)
        if detector is not None:
            judges = self.detect_keys(detector, inpainter, retouch, launder)
        for fill, judge in zip(fills, judges, strict=True):
            yield measure_key(metric, revision, fill, judge)
