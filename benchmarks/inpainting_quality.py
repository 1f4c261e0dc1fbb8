"""Quality of learned inpaintings relative to `telea` and to the images themselves.

    python benchmarks/inpainting_quality.py --images DIR --limit 20 --models lama,aotgan
    python benchmarks/inpainting_quality.py --images DIR --models lama=TRAINED/lama --sheets SHEETS

A model is a name (shipped weights) or NAME=PLACE: a weights file, or the folder of a training,
finished or not (the EMA weights of its checkpoint). For each mask-ratio bin:

- PSNR and LPIPS of the whole 8-bit image, minus those of `telea`;
- gradient energy in the hole (mean squared difference of neighbors that both lie in it, of the
  luminance), divided by that of `telea`: below 1, the inpainting is smoother;
- checkerboard: spectral peaks at periods of 2, 4 and 8 pixels relative to neighboring frequencies,
  in windows inside the hole, divided by the same in windows of the known region.

`--sheets` writes images at four times their size: the original, telea and the model.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from benchmark.core.checkpoints.load import read_checkpoint
from benchmark.core.tensors import to_images, to_masks, to_pixels
from benchmark.core.types import Case, Mask, Pixels
from benchmark.metrics.fidelity import psnr
from benchmark.metrics.perceptual import LPIPS
from benchmark.runner.plan import Plan
from benchmark.runner.resolve import ResolvedPlan, resolve_plan
from benchmark.training.checkpoint import CHECKPOINT
from benchmark.training.export import export_safetensors
from benchmark.training.recipe import LEARNERS, Recipe, read_part
from inpainters import create_inpainter
from inpainters.base import Inpainter

CONTROL = "telea"
WINDOW = 32  # side of the windows for spectra, in pixels
STEP = 8  # between windows, in pixels
PERIODS = {2: 16, 4: 8, 8: 4}  # period in pixels: row of the spectrum
BESIDE = 2  # neighboring rows compared with a peak, beyond the leakage of the taper
LEVEL = 1e-8  # added to power, below 8-bit rounding: keeps the logarithm finite
LUMA = (0.299, 0.587, 0.114)
GOALS = {"10-20": 1.5}  # dB by which PSNR may be below telea's
GOAL, LOOSE = 1.0, 2.0  # in other bins; of LOOSE_MODELS in all
LOOSE_MODELS = ("edgeconnect", "fcf")
PEAK = 1.3  # maximum ratio of peaks to those of the known region
COLUMNS = ("model", "bin", "PSNR", "minus telea's PSNR", "LPIPS", "minus telea's LPIPS",
           "gradient / telea's", "gradient / image's", "peaks at 2, 4, 8", "misses")  # fmt: skip


@dataclass(slots=True)
class Found:
    """Measurements of one model in one mask-ratio bin, one value per image or window."""

    psnr: list[float] = field(default_factory=list)
    lpips: list[float] = field(default_factory=list)
    gradient: list[float] = field(default_factory=list)
    peaks: dict[int, list[float]] = field(default_factory=lambda: {p: [] for p in PERIODS})

    def mean(self, name: str) -> float:
        """Return the mean over images."""
        return float(np.mean(getattr(self, name)))

    def peak(self, period: int) -> float:
        """Return the geometric mean over windows, or NaN without windows."""
        return float(np.exp(np.mean(self.peaks[period]))) if self.peaks[period] else float("nan")


def luminance(pixels: Pixels) -> NDArray[np.float64]:
    """Convert (H, W, 3) uint8 to luminance (H, W) in [0, 1]."""
    light: NDArray[np.float64] = pixels @ np.array(LUMA) / 255
    return light


def gradient_energy(light: NDArray[np.float64], mask: Mask) -> float:
    """Return the mean squared difference of neighbors that both lie in the mask."""
    down = np.diff(light, axis=0)[mask[1:] & mask[:-1]]
    across = np.diff(light, axis=1)[mask[:, 1:] & mask[:, :-1]]
    return float((np.concatenate((down, across)) ** 2).mean())


def windows(mask: Mask) -> Iterator[tuple[slice, slice]]:
    """Return windows that lie entirely in a mask."""
    height, width = mask.shape
    for top in range(0, height - WINDOW + 1, STEP):
        for left in range(0, width - WINDOW + 1, STEP):
            window = slice(top, top + WINDOW), slice(left, left + WINDOW)
            if mask[window].all():
                yield window


def peaks(light: NDArray[np.float64], mask: Mask) -> Iterator[dict[int, float]]:
    """Return log power at each period minus that of neighboring frequencies, by window.

    Power is averaged over the columns for row frequencies, and over the rows for column
    frequencies, so that patterns in either or both directions are found.
    """
    taper = np.hanning(WINDOW + 1)[:-1]
    for window in windows(mask):
        tile = light[window]
        power = np.abs(np.fft.fft2((tile - tile.mean()) * taper[:, None] * taper)) ** 2
        lines = np.log(np.stack((power.mean(axis=0), power.mean(axis=1))) + LEVEL)
        yield {
            period: float(
                np.mean(
                    lines[:, at] - (lines[:, at - BESIDE] + lines[:, (at + BESIDE) % WINDOW]) / 2
                )
            )
            for period, at in PERIODS.items()
        }


def loaded(name: str, place: str | None) -> Inpainter:
    """Return an inpainter with shipped weights, weights of a file, or of a training folder."""
    if place is None or not Path(place).is_dir():
        return create_inpainter(name, weights=place or "mini")
    if (Path(place) / f"{name}.safetensors").is_file():
        return create_inpainter(name, weights=str(Path(place) / f"{name}.safetensors"))
    content = read_checkpoint(Path(place) / CHECKPOINT)
    recipe = read_part(Recipe, json.loads(content["recipe"]), place)
    kind = LEARNERS.load(name)
    losses = read_part(kind.Losses, recipe.losses | {"features": "texture"}, name)
    learner = kind(recipe.network, losses, torch.device("cpu"))
    for part, network in learner.modules.items():
        network.load_state_dict(content["modules"][part])
    if content["average"] is not None:
        learner.network.load_state_dict(content["average"])
    print(f"{name}: step {content['step']} of {recipe.steps}", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.safetensors"
        export_safetensors(learner.network, file, {"model": name, "config": learner.config()})
        return create_inpainter(name, weights=str(file))


def enlarged(images: Sequence[Pixels]) -> Image.Image:
    """Return the images side by side, each pixel enlarged to 4x4."""
    row = np.concatenate(images, axis=1)
    return Image.fromarray(row.repeat(4, axis=0).repeat(4, axis=1))


def measure(found: Found, fill: Pixels, image: Pixels, mask: Mask) -> None:
    """Measure one inpainted image."""
    light = luminance(fill)
    case = Case(image=image[None], mask=mask[None], truth=mask[None], filled=fill[None])
    found.psnr += [float(value) for value in psnr(fill[None], image[None])]
    found.lpips.append(float(LPIPS().measure(case)[0, 0]))
    found.gradient.append(gradient_energy(light, mask))
    for window in peaks(light, mask):
        for period, value in window.items():
            found.peaks[period].append(value)


def goals_missed(model: str, bucket: str, apart: dict[str, float]) -> list[str]:
    """Return the goals that a model misses in a mask-ratio bin."""
    allowed = GOALS.get(bucket, GOAL)
    if model.partition("+")[0] in LOOSE_MODELS:
        allowed = LOOSE
    checks = {
        "LPIPS": apart["lpips"] < 0,
        "PSNR": apart["psnr"] >= -allowed,
        "blur": apart["gradient"] >= 1,
        "peaks": not any(apart[f"peak {p}"] > PEAK for p in PERIODS),
    }
    return [name for name, met in checks.items() if not met]


def parsed() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="folder of images; default: the samples")
    parser.add_argument("--limit", type=int, help="use only the first N images")
    parser.add_argument("--models", required=True, help="comma-separated NAME or NAME=PLACE")
    parser.add_argument("--buckets", default="10-20,30-40,50-60")
    parser.add_argument("--sheets", type=Path, help="folder for images at four times their size")
    parser.add_argument("--shown", type=int, default=2, help="sheets per model and mask-ratio bin")
    return parser.parse_args()


def measure_bin(
    setup: ResolvedPlan, bucket: str, models: dict[str, Inpainter], options: argparse.Namespace
) -> tuple[dict[str, Found], Found]:
    """Measure all models in one mask-ratio bin; write their sheets.

    Returns:
        Measurements by model, and those of the images themselves: the gradient inside the hole
        and the spectral peaks of the known region.
    """
    found, images = {word: Found() for word in models}, Found()
    refs = [ref for ref in setup.samples if ref.bucket == bucket]
    for number, ref in enumerate(refs):
        sample = setup.sources.load(ref)
        image, mask = sample.image, sample.mask
        light = luminance(image)
        images.gradient.append(gradient_energy(light, mask))
        for window in peaks(light, ~mask):
            for period, value in window.items():
                images.peaks[period].append(value)
        inpainted = {
            word: to_pixels(model.inpaint(to_images(image[None]), to_masks(mask[None])))[0]
            for word, model in models.items()
        }
        for word, pixels in inpainted.items():
            measure(found[word], pixels, image, mask)
            if options.sheets and number < options.shown and word != CONTROL:
                options.sheets.mkdir(parents=True, exist_ok=True)
                name = word.partition("=")[0]
                sheet = enlarged((image, inpainted[CONTROL], pixels))
                sheet.save(options.sheets / f"{name}-{bucket}-{number}.png")
    return found, images


def row(word: str, bucket: str, found: dict[str, Found], images: Found) -> str:
    """Return the row of a model in the table of `main`."""
    name, one, control = word.partition("=")[0], found[word], found[CONTROL]
    apart = {
        "psnr": one.mean("psnr") - control.mean("psnr"),
        "lpips": one.mean("lpips") - control.mean("lpips"),
        "gradient": one.mean("gradient") / control.mean("gradient"),
        **{f"peak {p}": one.peak(p) / images.peak(p) for p in PERIODS},
    }
    tall = " ".join(f"{apart[f'peak {p}']:.2f}" for p in PERIODS)
    missed = "" if word == CONTROL else ", ".join(goals_missed(name, bucket, apart))
    return (
        f"| {name} | {bucket} | {one.mean('psnr'):.2f} | {apart['psnr']:+.2f} | "
        f"{one.mean('lpips'):.3f} | {apart['lpips']:+.3f} | {apart['gradient']:.2f} | "
        f"{one.mean('gradient') / images.mean('gradient'):.2f} | {tall} | {missed or '-'} |"
    )


def main() -> None:
    """Print a row for each model and mask-ratio bin."""
    options = parsed()
    plan = Plan(
        datasets=("folder",) if options.images else ("samples",),
        images=options.images,
        buckets=tuple(options.buckets.split(",")),
        inpainters=(CONTROL,),
        detectors=(),
        metrics=("psnr",),
        limit=options.limit,
    )
    resolved = resolve_plan(plan)
    models = {CONTROL: create_inpainter(CONTROL)}
    for word in options.models.split(","):
        name, _, place = word.partition("=")
        models[word] = loaded(name, place or None)
    print(f"| {' | '.join(COLUMNS)} |\n|{' --- |' * len(COLUMNS)}")
    for bucket in plan.buckets:
        found, images = measure_bin(resolved, bucket, models, options)
        for word in found:
            print(row(word, bucket, found, images), flush=True)


if __name__ == "__main__":
    main()
