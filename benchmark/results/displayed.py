"""The images of a run, sample by sample: their keys, and where they are loaded from.

The samples file of a finished run contains the keys, so its data set, masks and models need not be
available. Files of older versions do not: then the keys are computed from the plan's jobs, which
requires everything that the plan names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from benchmark.core.errors import DataError
from benchmark.core.filenames import folder_names
from benchmark.core.types import Mask, Pixels
from benchmark.results.rows import SampleKeys, SampleRow
from benchmark.results.run_folder import RunFolder, jobs_from_plan
from benchmark.results.variants import variants_of
from benchmark.retouch import file_name, retouched_name
from benchmark.runner.forgeries import AS_PUBLISHED
from benchmark.runner.jobs import Forgery
from benchmark.runner.plan import Plan
from benchmark.runner.planning import PlanJobs
from benchmark.store.store import Store, is_store


@dataclass(frozen=True, slots=True, kw_only=True)
class Detected:
    """The output of one detector for one inpainted image.

    Attributes:
        detector: name of the detector.
        heatmap: key of the heatmap.
        score: image-level score in [0, 1], or None.
        row: all metrics of this image.
    """

    detector: str
    heatmap: str
    score: float | None
    row: SampleRow


@dataclass(slots=True, kw_only=True)
class Inpainted:
    """The output of one inpainter for one sample.

    Attributes:
        inpainter: name of the inpainter.
        treatment: its composite and its retouching as one text, or "".
        image: key of the image.
        detected: outputs of the detectors without post-processing.
    """

    inpainter: str
    treatment: str
    image: str
    detected: list[Detected] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name in tables, such as "telea+grain:1.5"."""
        return retouched_name(self.inpainter, self.treatment)

    @property
    def file_name(self) -> str:
        """Name in file names, such as "telea+grain-1.5"."""
        return file_name(self.inpainter, self.treatment)


@dataclass(slots=True, kw_only=True)
class DisplayedSample:
    """One sample of a run.

    Attributes:
        dataset: name of the data set.
        sample: name of the image.
        bucket: mask-ratio bin.
        original: key of the original image.
        mask: key of the mask.
        forgery: what it is in a set of forgeries, or None; then the image is a preview.
        inpainted: outputs by inpainter and treatment, in the run's order.
    """

    dataset: str
    sample: str
    bucket: str
    original: str
    mask: str
    forgery: Forgery | None = None
    inpainted: dict[tuple[str, str], Inpainted] = field(default_factory=dict)


def displayed_samples(rows: Iterable[SampleRow], plan: Plan) -> list[DisplayedSample]:
    """Return a run's samples in order, each with the outputs of the plan's inpainters.

    Post-processed images and authentic images that only the null needs are left out.

    Args:
        rows: sample rows of the run, with keys.
        plan: plan of the run.
    """
    variants = {(one.inpainter, one.treatment) for one in variants_of(plan)}
    if plan.forgeries is not None:
        variants = {(AS_PUBLISHED.name, "")}
    found: dict[tuple[str, str, str], DisplayedSample] = {}
    for row in rows:
        if row.launder or (row.inpainter, row.treatment) not in variants:
            continue
        place = row.dataset, row.sample, row.bucket
        if place not in found:
            found[place] = DisplayedSample(
                dataset=row.dataset,
                sample=row.sample,
                bucket=row.bucket,
                original=row.keys.original,
                mask=row.keys.mask,
                forgery=row.forgery,
            )
        made = found[place].inpainted.setdefault(
            (row.inpainter, row.treatment),
            Inpainted(
                inpainter=row.inpainter,
                treatment=row.treatment,
                image=row.keys.original if row.forgery else row.keys.image,
            ),
        )
        if row.detector:
            made.detected.append(
                Detected(detector=row.detector, heatmap=row.keys.heatmap, score=row.score, row=row)
            )
    return list(found.values())


def folders(shown: Sequence[DisplayedSample]) -> dict[tuple[str, str], str]:
    """Return the folder name of every sample, by the names of data set and sample."""
    return {
        (dataset, name): folder
        for dataset in dict.fromkeys(one.dataset for one in shown)
        for name, folder in folder_names(
            one.sample for one in shown if one.dataset == dataset
        ).items()
    }


class Images:
    """Loader of the samples' images and masks, from the store or the plan's data.

    Args:
        store: store of the run.
        jobs: jobs of a plan whose data are available; None to load from the store only.
    """

    def __init__(self, store: Store, jobs: PlanJobs | None = None) -> None:
        self._store = store
        self._jobs = jobs
        self._last: tuple[str, Pixels] | None = None  # the next sample often has the same image

    def load(self, shown: DisplayedSample) -> tuple[Pixels, Mask]:
        """Load a sample's image, (H, W, 3) uint8, and mask, (H, W) bool with True = hole.

        Raises:
            DataError: if they are no longer available, or cannot be used.
            DamagedOutput: if the store's file is damaged.
        """
        own_set = shown.forgery is not None and self._jobs is not None  # the store has a preview
        if not own_set and len(self._store.known([shown.original, shown.mask])) == 2:
            if self._last is None or self._last[0] != shown.original:
                self._last = shown.original, self._store.image(shown.original)
            return self._last[1], self._store.mask(shown.mask)
        if self._jobs is None:
            raise DataError(f"{shown.sample}: its image is not in the store")
        places = self._jobs.by_cell.get((shown.dataset, shown.bucket), ())
        for place in places:
            sample = self._jobs.resolved.samples[place]
            if sample.id == shown.sample:
                loaded = self._jobs.resolved.sources.load(sample)
                return loaded.image, loaded.mask
        raise DataError(f"{shown.sample}: no longer an image of this plan")


@dataclass(frozen=True, slots=True, kw_only=True)
class DisplayedRun:
    """The images of a run.

    Attributes:
        samples: samples of the run.
        jobs: jobs of the plan if the run's files do not contain the keys, or None.
        left_out: models that are left out, as their weights differ from those of the run.
    """

    samples: list[DisplayedSample]
    jobs: PlanJobs | None
    left_out: tuple[str, ...] = ()


def read_displayed(run: RunFolder) -> DisplayedRun:
    """Return the images of a run: from its files if they contain the keys, else from its plan.

    Raises:
        DataError: if there is no store.
        BenchError: if images, masks or weights of an older run are missing.
    """
    if not is_store(run.store):
        raise DataError(f"{run.store} is not a store; name the store of this run with --store")
    if all(row.keys.image for row in run.samples):
        return DisplayedRun(samples=displayed_samples(run.samples, run.plan), jobs=run.jobs)
    jobs = jobs_from_plan(run.plan, None)
    changed = _changed(run, jobs)
    rows = _with_keys(run.samples, jobs, changed)
    return DisplayedRun(samples=displayed_samples(rows, run.plan), jobs=jobs, left_out=changed)


def _changed(run: RunFolder, jobs: PlanJobs) -> tuple[str, ...]:
    """Return the models whose weights changed since the run: the store has other images of them."""
    models = (*jobs.resolved.inpainters, *jobs.resolved.detectors)
    now = {one.name: one.weights.sha256 for one in models}
    then = run.record.checkpoints if run.record else {}
    return tuple(name for name, found in then.items() if now.get(name) != found.sha256)


def _with_keys(
    rows: Iterable[SampleRow], jobs: PlanJobs, left_out: Sequence[str]
) -> Iterator[SampleRow]:
    resolved = jobs.resolved
    inpainters = {one.name: one for one in (*resolved.inpainters, resolved.original)}
    detectors = {one.name: one for one in resolved.detectors if one.name not in left_out}
    places = {
        (one.dataset, one.id, one.bucket): place for place, one in enumerate(resolved.samples)
    }
    for row in rows:
        place = places.get((row.dataset, row.sample, row.bucket))
        inpainter, detector = inpainters.get(row.inpainter), detectors.get(row.detector)
        if place is None or inpainter is None or row.inpainter in left_out:
            continue
        heatmaps = jobs.detect_keys(detector, inpainter, row.treatment) if detector else None
        yield replace(
            row,
            detector=row.detector if heatmaps else "",
            keys=SampleKeys(
                original=jobs.image_keys()[place],
                mask=jobs.mask_keys()[place],
                image=jobs.inpaint_keys(inpainter, row.treatment)[place],
                heatmap=heatmaps[place] if heatmaps else "",
            ),
        )
