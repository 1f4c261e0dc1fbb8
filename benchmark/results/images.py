"""Images, masks and heatmaps of a run as PNG files with readable names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import DataError, PlanError
from benchmark.core.filenames import file_part
from benchmark.core.paths import atomic, make_below
from benchmark.core.types import Pixels
from benchmark.results.displayed import DisplayedSample, Images, Inpainted, folders
from benchmark.retouch import file_name
from benchmark.runner.resolve import ResolvedPlan
from benchmark.store.store import Store


def write_images(
    folder: Path, shown: Sequence[DisplayedSample], store: Store, images: Images
) -> None:
    """Write BUCKET/SAMPLE/{original,mask,INPAINTER,INPAINTER.DETECTOR}.png for every sample.

    The file of a retouched inpainter is named like "telea+grain-1.5", that of another composite
    like "lama+composite-none": not every file system allows a colon. Of a forgery:
    SAMPLE/{image,mask,DETECTOR}.png. Several data sets get a folder each. Heatmaps are those
    without post-processing, colored for display (viridis, 0 to 1); the store has the exact values.

    Args:
        folder: destination.
        shown: samples of the run.
        store: store of their images.
        images: loader of originals and masks.

    Raises:
        OutputError: if a file cannot be written.
    """
    places = folders(shown)
    several = len({one.dataset for one in shown}) > 1
    for one in shown:
        try:
            image, mask = images.load(one)
        except DataError:  # already reported as skipped
            continue
        home = [file_part(one.dataset)] if several else []
        bucket = [] if one.forgery else [file_part(one.bucket)]
        inner = [*home, *bucket, places[one.dataset, one.sample]]
        place = make_below(folder.parent, folder.name, *inner)
        _save(place / ("image.png" if one.forgery else "original.png"), image)
        _save(place / "mask.png", (mask * np.uint8(255)))
        for made in one.inpainted.values():
            if one.forgery is None:
                _save_outputs(place, made, store)
            else:
                _save_heatmaps(place, made, store, "")


def check_names(resolved: ResolvedPlan) -> None:
    """Check that no two images of a sample get the same file name because of models' labels.

    Raises:
        PlanError: naming the file.
    """
    if resolved.plan.forgeries is not None:
        _refuse_equal(Counter(["image", "mask", *(one.name.lower() for one in resolved.detectors)]))
        return
    variants = [
        file_name(one.name, treatment)
        for one in resolved.inpainters
        for treatment in resolved.treatments_of(one)
    ]
    heatmaps = [f"{name}.{one.name}" for name in variants for one in resolved.detectors]
    names = Counter(name.lower() for name in ("original", "mask", *variants, *heatmaps))
    names["original"] -= "original" in variants  # the same image
    _refuse_equal(names)


def _refuse_equal(names: Counter[str]) -> None:
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise PlanError(
            f"--save-images: two files of a sample would be named {twice[0]}.png; give one of the "
            "models another label: LABEL=..."
        )


def heatmap_image(logits: NDArray[np.float16]) -> Pixels:
    """Convert (H, W) float16 logits to (H, W, 3) uint8: dark blue = 0, yellow = 1."""
    return color_probabilities(probabilities(logits))


def probabilities(logits: NDArray[np.float16]) -> NDArray[np.float32]:
    """Convert (H, W) float16 logits to (H, W) float32 probabilities in [0, 1]."""
    return np.take(_sigmoid(), logits.view(np.uint16))


def color_probabilities(values: NDArray[np.float32]) -> Pixels:
    """Convert (H, W) float32 probabilities to (H, W, 3) uint8: dark blue = 0, yellow = 1."""
    colors = _colors()
    steps = (values * np.float32(len(colors))).astype(np.intp)  # as Matplotlib divides [0, 1]
    return np.take(colors, steps, axis=0, mode="clip")


@cache
def _sigmoid() -> NDArray[np.float32]:
    """Return the probability of every float16 number, by its bits: (65536,) float32."""
    logits = np.arange(2**16, dtype=np.uint16).view(np.float16).astype(np.float32)
    with np.errstate(over="ignore", invalid="ignore"):  # lowest numbers: 0; signaling NaN: NaN
        return (1 / (1 + np.exp(-logits))).astype(np.float32)


@cache
def _colors() -> Pixels:
    """Return the colors of Matplotlib's viridis, (256, 3) uint8."""
    colors: Pixels = np.rint(colormaps["viridis"](np.arange(256))[:, :3] * 255).astype(np.uint8)
    return colors


def _save_outputs(place: Path, made: Inpainted, store: Store) -> None:
    if not store.known([made.image]):
        return
    _save(place / f"{file_part(made.file_name)}.png", store.image(made.image))
    _save_heatmaps(place, made, store, f"{made.file_name}.")


def _save_heatmaps(place: Path, made: Inpainted, store: Store, before: str) -> None:
    for one in made.detected:
        if store.known([one.heatmap]):
            name = file_part(f"{before}{one.detector}")
            _save(place / f"{name}.png", heatmap_image(store.heatmap(one.heatmap)))


def _save(path: Path, pixels: NDArray[np.uint8]) -> None:
    with atomic(path) as draft:
        Image.fromarray(pixels).save(draft, format="PNG")
