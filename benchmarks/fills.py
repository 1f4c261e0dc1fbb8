"""Not time: what learned fills look like to a ruler, beside `telea`'s and the images' own.

    python benchmarks/fills.py --images DIR --limit 20 --models lama,aotgan
    python benchmarks/fills.py --images DIR --models lama=TRAINED/lama --sheets SHEETS

A model is a name with its shipped weights, or NAME=PLACE: a file of weights, or the folder of a
training, finished or not (the averaged weights of its checkpoint). For each bucket of hole shares:

- PSNR and LPIPS of the whole image, 8 bits, less `telea`'s;
- gradient energy in the hole (mean squared difference of neighbours that both lie in it, of the
  luminance), divided by `telea`'s: below 1 the fill is smoother than that;
- peaks of the spectrum at periods of 2, 4 and 8 pixels against neighbouring frequencies, in windows
  that lie wholly in the hole, divided by the same in windows wholly in the known region.

`--sheets` writes images, 4 times their size: the image, telea's fill, the model's.
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
from benchmark.runner.resolve import resolve_plan
from benchmark.training.checkpoint import CHECKPOINT
from benchmark.training.export import export_safetensors
from benchmark.training.recipe import LEARNERS, Recipe, read_part
from inpainters import create_inpainter
from inpainters.base import Inpainter

CONTROL = "telea"
WINDOW = 32  # side of the windows whose spectra are taken, pixels
STEP = 8  # from one window to the next
PERIODS = {2: 16, 4: 8, 8: 4}  # pixels, and the row of a window's spectrum where they lie
BESIDE = 2  # rows to either side that a peak is compared with: the taper's leakage ends before
LEVEL = 1e-8  # of a spectrum's power, below 8-bit rounding: keeps the logarithm finite
LUMA = (0.299, 0.587, 0.114)
GOALS = {"10-20": 1.5}  # dB that PSNR may lie below telea's
GOAL, LOOSE = 1.0, 2.0  # in other buckets; of LOOSE_MODELS in all
LOOSE_MODELS = ("edgeconnect", "fcf")
PEAK = 1.3  # how much higher than in the known region a peak may be


@dataclass(slots=True)
class Found:
    """What was measured of one model's fills in one bucket, a value an image or window."""

    psnr: list[float] = field(default_factory=list)
    lpips: list[float] = field(default_factory=list)
    gradient: list[float] = field(default_factory=list)
    peaks: dict[int, list[float]] = field(default_factory=lambda: {p: [] for p in PERIODS})

    def mean(self, name: str) -> float:
        """The mean over images."""
        return float(np.mean(getattr(self, name)))

    def peak(self, period: int) -> float:
        """The geometric mean over windows; NaN where no window fits."""
        return float(np.exp(np.mean(self.peaks[period]))) if self.peaks[period] else float("nan")


def luminance(pixels: Pixels) -> NDArray[np.float64]:
    """(H, W, 3) uint8 to (H, W) in [0, 1]."""
    light: NDArray[np.float64] = pixels @ np.array(LUMA) / 255
    return light


def gradient_energy(light: NDArray[np.float64], mask: Mask) -> float:
    """Mean squared difference of neighbours, across and down, that both lie in the mask."""
    down = np.diff(light, axis=0)[mask[1:] & mask[:-1]]
    across = np.diff(light, axis=1)[mask[:, 1:] & mask[:, :-1]]
    return float((np.concatenate((down, across)) ** 2).mean())


def windows(mask: Mask) -> Iterator[tuple[slice, slice]]:
    """Windows that lie wholly in a mask."""
    height, width = mask.shape
    for top in range(0, height - WINDOW + 1, STEP):
        for left in range(0, width - WINDOW + 1, STEP):
            window = slice(top, top + WINDOW), slice(left, left + WINDOW)
            if mask[window].all():
                yield window


def peaks(light: NDArray[np.float64], mask: Mask) -> Iterator[dict[int, float]]:
    """By window and period: log power at the period's frequency less its neighbours'.

    The power of a row of frequencies is the mean over all columns, of a column likewise: a pattern
    that repeats across, down, or both ways shows in either.
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
    """An inpainter with its shipped weights, a file's, or those of a training's folder."""
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


def enlarged(pictures: Sequence[Pixels]) -> Image.Image:
    """Images side by side, each pixel four by four."""
    row = np.concatenate(pictures, axis=1)
    return Image.fromarray(row.repeat(4, axis=0).repeat(4, axis=1))


def measure(found: Found, fill: Pixels, image: Pixels, mask: Mask) -> None:
    """Measure one fill."""
    light = luminance(fill)
    case = Case(image=image[None], mask=mask[None], truth=mask[None], filled=fill[None])
    found.psnr += [float(value) for value in psnr(fill[None], image[None])]
    found.lpips.append(float(LPIPS().measure(case)[0, 0]))
    found.gradient.append(gradient_energy(light, mask))
    for window in peaks(light, mask):
        for period, value in window.items():
            found.peaks[period].append(value)


def goals_missed(model: str, bucket: str, apart: dict[str, float]) -> list[str]:
    """Which of the goals a model misses in a bucket."""
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


def main() -> None:
    """Print a row for each model and bucket."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=Path, help="folder of images; else the samples")
    parser.add_argument("--limit", type=int, help="only the first so many images")
    parser.add_argument("--models", required=True, help="NAME or NAME=PLACE, with commas between")
    parser.add_argument("--buckets", default="10-20,30-40,50-60")
    parser.add_argument("--sheets", type=Path, help="folder for images at four times their size")
    parser.add_argument("--shown", type=int, default=2, help="sheets of each model and bucket")
    options = parser.parse_args()
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
    print(
        "| model | bucket | PSNR | less telea's | LPIPS | less telea's | gradient / telea's "
        "| / image's | peaks at 2, 4, 8 | misses |\n| --- " + "| --- " * 9 + "|"
    )
    for bucket in plan.buckets:
        refs = [ref for ref in resolved.samples if ref.bucket == bucket]
        found = {word: Found() for word in models}
        known, real = Found(), Found()
        for number, ref in enumerate(refs):
            sample = resolved.sources.load(ref)
            image, mask = sample.image, sample.mask
            light = luminance(image)
            real.gradient.append(gradient_energy(light, mask))
            for window in peaks(light, ~mask):
                for period, value in window.items():
                    known.peaks[period].append(value)
            fills = {
                word: to_pixels(model.inpaint(to_images(image[None]), to_masks(mask[None])))[0]
                for word, model in models.items()
            }
            for word, fill in fills.items():
                measure(found[word], fill, image, mask)
                if options.sheets and number < options.shown and word != CONTROL:
                    options.sheets.mkdir(parents=True, exist_ok=True)
                    name = word.partition("=")[0]
                    sheet = enlarged((image, fills[CONTROL], fill))
                    sheet.save(options.sheets / f"{name}-{bucket}-{number}.png")
        control = found[CONTROL]
        for word, one in found.items():
            name = word.partition("=")[0]
            apart = {
                "psnr": one.mean("psnr") - control.mean("psnr"),
                "lpips": one.mean("lpips") - control.mean("lpips"),
                "gradient": one.mean("gradient") / control.mean("gradient"),
                **{f"peak {p}": one.peak(p) / known.peak(p) for p in PERIODS},
            }
            tall = " ".join(f"{apart[f'peak {p}']:.2f}" for p in PERIODS)
            missed = "" if word == CONTROL else ", ".join(goals_missed(name, bucket, apart))
            print(
                f"| {name} | {bucket} | {one.mean('psnr'):.2f} | {apart['psnr']:+.2f} | "
                f"{one.mean('lpips'):.3f} | {apart['lpips']:+.3f} | {apart['gradient']:.2f} | "
                f"{one.mean('gradient') / real.mean('gradient'):.2f} | {tall} | {missed or '-'} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
