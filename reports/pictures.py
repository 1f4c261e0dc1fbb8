"""Pictures, masks and heatmaps of a run as files under readable names."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.errors import DataError, PlanError
from benchmark.core.names import folder_names
from benchmark.core.paths import atomic, make_folder
from benchmark.core.types import Pixels
from benchmark.retouch import file_name
from benchmark.runner.jobs import SampleRef, judge_job
from benchmark.runner.setup import Setup, fills
from benchmark.runner.store import Store


def save_pictures(folder: Path, setup: Setup, store: Store) -> None:
    """Write BUCKET/SAMPLE/{original,mask,INPAINTER,INPAINTER.DETECTOR}.png for every sample.

    A retouched INPAINTER is called as "telea+grain-1.5": not every file system takes a colon.
    Several data sets have a folder each. Heatmaps are those of the pictures as painted.
    Heatmaps are drawn in colour (viridis, 0 to 1) for looking at; the store keeps the exact ones.

    Raises:
        OutputError: if a file cannot be written.
    """
    check_names(setup)
    folders = sample_folders(setup)
    for sample in setup.samples:
        try:
            loaded = setup.sources.load(sample)
        except DataError:  # already reported as skipped
            continue
        home = folder / sample.dataset if len(setup.plan.datasets) > 1 else folder
        place = make_folder(home / sample.bucket / folders[sample.dataset, sample.id])
        _save(place / "original.png", loaded.image)
        _save(place / "mask.png", (loaded.mask * np.uint8(255)))
        _save_answers(place, setup, store, sample)


def check_names(setup: Setup) -> None:
    """Refuse labels under which two pictures of one sample would have the same file.

    Raises:
        PlanError: naming the file.
    """
    painters = [file_name(one.name, step) for one in setup.inpainters for step in setup.retouches]
    heatmaps = [f"{name}.{one.name}" for name in painters for one in setup.detectors]
    names = Counter(name.lower() for name in ("original", "mask", *painters, *heatmaps))
    names["original"] -= "original" in painters  # the same picture
    twice = [name for name, count in names.items() if count > 1]
    if twice:
        raise PlanError(
            f"--save-images: two files of a sample would be called {twice[0]}.png; put another "
            "label before one of the models: LABEL=..."
        )


def sample_folders(setup: Setup) -> dict[tuple[str, str], str]:
    """The folder's name of every sample of a run, by the data set's and the sample's name."""
    return {
        (dataset, name): folder
        for dataset in setup.plan.datasets
        for name, folder in folder_names(
            one.id for one in setup.samples if one.dataset == dataset
        ).items()
    }


def heatmap_picture(logits: NDArray[np.float16]) -> Pixels:
    """(H, W) float16 logits as (H, W, 3) uint8: dark blue = 0, yellow = 1."""
    probability = 1 / (1 + np.exp(-logits.astype(np.float32)))
    coloured = colormaps["viridis"](probability)[..., :3]
    pixels: Pixels = np.rint(coloured * 255).astype(np.uint8)
    return pixels


def _save_answers(place: Path, setup: Setup, store: Store, sample: SampleRef) -> None:
    for fill in (job for one in setup.inpainters for job in fills(setup, one, [sample])):
        if not store.known([fill.key]):
            continue
        _save(place / f"{fill.painter_file}.png", store.picture(fill.key))
        for detector in setup.detectors:
            key = judge_job(detector, fill).key
            if store.known([key]):
                name = f"{fill.painter_file}.{detector.name}.png"
                _save(place / name, heatmap_picture(store.heatmap(key)))


def _save(path: Path, pixels: NDArray[np.uint8]) -> None:
    with atomic(path) as draft:
        Image.fromarray(pixels).save(draft, format="PNG")
