"""Training steps per second by stage of a mini recipe: float32 and bf16; 0, 1 or 2 data workers.

Each stage is trained for a few steps in every form, alternately, so that other load affects all.
Medians of the rounds are reported; the last row weights the stages by the steps of the recipe. Also
measured: the time to make a batch, of images kept in memory and of images read on use, as with more
than `benchmark.training.data.images.IN_MEMORY`.
"""

from __future__ import annotations

import argparse
import csv
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from benchmark.core.errors import TrainingError
from benchmark.core.model import check_device
from benchmark.core.seeds import seed_of
from benchmark.training import LEARNERS, Recipe, TrainOptions, read_recipe
from benchmark.training.data import images as training_images
from benchmark.training.data.batches import InpaintingData
from benchmark.training.data.masks import Masks
from benchmark.training.logger import LOSSES
from benchmark.training.precision import check_precision
from benchmark.training.recipe import read_part
from benchmark.training.recipe_tables import Stage
from benchmark.training.trainer import Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """A form of training.

    Attributes:
        precision: precision of the recipe.
        workers: number of data workers.
    """

    precision: Literal["exact", "bf16"]
    workers: int

    def __str__(self) -> str:
        name = "float32" if self.precision == "exact" else self.precision
        return f"{name}, {self.workers} workers"


def made_up(folder: Path, count: int = 60) -> Path:
    """Write JPEG images of 481x321 pixels: smooth colors with noise."""
    for number in range(count):
        draw = np.random.default_rng(number)
        coarse = Image.fromarray(draw.integers(0, 256, (12, 16, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((481, 321), Image.Resampling.BICUBIC), np.float32)
        grainy = smooth + draw.normal(scale=4.0, size=smooth.shape)
        pixels = grainy.clip(0, 255).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.jpg", quality=90)
    return folder


def source_of(recipe: Recipe, data: Path, *, kept: bool) -> InpaintingData:
    """Return a recipe's batches, of images kept in memory or read on use."""
    limit = training_images.IN_MEMORY
    if not kept:
        training_images.IN_MEMORY = 0
    try:
        sides = [side for stage in recipe.stages for side in stage.sides]
        read = training_images.read_training_images(data, sides=sides, minimum=1)
    finally:
        training_images.IN_MEMORY = limit
    return InpaintingData(recipe, read, Masks(recipe.holes, seed=recipe.seed))


def of_stage(recipe: Recipe, stage: Stage, steps: int, form: Form) -> Recipe:
    """Return a recipe of one stage and a few steps, with a log row for each."""
    changes = {
        "stages": (stage.model_copy(update={"steps": steps}),),
        "precision": form.precision,
        "log_every": 1,
    }
    return recipe.model_copy(update=changes)


def rate(recipe: Recipe, data: Path, form: Form, device: torch.device) -> float:
    """Return steps per second with generated masks; skips the first step, which starts workers."""
    kind = LEARNERS.load(recipe.model)
    source = source_of(recipe, data, kept=True)
    for step in range(recipe.steps):
        source.batch(step)  # generates the masks
    torch.manual_seed(seed_of(recipe.seed, "weights"))
    losses = read_part(kind.Losses, recipe.losses, recipe.model)
    learner = kind(recipe.network, losses, device)
    running = TrainOptions(workers=form.workers, as_json=False, bar=False)
    with tempfile.TemporaryDirectory() as folder:
        loop = Trainer(recipe, learner, source, out=Path(folder), device=device, running=running)
        loop.run()
        with Path(folder, LOSSES).open(newline="", encoding="utf-8") as file:
            seconds = [float(row["seconds"]) for row in csv.DictReader(file)]
    return (len(seconds) - 1) / (seconds[-1] - seconds[0])


def batch_ms(recipe: Recipe, data: Path, *, kept: bool, runs: int = 20) -> float:
    """Return the median milliseconds of one core for a batch of the recipe's first stage.

    The masks are generated before: a training generates each mask of its `pool` once.
    """
    source = source_of(recipe, data, kept=kept)
    times = []
    for step in [*range(runs)] * 2:
        start = time.process_time()
        source.batch(step)
        times.append(time.process_time() - start)
    return 1000 * statistics.median(times[runs:])  # the first runs generate the masks


def mask_ms(recipe: Recipe) -> float:
    """Return the mean milliseconds of one core for a mask of the largest side, of ten."""
    masks, draw = Masks(recipe.holes, seed=recipe.seed), np.random.default_rng(0)
    side = max(side for stage in recipe.stages for side in stage.sides)
    start = time.process_time()
    for _ in range(10):
        masks.mask(side, draw)
    return 100 * (time.process_time() - start)


def possible(recipe: Recipe, device: torch.device) -> list[Form]:
    """Yield every form that the device supports; print the reason for the others."""
    forms = [Form(precision="exact", workers=count) for count in (0, 1, 2)]
    half = Form(precision="bf16", workers=0)
    try:
        check_precision(recipe.model_copy(update={"precision": "bf16"}), device)
    except TrainingError as error:
        print(f"bf16 is not measured: {error}\n")
        return forms
    return [*forms, half]


def row(cells: Sequence[object]) -> None:
    """Print a row of a Markdown table."""
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def main() -> None:
    """Print a table: stages, steps per second of each form, and the ratio to the first."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="safepaint", help="an inpainter with a mini recipe")
    parser.add_argument("--data", type=Path, help="folder of images; default: synthetic images")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--steps", type=int, default=8, help="steps of each form per round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    device, recipe = check_device(options.device), read_recipe(options.model)
    forms = possible(recipe, device)
    whole = dict.fromkeys(forms, 0.0)  # seconds of the recipe
    with tempfile.TemporaryDirectory() as folder:
        data = options.data or made_up(Path(folder))
        print(f"{options.threads} threads; a mask takes {mask_ms(recipe):.0f} ms\n")
        row(["stage", "batch, ms", "from files", *forms, *(f"ratio {form}" for form in forms[1:])])
        row(["---"] * (2 + 2 * len(forms)))
        for stage in recipe.stages:
            rates: dict[Form, list[float]] = {form: [] for form in forms}
            for _ in range(options.rounds):
                for form in forms:
                    short = of_stage(recipe, stage, options.steps, form)
                    rates[form].append(rate(short, data, form, device))
            medians = {form: statistics.median(found) for form, found in rates.items()}
            for form in forms:
                whole[form] += stage.steps / medians[form]
            one = of_stage(recipe, stage, 20, forms[0])
            times = [f"{batch_ms(one, data, kept=kept):.1f}" for kept in (True, False)]
            ratios = [f"{medians[form] / medians[forms[0]]:.2f}" for form in forms[1:]]
            name = f"{stage.phase}, {stage.batch} of {stage.crop}x{stage.crop}"
            row([name, *times, *(f"{medians[form]:.2f}" for form in forms), *ratios])
    total = [f"{recipe.steps / whole[form]:.2f}" for form in forms]
    ratios = [f"{whole[forms[0]] / whole[form]:.2f}" for form in forms[1:]]
    row(["all, weighed by steps", "", "", *total, *ratios])


if __name__ == "__main__":
    main()
