"""Open the data sets and masks that a plan names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.images import MOST_PIXELS
from benchmark.core.paths import expand_home
from benchmark.datasets import Dataset, is_published, open_dataset, takes_images
from benchmark.datasets.irregular_masks import IRREGULAR_MASKS
from benchmark.masks.bucket import Bucket
from benchmark.masks.folder import FolderMasks
from benchmark.masks.generated import GeneratedMasks
from benchmark.masks.pairing import goes_by_name, marked
from benchmark.masks.reader import MaskTargets
from benchmark.masks.source import MaskSource
from benchmark.runner.plan import Plan
from detectors import DETECTORS
from inpainters import INPAINTERS


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanImages:
    """The images of a plan.

    Attributes:
        size: side of the square images, or None if they keep their size.
        most: maximum number of pixels of an image or a mask.
        datasets: the data sets by name.
        names: names of each data set's images.
        others: names of its images beyond the plan's limit.
    """

    size: int | None
    most: int
    datasets: Mapping[str, Dataset]
    names: Mapping[str, Sequence[str]]
    others: Mapping[str, Sequence[str]]


def open_images(plan: Plan) -> PlanImages:
    """Open the data sets of a plan.

    Raises:
        DataError: if images or masks are missing, or names do not distinguish the two.
    """
    size = None if plan.size == "native" else plan.size
    most = plan.max_pixels or MOST_PIXELS
    datasets = _open_datasets(plan, size, most)
    images = {name: _image_names(plan, name, one) for name, one in datasets.items()}
    names = {name: every[: plan.limit] for name, every in images.items()}
    others = {name: every[len(names[name]) :] for name, every in images.items()}
    return PlanImages(size=size, most=most, datasets=datasets, names=names, others=others)


def open_masks(plan: Plan, images: PlanImages) -> dict[str, MaskSource]:
    """Return the masks of every data set; in one bucket of their own if the plan names none.

    Raises:
        DataError: if they cannot be used.
    """
    named = {name: _by_name(plan, images, name) for name in images.datasets}
    buckets: list[Bucket] | None = [Bucket.parse(label) for label in plan.buckets]
    if all(named.values()) and "buckets" not in plan.model_fields_set:
        buckets = None
    masks = {
        name: _open_masks(plan, images, name, buckets, by_name=by_name)
        for name, by_name in named.items()
    }
    if buckets is not None or len({tuple(one.buckets) for one in masks.values()}) == 1:
        return masks
    found = [bucket for one in masks.values() for bucket in one.buckets]
    whole = [Bucket(min(one.low for one in found), max(one.high for one in found))]
    return {name: _open_masks(plan, images, name, whole, by_name=True) for name in named}


def _open_datasets(plan: Plan, size: int | None, most: int) -> dict[str, Dataset]:
    """Open all data sets, or raise one line per missing one, masks included."""
    found: dict[str, Dataset] = {}
    missing: list[str] = []
    for name in plan.datasets:
        place = plan.data_root if is_published(name) else plan.images
        try:
            found[name] = open_dataset(
                name, images=place, size=size, most=most, without=_not_images(plan)
            )
        except DataError as error:
            missing.append(str(error))
    if plan.masks is None and any(map(is_published, plan.datasets)):
        try:
            IRREGULAR_MASKS.find(plan.data_root)
        except DataError as error:
            missing.append(f"{error}; or --masks DIR")
    if missing and any(map(is_published, plan.datasets)):
        missing.append("or use any folder of images, with generated masks: --images DIR")
    if missing:
        raise DataError("\n".join(missing))
    return found


def _image_names(plan: Plan, name: str, dataset: Dataset) -> list[str]:
    """Return the names of a data set's images, without masks that lie in the same folder.

    Raises:
        DataError: if the names do not distinguish the masks.
    """
    names = list(dataset.ids())
    if not _same(plan.masks, plan.images) or not takes_images(name):
        return names
    masks = marked(names)
    if not masks:
        raise DataError(
            f"{plan.images}: --images and --masks are the same folder, and no name in it marks "
            "a mask, such as a_mask.png beside a.png; put the masks into a folder of their own"
        )
    return [name for name in names if name not in masks]


def _not_masks(plan: Plan, images: PlanImages, dataset: str) -> list[Path]:
    """Return the paths in the masks' folder that are not masks."""
    if _same(plan.masks, plan.images):
        names = (*images.names[dataset], *images.others[dataset])
        return [images.datasets[dataset].path(name) for name in names]
    return _other(plan.images, plan.masks)


def _by_name(plan: Plan, images: PlanImages, dataset: str) -> bool:
    """Return whether masks are paired with images by name, or one mask is for all images."""
    if plan.masks is None:
        return False
    if plan.pairing == "auto":
        return goes_by_name(
            plan.masks,
            images.names[dataset],
            images.others[dataset],
            without=_not_masks(plan, images, dataset),
        )
    return plan.pairing == "name" or plan.masks.is_file()


def _open_masks(
    plan: Plan,
    images: PlanImages,
    dataset: str,
    buckets: Sequence[Bucket] | None,
    *,
    by_name: bool,
) -> MaskSource:
    published = plan.masks is None and is_published(dataset)
    folder = IRREGULAR_MASKS.find(plan.data_root) if published else plan.masks
    if folder is None:
        return GeneratedMasks(buckets or (), seed=plan.seed, margin=plan.margin)
    return FolderMasks(
        folder,
        MaskTargets(
            names=images.names[dataset],
            shape_of=images.datasets[dataset].shape,
            size=images.size,
            most=images.most,
            others=images.others[dataset],
            partly=plan.pairing != "name",
            without=() if published else _not_masks(plan, images, dataset),
        ),
        buckets,
        polarity="white-hole" if published else plan.mask_polarity,
        by_name=by_name,
        seed=plan.seed,
        other_bands=published,
    )


def _not_images(plan: Plan) -> list[Path]:
    """Return the plan's other paths, which are not images if they lie in the images' folder."""
    models = [INPAINTERS.find(word) for word in plan.inpainters]
    models += [DETECTORS.find(word) for word in plan.detectors]
    folders = [Path(one.argument or "") for one in models if one.scheme in ("outputs", "heatmaps")]
    return [*_other(plan.masks, plan.images), *map(expand_home, folders)]


def _same(one: Path | None, other: Path | None) -> bool:
    return one is not None and other is not None and one.resolve() == other.resolve()


def _other(place: Path | None, folder: Path | None) -> list[Path]:
    """Return `place` in a list, unless it is the folder itself or contains it."""
    if place is None or folder is None or not place.exists():
        return []
    return [] if folder.resolve().is_relative_to(place.resolve()) else [place]
