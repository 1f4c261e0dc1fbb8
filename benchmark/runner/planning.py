"""The jobs of a plan, as columns: every key is hashed once per run and held in 16 bytes.

A column is one job per sample of the plan, such as "inpaint with telea". The scheduler, aggregation
and the files of a run share the columns of one `PlanJobs`, so no key is hashed twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Generic, TypeVar

from benchmark.metrics import METRICS, revision_of
from benchmark.postprocess import PostProcess
from benchmark.retouch import file_name
from benchmark.runner.conditions import Condition
from benchmark.runner.forgeries import forgery_key
from benchmark.runner.jobs import DetectJob, InpaintJob, Job, MeasureJob, ResolvedModel, rule_of
from benchmark.runner.keys import (
    detect_key,
    grain_seed,
    inpaint_key,
    mask_key,
    measure_key,
    noise_seed,
    post_processed_key,
    seed_key,
    treated_key,
)
from benchmark.runner.resolve import ResolvedPlan, detect_fingerprint, inpaint_fingerprint

BYTES = 16  # of a key
J = TypeVar("J", bound=Job)


class Keys:
    """(N,) keys, one per sample in the plan's order.

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
        """Return the keys of some samples."""
        return [self[index] for index in indexes]


@dataclass(frozen=True, slots=True)
class JobColumn(Generic[J]):
    """One job per sample.

    Attributes:
        keys: the jobs' keys.
        job: returns the job of one sample, by the sample's index in the plan.
    """

    keys: Keys
    job: Callable[[int], J]


class PlanJobs:
    """The jobs of a plan; keys are computed at first use and kept.

    Args:
        resolved: the resolved plan.
    """

    def __init__(self, resolved: ResolvedPlan) -> None:
        self.resolved = resolved
        self._made: dict[tuple[object, ...], Keys] = {}

    @cached_property
    def by_cell(self) -> dict[tuple[str, str], list[int]]:
        """Indexes of the plan's samples, by data set and bucket."""
        found: dict[tuple[str, str], list[int]] = {}
        for index, sample in enumerate(self.resolved.samples):
            found.setdefault((sample.dataset, sample.bucket), []).append(index)
        return found

    def mask_keys(self) -> Keys:
        """Return the keys of the samples' masks."""
        return self._once(("mask",), lambda: (mask_key(one) for one in self.resolved.samples))

    def image_keys(self) -> Keys:
        """Return the keys of the samples' images: those of the outputs of `original`."""
        return self.inpaint_keys(self.resolved.original)

    def inpaint_keys(self, inpainter: ResolvedModel, treatment: str = "") -> Keys:
        """Return the keys of one inpainter's outputs, with one treatment or ""."""
        make = self._treated if treatment else self._inpainted
        return self._once(("fill", inpainter, treatment), lambda: make(inpainter, treatment))

    def detect_keys(
        self,
        detector: ResolvedModel,
        inpainter: ResolvedModel,
        treatment: str = "",
        launder: str = "",
    ) -> Keys:
        """Return the keys of one detector's outputs on them, with one post-processing or ""."""
        make = self._post_processed if launder else self._detected
        spot = ("judge", detector, inpainter, treatment, launder)
        return self._once(spot, lambda: make(detector, inpainter, treatment, launder))

    def measure_keys(
        self,
        metric: str,
        inpainter: ResolvedModel,
        treatment: str = "",
        detector: ResolvedModel | None = None,
        launder: str = "",
    ) -> Keys:
        """Return the keys of one metric's values: of images, or with a detector of detections."""
        spot = ("measure", metric, inpainter, treatment, detector, launder)
        return self._once(
            spot, lambda: self._measured(metric, inpainter, treatment, detector, launder)
        )

    def detect_keys_of(self, condition: Condition) -> Keys:
        """Return the keys of a condition's detections.

        Raises:
            ValueError: if the condition has no detector.
        """
        one = condition
        if one.detector is None:
            raise ValueError(f"{one.inpainter_label}: expected a condition with a detector")
        return self.detect_keys(one.detector, one.inpainter, one.treatment, one.launder)

    def measure_keys_of(self, metric: str, condition: Condition) -> Keys:
        """Return the keys of a metric's values for a condition."""
        one = condition
        if METRICS.load(metric).needs == "filled":
            return self.measure_keys(metric, one.inpainter, one.treatment)
        return self.measure_keys(metric, one.inpainter, one.treatment, one.detector, one.launder)

    def inpaint_jobs(self, inpainter: ResolvedModel, treatment: str = "") -> JobColumn[InpaintJob]:
        """Return the jobs of inpainting every sample with one inpainter and one treatment."""
        resolved, keys = self.resolved, self.inpaint_keys(inpainter, treatment)
        rule = rule_of(inpainter, resolved.plan.rounding)
        blind = resolved.plan.hole_blind and inpainter.card.paints

        def job(index: int) -> InpaintJob:
            sample = resolved.samples[index]
            prompt = resolved.prompt_of(inpainter, sample)
            return InpaintJob(
                inpainter, sample, resolved.plan.seed, rule, blind, keys[index], treatment, prompt
            )

        return JobColumn(keys, job)

    def detect_jobs(
        self,
        detector: ResolvedModel,
        inpainter: ResolvedModel,
        treatment: str = "",
        launder: str = "",
    ) -> JobColumn[DetectJob]:
        """Return the jobs of one detector on an inpainter's outputs, after one post-processing."""
        inpaint = self.inpaint_jobs(inpainter, treatment).job
        keys = self.detect_keys(detector, inpainter, treatment, launder)
        tiling = self.resolved.tiling_of(detector)
        word = self.resolved.plan.launder_words.get(launder, launder)
        word = word if word != launder else ""

        def job(index: int) -> DetectJob:
            return DetectJob(detector, inpaint(index), launder, keys[index], word, tiling)

        return JobColumn(keys, job)

    def measure_jobs(
        self, inpainter: ResolvedModel, treatment: str = "", *, truth: bool = True
    ) -> list[JobColumn[MeasureJob]]:
        """Return the measurements of an inpainter's outputs: of images, then of detections.

        Args:
            inpainter: the inpainter.
            treatment: one treatment, or "".
            truth: whether metrics that read the truth are among them.
        """
        resolved = self.resolved
        names = resolved.measured_of(inpainter, treatment)
        names = tuple(one for one in names if truth or not METRICS.load(one).reads_truth)
        alone = [name for name in names if METRICS.load(name).needs == "filled"]
        found = [self._measures(name, inpainter, treatment) for name in alone]
        for detector in resolved.detectors_of(inpainter, treatment):
            for launder in resolved.launders:
                found += [
                    self._measures(name, inpainter, treatment, detector, launder)
                    for name in names
                    if name not in alone
                ]
        return found

    def _measures(
        self,
        metric: str,
        inpainter: ResolvedModel,
        treatment: str,
        detector: ResolvedModel | None = None,
        launder: str = "",
    ) -> JobColumn[MeasureJob]:
        keys = self.measure_keys(metric, inpainter, treatment, detector, launder)
        inpaint = self.inpaint_jobs(inpainter, treatment).job
        detect = self.detect_jobs(detector, inpainter, treatment, launder).job if detector else None

        def job(index: int) -> MeasureJob:
            detect_job = detect(index) if detect else None
            return MeasureJob(metric, inpaint(index), detect_job, keys[index])

        return JobColumn(keys, job)

    def _once(self, spot: tuple[object, ...], make: Callable[[], Iterable[str]]) -> Keys:
        if spot not in self._made:
            self._made[spot] = Keys(make())
        return self._made[spot]

    def _inpainted(self, inpainter: ResolvedModel, _: str) -> Iterator[str]:
        resolved = self.resolved
        seeds = self._seed_keys() if inpainter.card.seeded else None
        rule = rule_of(inpainter, resolved.plan.rounding)
        blind = resolved.plan.hole_blind and inpainter.card.paints
        for index, sample in enumerate(resolved.samples):
            if sample.forgery is not None:
                yield forgery_key(inpainter, sample)
                continue
            seed = seeds[index] if seeds else ""
            own = inpaint_fingerprint(resolved, inpainter, sample)
            yield inpaint_key(inpainter, sample, seed=seed, rule=rule, blind=blind, fingerprint=own)

    def _seed_keys(self) -> Keys:
        """Return the seeds' part of keys, which all models and all masks of an image share."""
        seed, samples = self.resolved.plan.seed, self.resolved.samples
        by_image = {one.id: one for one in samples}
        keys = cache(lambda name: seed_key(seed, by_image[name]))
        return self._once(("seed",), lambda: (keys(one.id) for one in samples))

    def _treated(self, inpainter: ResolvedModel, treatment: str) -> Iterator[str]:
        seed = self.resolved.plan.seed
        for sample, key in zip(self.resolved.samples, self.inpaint_keys(inpainter), strict=True):
            yield treated_key(key, treatment, grain_seed(seed, sample))

    def _detected(
        self, detector: ResolvedModel, inpainter: ResolvedModel, treatment: str, _: str
    ) -> Iterator[str]:
        resolved, name = self.resolved, file_name(inpainter.name, treatment)
        images = self.inpaint_keys(inpainter, treatment)
        for sample, key in zip(resolved.samples, images, strict=True):
            pixels = sample.forgery.image if sample.forgery else key
            own = detect_fingerprint(resolved, detector, sample, name)
            yield detect_key(detector, pixels, own, resolved.tiling_of(detector))

    def _post_processed(
        self, detector: ResolvedModel, inpainter: ResolvedModel, treatment: str, launder: str
    ) -> Iterator[str]:
        plan, keys = self.resolved.plan, self.detect_keys(detector, inpainter, treatment)
        step = PostProcess.parse(plan.launder_words[launder])
        own = step.key  # once: it may be the hash of a file
        for sample, key in zip(self.resolved.samples, keys, strict=True):
            yield post_processed_key(
                key, own, noise_seed(plan.seed, sample) if step.is_random else None
            )

    def _measured(
        self,
        metric: str,
        inpainter: ResolvedModel,
        treatment: str,
        detector: ResolvedModel | None,
        launder: str,
    ) -> Iterator[str]:
        metric = METRICS.load(metric).of_untouched or metric
        revision = revision_of(metric)
        images = self.inpaint_keys(inpainter, treatment)
        detections: Iterable[str] = [""] * len(images)
        if detector is not None:
            detections = self.detect_keys(detector, inpainter, treatment, launder)
        for image, detection in zip(images, detections, strict=True):
            yield measure_key(metric, revision, image, detection)
