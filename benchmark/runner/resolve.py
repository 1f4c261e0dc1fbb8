"""Resolve a plan: find its images, masks, models and weights, and check that they fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchmark.composite import NONE, split_treatment
from benchmark.core.errors import DataError
from benchmark.core.external.files import ExternalOptions
from benchmark.core.tiles import Tiling
from benchmark.core.training_exposure import (
    THESE_IMAGES,
    UNNAMED,
    count_trained_on,
)
from benchmark.metrics import METRICS, OF_KNOWN, OF_UNTOUCHED, nulls_of
from benchmark.postprocess import PostProcess
from benchmark.runner.forgeries import AS_PUBLISHED, PREVIEW
from benchmark.runner.forgery_sources import ForgerySources, open_sources
from benchmark.runner.jobs import ResolvedModel, SampleRef, piece_of
from benchmark.runner.keys import key_of, names_of
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan
from benchmark.runner.prompts import named_prompts, takes_prompts
from benchmark.runner.resolve_checks import refuse_names, refuse_small, refuse_unmeasurable
from benchmark.runner.resolve_models import (
    heatmap_folders,
    image_folders,
    resolve_model,
    resolve_models,
    training_exposure_of,
)
from benchmark.runner.shard import WHOLE, Shard
from benchmark.runner.sources import Sources
from detectors import DETECTORS
from inpainters import INPAINTERS

if TYPE_CHECKING:  # loads torch, which a fully cached run does not need
    from detectors.external.heatmaps import Heatmaps
    from inpainters.external.outputs import Outputs

ORIGINAL = "original"  # the inpainter that changes nothing: the null is measured on its outputs
_NO_EXTRA_NULL = ("heatmaps", "cmd")  # external detectors, which get only what the plan names
_NO_PIXELS = np.empty((0, 0, 3), np.uint8)  # for a `NamedImage` of which only the names are used


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedPlan:
    """A plan with everything that it names, checked before anything runs.

    Attributes:
        plan: the plan.
        sources: its images and masks.
        samples: every sample that belongs in a table.
        alike: names of one data set that differ only in case and punctuation, as `alike_of`
            returns them.
        failures: samples whose files cannot be read, or whose own mask cannot be used.
        all_inpainters: all inpainters of the plan, with weights or the reason why not.
        all_detectors: all detectors of the plan, likewise.
        gaps: metrics that cannot be measured here, and the reason.
        image_folders: folders of finished images among the inpainters, by name.
        heatmap_folders: folders of finished heatmaps among the detectors, by name.
        original: the inpainter that changes nothing; the samples' images are stored as its outputs,
            of forgeries small previews.
        null_inpainter: `original` if the null is measured, whether or not the plan names it; None
            if the plan has no detector, or no metric of detections.
        met: by detector, the inpainters in the training data of its weights, or None if unknown;
            never part of a key.
    """

    plan: Plan
    sources: Sources
    samples: Sequence[SampleRef]
    all_inpainters: tuple[ResolvedModel, ...]
    all_detectors: tuple[ResolvedModel, ...]
    gaps: dict[str, str]
    original: ResolvedModel
    failures: tuple[Failure, ...] = ()
    alike: frozenset[str] = frozenset()
    image_folders: Mapping[str, Outputs] = field(default_factory=dict)
    heatmap_folders: Mapping[str, Heatmaps] = field(default_factory=dict)
    null_inpainter: ResolvedModel | None = None
    met: Mapping[str, frozenset[str] | None] = field(default_factory=dict)

    @property
    def inpainters(self) -> tuple[ResolvedModel, ...]:
        """The inpainters with weights here, which run."""
        return tuple(one for one in self.all_inpainters if not one.absent)

    @property
    def detectors(self) -> tuple[ResolvedModel, ...]:
        """The detectors with weights here, which run."""
        return tuple(one for one in self.all_detectors if not one.absent)

    @property
    def models(self) -> tuple[ResolvedModel, ...]:
        """The inpainters and detectors that run."""
        return tuple(one for one in (*self.inpainters, *self.detectors) if one != AS_PUBLISHED)

    @property
    def extra_null_inpainter(self) -> ResolvedModel | None:
        """`original` if only the null needs it, without retouching; else None."""
        if self.null_inpainter is None or self.original_in_plan:
            return None
        has_null = any(not self.null_omitted_reason(one) for one in self.detectors)
        return self.null_inpainter if has_null else None

    @property
    def original_in_plan(self) -> bool:
        """Whether the plan itself has the authentic images: `original` without retouching."""
        return ORIGINAL in self.plan.inpainter_names and "" in self.retouches

    def detectors_of(self, inpainter: ResolvedModel, treatment: str) -> tuple[ResolvedModel, ...]:
        """Return the detectors that run on an inpainter's outputs, with one treatment.

        Authentic images that only the null needs are not passed to external programs, nor expected
        among finished heatmaps.
        """
        if inpainter.name != ORIGINAL or treatment or self.original_in_plan:
            return self.detectors
        return tuple(one for one in self.detectors if not self.null_omitted_reason(one))

    def null_omitted_reason(self, detector: ResolvedModel) -> str:
        """Return why a detector has no null in this run, or ""."""
        scheme = DETECTORS.find(detector.word).scheme
        if self.original_in_plan or scheme not in _NO_EXTRA_NULL:
            return ""
        return (
            f"a {scheme}: detector runs on authentic images only with {ORIGINAL} among the "
            "inpainters; without them ranks are by AUC itself"
        )

    @property
    def null_names(self) -> tuple[str, ...]:
        """The null metrics that the run measures on the authentic images."""
        return nulls_of(self.plan.metrics) if self.null_inpainter else ()

    @property
    def known_names(self) -> tuple[str, ...]:
        """The metrics of known pixels that the run measures of images that were not spliced."""
        return tuple(
            dict.fromkeys(one for each in self.plan.treatments for one in known_metrics(each))
        )

    @property
    def absent(self) -> tuple[ResolvedModel, ...]:
        """The models without weights here: their cells are gaps."""
        return tuple(one for one in (*self.all_inpainters, *self.all_detectors) if one.absent)

    @property
    def launders(self) -> tuple[str, ...]:
        """Names of the post-processing before detection: "" for none, then each of the plan."""
        return ("", *self.plan.launder_words)

    @property
    def retouches(self) -> tuple[str, ...]:
        """The changes to each hole after inpainting, "" for no change."""
        return self.plan.retouches

    def treatments_of(self, inpainter: ResolvedModel) -> tuple[str, ...]:
        """Return the treatments of an inpainter's outputs, as `Plan.treatments_of`."""
        return self.plan.treatments_of(inpainter.card)

    def tiling_of(self, detector: ResolvedModel) -> Tiling | None:
        """Return how a detector divides large images; None for whole ones, or finished heatmaps."""
        return None if detector.card.finished else self.plan.tiling

    @property
    def several(self) -> frozenset[str]:
        """What the plan has more than one of: names of finished files have to include it."""
        counts = {
            "inpainter": sum(len(self.treatments_of(one)) for one in self.all_inpainters),
            "dataset": len(self.plan.datasets),
            "bucket": len(self.plan.buckets),
        }
        return frozenset(name for name, count in counts.items() if count > 1)

    def prompt_of(self, inpainter: ResolvedModel, sample: SampleRef) -> str:
        """Return the text that an inpainter gets for a sample, or ""."""
        prompts = self.plan.prompts  # of most plans empty
        if not prompts or not takes_prompts(INPAINTERS.find(inpainter.word or inpainter.name)):
            return ""
        return prompts.get(sample.id, "")

    def terms(
        self, *, timeout: float = 0.0, logs: Path | None = None, env: tuple[str, ...] = ()
    ) -> ExternalOptions:
        """Return the options for external programs and folders; none changes an output."""
        return ExternalOptions(
            recomposite=self.plan.recomposite or bool(self.plan.composite),
            timeout=timeout,
            logs=logs,
            env=env,
            several=self.several,
            alike=self.alike,
        )

    @property
    def measured(self) -> tuple[str, ...]:
        """The plan's metrics that can be measured here."""
        return tuple(name for name in self.plan.metrics if name not in self.gaps)

    def measured_of(self, inpainter: ResolvedModel, treatment: str) -> tuple[str, ...]:
        """Return the metrics of one inpainter with one treatment.

        Those of known pixels are added where they may change; nulls for authentic images.
        """
        names = tuple(metric_of(name, inpainter, treatment) for name in self.measured)
        names += tuple(name for name in known_metrics(treatment) if name not in names)
        if inpainter.name != ORIGINAL or treatment:
            return names
        return (*(names if self.original_in_plan else ()), *self.null_names)


def resolve_plan(plan: Plan, shard: Shard | None = None) -> ResolvedPlan:
    """Find everything that a plan names.

    Args:
        plan: the plan.
        shard: share of its images, or None for all.

    Raises:
        DataError: if images or masks are missing, or no mask is in a bucket.
        WeightsError: if no inpainter, or none of the plan's detectors, has weights, or if weights
            that the plan names cannot be used.
        ExternalError: if an external model cannot be used.
        PlanError: if `hole_blind` is set for images that are finished already.
    """
    refuse_names(plan.metrics)
    refuse_unmeasurable(plan)
    sources = open_sources(plan)
    plan = plan.model_copy(update={"buckets": sources.buckets})
    samples = sources.refs(shard or WHOLE)
    failures = sources.failures(shard or WHOLE)
    if not samples and failures and not shard:
        raise DataError(f"none of the samples can be used; the first: {failures[0].reason}")
    if not samples and shard and not failures:
        raise DataError(f"--shard {shard.label}: more shards than images; take fewer")
    if not samples and not failures:
        raise DataError("no image has a mask in any of the plan's buckets")
    if plan.prompts:
        plan = with_named_prompts(plan, sources, samples)
    forged = plan.forgeries is not None
    inpainters = (AS_PUBLISHED,) if forged else resolve_models(INPAINTERS, plan.inpainters, plan)
    detectors = resolve_models(DETECTORS, plan.detectors, plan)
    refuse_small(plan, inpainters, detectors)
    for step in plan.launder:
        PostProcess.parse(step).check()
    original = PREVIEW if forged else resolve_model(INPAINTERS, ORIGINAL, plan)
    has_null = not forged and plan.detectors and nulls_of(plan.metrics)
    reasons = {name: METRICS.load(name).unavailable() for name in plan.metrics}
    return ResolvedPlan(
        plan=plan,
        sources=sources,
        samples=samples,
        failures=tuple(failures),
        alike=sources.alike,
        all_inpainters=inpainters,
        all_detectors=detectors,
        gaps={name: reason for name, reason in reasons.items() if reason},
        image_folders=image_folders(inpainters, plan),
        heatmap_folders=heatmap_folders(detectors),
        original=original,
        null_inpainter=original if has_null else None,
        met={one.name: _exposure_in(sources, one) for one in detectors},
    )


def with_named_prompts(plan: Plan, sources: Sources, samples: Iterable[SampleRef]) -> Plan:
    """Return the plan with prompts by the names of the images.

    Raises:
        PlanError: if a sample has no prompt, or a prompt has no image.
    """
    used = (one.id for one in samples)
    named = named_prompts(plan.prompts, used, sources.known_names)
    return plan.model_copy(update={"prompts": named})


def _exposure_in(sources: Sources, detector: ResolvedModel) -> frozenset[str] | None:
    """Return `training_exposure_of`, with `THESE_IMAGES` if it was trained on images of the run.

    Images are compared by their files' bytes, of a whole set whatever the shard.
    """
    known = training_exposure_of(detector)
    path = detector.weights.path
    if not isinstance(sources, ForgerySources) or path is None or path.suffix != ".safetensors":
        return known
    if not count_trained_on(path, sources.image_digests()):
        return known
    return (frozenset([UNNAMED]) if known is None else known) | {THESE_IMAGES}


def metric_of(name: str, inpainter: ResolvedModel, treatment: str) -> str:
    """Return the metric that replaces one of the plan's for an inpainter that changes nothing."""
    return name if inpainter.card.paints or treatment else OF_UNTOUCHED.get(name, name)


def known_metrics(treatment: str) -> tuple[str, ...]:
    """Return the metrics that every run has of images whose known pixels may have changed."""
    composite, _ = split_treatment(treatment)
    return OF_KNOWN if composite == NONE else ()


def inpaint_fingerprint(resolved: ResolvedPlan, inpainter: ResolvedModel, sample: SampleRef) -> str:
    """Return what determines an inpainter's output for one sample alone, or "".

    For finished images it is the file's hash, for models that use names the sample's names, for
    models that take prompts the image's prompt.
    """
    folder = resolved.image_folders.get(inpainter.name)
    if folder is not None:
        return folder.own(piece_of(sample, _NO_PIXELS), resolved.terms())
    if prompt := resolved.prompt_of(inpainter, sample):
        return key_of("prompt", prompt)
    return names_of(sample) if inpainter.card.by_name else ""


def detect_fingerprint(
    resolved: ResolvedPlan, detector: ResolvedModel, sample: SampleRef, inpainter: str
) -> str:
    """Return what determines a detector's output for one inpainted sample alone, or "".

    Args:
        resolved: the resolved plan.
        detector: the detector.
        sample: the sample.
        inpainter: the inpainter in names of files, such as "telea+grain-1.5".
    """
    folder = resolved.heatmap_folders.get(detector.name)
    if folder is not None:
        return folder.own(piece_of(sample, _NO_PIXELS, inpainter=inpainter), resolved.terms())
    return names_of(sample, inpainter) if detector.card.by_name else ""
