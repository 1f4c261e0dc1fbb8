"""Resolve a plan: find its images, masks, models and weights, and check that they fit together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from benchmark.composite import NONE, split_treatment
from benchmark.core.checkpoints.resolve import Weights, find_weights
from benchmark.core.errors import DataError, MissingWeights, PlanError
from benchmark.core.external.files import ExternalOptions
from benchmark.core.registry import Registry
from benchmark.core.tiles import Tiling
from benchmark.core.training_exposure import training_inpainters
from benchmark.metrics import METRICS, OF_KNOWN, OF_UNTOUCHED, nulls_of
from benchmark.postprocess import PostProcess
from benchmark.runner.forgeries import AS_PUBLISHED, PREVIEW
from benchmark.runner.forgery_sources import open_sources
from benchmark.runner.jobs import ResolvedModel, SampleRef, names_of, piece_of
from benchmark.runner.outcome import Failure
from benchmark.runner.plan import Plan
from benchmark.runner.shard import WHOLE, Shard
from benchmark.runner.sources import Sources
from detectors import DETECTORS, create_detector
from inpainters import INPAINTERS, create_inpainter

if TYPE_CHECKING:  # loads torch, which a fully cached run does not need
    from detectors.external.heatmaps import Heatmaps
    from inpainters.external.outputs import Outputs

COLUMNS = (  # of samples.csv, before those of the metrics
    "dataset", "launder", "sample", "mask_ratio_percent", "mask", "inpainter", "retouch",
    "detector", "score", "original_key", "mask_key", "image_key", "heatmap_key", "composite",
)  # fmt: skip
FORGERY_COLUMNS = ("subset", "method", "group", "kind")  # in a run of forgeries
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
    _refuse_names(plan.metrics)
    _refuse_unmeasurable(plan)
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
    forged = plan.forgeries is not None
    inpainters = (AS_PUBLISHED,) if forged else resolve_models(INPAINTERS, plan.inpainters, plan)
    detectors = resolve_models(DETECTORS, plan.detectors, plan)
    _refuse_small(plan, inpainters, detectors)
    for step in plan.launder:
        PostProcess.parse(step).check()
    original = PREVIEW if forged else _resolve_model(INPAINTERS, ORIGINAL, plan)
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
        image_folders=_image_folders(inpainters, plan),
        heatmap_folders=_heatmap_folders(detectors),
        original=original,
        null_inpainter=original if has_null else None,
        met={one.name: training_exposure_of(one) for one in detectors},
    )


def training_exposure_of(detector: ResolvedModel) -> frozenset[str] | None:
    """Return the inpainters whose forgeries a detector was trained on; None if unknown.

    A detector without weights was trained on none. It is unknown for official weights and external
    detectors.
    """
    if detector.source or detector.absent:
        return None
    if detector.card.weightless:
        return frozenset()
    path = detector.weights.path
    return training_inpainters(path) if path is not None and path.suffix == ".safetensors" else None


def metric_of(name: str, inpainter: ResolvedModel, treatment: str) -> str:
    """Return the metric that replaces one of the plan's for an inpainter that changes nothing."""
    return name if inpainter.card.paints or treatment else OF_UNTOUCHED.get(name, name)


def known_metrics(treatment: str) -> tuple[str, ...]:
    """Return the metrics that every run has of images whose known pixels may have changed."""
    composite, _ = split_treatment(treatment)
    return OF_KNOWN if composite == NONE else ()


def _refuse_unmeasurable(plan: Plan) -> None:
    """Refuse a plan all of whose metrics need a detector, and that has none."""
    if not plan.detectors and all(METRICS.load(name).needs == "verdict" for name in plan.metrics):
        raise PlanError(
            f"no detector is named, which {', '.join(plan.metrics)} would need; name one, or take "
            "a metric of image quality such as psnr"
        )


def _refuse_names(metrics: Iterable[str]) -> None:
    """Refuse metrics whose columns in samples.csv could be confused with others."""
    for name in metrics:
        if "." in name or name in (*COLUMNS, *FORGERY_COLUMNS):
            raise PlanError(
                f"metric {name!r}: expected a name without a dot that is none of samples.csv's "
                f"columns ({', '.join((*COLUMNS, *FORGERY_COLUMNS))}); rename the plugin's entry "
                "point"
            )


def _refuse_small(
    plan: Plan, inpainters: Iterable[ResolvedModel], detectors: Iterable[ResolvedModel]
) -> None:
    """Refuse a size, or a tile, that is too small for a model."""
    if plan.size == "native":
        for one in detectors:
            if plan.tile is not None and plan.tile < one.card.min_side:
                raise PlanError(
                    f"--tile {plan.tile}: {one.name} takes images of at least {one.card.min_side} "
                    "pixels a side; use a larger --tile or leave it out"
                )
        return
    side = plan.size
    for one in inpainters:
        if side < one.card.min_side:
            raise PlanError(
                f"--size {side}: {one.name} takes images of at least {one.card.min_side} pixels a "
                "side; use a larger --size or leave it out"
            )
    for one in detectors:
        for name, word in {"": "", **plan.launder_words}.items():
            left = PostProcess.parse(word).size(side, side)[0] if word else side
            if left < one.card.min_side:
                after = f"--launder {name}: {left} of " if name else ""
                raise PlanError(
                    f"{after}--size {side}: {one.name} takes images of at least "
                    f"{one.card.min_side} pixels a side; leave one of them out"
                )


def inpaint_fingerprint(resolved: ResolvedPlan, inpainter: ResolvedModel, sample: SampleRef) -> str:
    """Return what determines an inpainter's output for one sample alone, or "".

    For finished images it is the file's hash, for models that use names the sample's names.
    """
    folder = resolved.image_folders.get(inpainter.name)
    if folder is not None:
        return folder.own(piece_of(sample, _NO_PIXELS), resolved.terms())
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


def resolve_models(
    registry: Registry[Any], names: Sequence[str], plan: Plan
) -> tuple[ResolvedModel, ...]:
    """Return models of a plan with their weights; those without weights here are marked absent.

    Raises:
        WeightsError: if all of them are absent, or weights that the plan names cannot be used.
    """
    found = tuple(_resolve_model(registry, name, plan) for name in names)
    if found and all(model.absent for model in found):
        raise MissingWeights(found[0].absent)
    return found


def refuse_retired(plan: Plan) -> None:
    """Refuse to run a plan with a model that this version no longer has.

    Raises:
        RetiredName: naming the first such model.
    """
    for registry, words in ((INPAINTERS, plan.inpainters), (DETECTORS, plan.detectors)):
        for retired in filter(None, map(registry.retired, words)):
            raise retired.error()


def _resolve_model(registry: Registry[Any], word: str, plan: Plan) -> ResolvedModel:
    card = registry.card(word)
    wanted = plan.weights.get(card.name)
    model = ResolvedModel(
        name=card.name,
        card=card,
        weights=Weights(edition="absent"),
        word=word,
        source=registry.fingerprint(word),
        distribution=registry.find(word).distribution,
    )
    retired = registry.retired(word)
    if retired is not None and wanted in (None, "mini"):  # the weights are gone, their keys are not
        kept = Weights(edition="mini", sha256=retired.mini)
        return replace(model, weights=kept, precision=plan.precision, compiled=plan.compile)
    try:
        model = replace(model, weights=find_weights(card, wanted))
    except MissingWeights as error:
        if wanted is not None:
            raise
        return replace(model, absent=str(error))
    if card.weightless and not model.source:  # no network, and stored outputs stay valid
        return model
    return replace(model, precision=plan.precision, compiled=plan.compile)


def _image_folders(inpainters: Iterable[ResolvedModel], plan: Plan) -> dict[str, Outputs]:
    """Return the folders of finished images among a plan's inpainters."""
    words = {one.name: one.word for one in inpainters if one.card.finished}
    if words and plan.hole_blind:
        raise PlanError(f"{next(iter(words))}: --hole-blind has no effect on finished images")
    return {name: cast("Outputs", create_inpainter(word)) for name, word in words.items()}


def _heatmap_folders(detectors: Iterable[ResolvedModel]) -> dict[str, Heatmaps]:
    """Return the folders of finished heatmaps among a plan's detectors."""
    words = {one.name: one.word for one in detectors if one.card.finished}
    return {name: cast("Heatmaps", create_detector(word)) for name, word in words.items()}
