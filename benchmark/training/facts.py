"""What is known of a finished training, for its model card: one small JSON file."""

from __future__ import annotations

import csv
import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TypeVar

import torch

from benchmark.core.checkpoints.resolve import sha256_of
from benchmark.core.errors import TrainingError
from benchmark.core.paths import write_text
from benchmark.core.processor import processor
from benchmark.training.data.images import TrainingImages
from benchmark.training.data.masks import Masks
from benchmark.training.logger import HELD_OUT, LOSSES
from benchmark.training.options import TrainOptions
from benchmark.training.recipe import Recipe
from benchmark.training.trainer import Trainer
from benchmark.training.validation import measure_of

Row = TypeVar("Row")
CURVE = 100  # rows of the log that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One look at held-out images.

    Attributes:
        step: steps done.
        side: of the images, pixels; stages may differ.
        value: PSNR in dB or AUC, the mean over the images.
    """

    step: int
    side: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """A finished training.

    Attributes:
        model: its name.
        recipe: name or file of its recipe.
        recipe_sha256: of the recipe as one line of JSON, without its description.
        seed: of the recipe.
        steps: optimisation steps.
        stages: how many stages they are in.
        seconds: time spent in steps.
        wall: seconds that its runs took, with reading, sample images and checkpoints.
        machine: processor, threads, devices and torch, in general words.
        photographs: how many could be used.
        held_out: how many of them no step saw.
        left_out: how many files could not be read or are too small.
        test_photographs: how many are test images, which were allowed in.
        data_sha256: over the content hashes of all usable images, whatever their names.
        masks: what they are, in words.
        file: name of the exported weights.
        bytes: their size.
        sha256: their checksum.
        parameters: numbers that the exported network has learned.
        config: sizes of the network.
        last: the loss terms of the log's last row, with their total.
        best: step and total of the row with the least total.
        curve: rows of the log, evenly spaced: step, rate, terms and total.
        measured: "psnr" or "auc".
        held_out_curve: what it was on held-out images; empty where none are held out.
        forgers: of a detector's recipe, with their shares in its last stage; none of an inpainter.
    """

    model: str
    recipe: str
    recipe_sha256: str
    seed: int
    steps: int
    stages: int
    seconds: float
    wall: float
    machine: str
    photographs: int
    held_out: int
    left_out: int
    test_photographs: int
    data_sha256: str
    masks: str
    file: str
    bytes: int
    sha256: str
    parameters: int
    config: dict[str, object]
    last: dict[str, float]
    best: dict[str, float]
    curve: tuple[dict[str, float], ...]
    measured: str
    held_out_curve: tuple[Measured, ...]
    forgers: dict[str, float] = field(default_factory=dict)


def gather(
    loop: Trainer,
    weights: Path,
    *,
    label: str,
    data: tuple[TrainingImages, Masks],
    running: TrainOptions,
) -> Facts:
    """The facts of a training that has just ended.

    Args:
        loop: it.
        weights: what was exported.
        label: name or file of its recipe.
        data: what it learned from.
        running: its devices.
    """
    recipe, state, (photographs, masks) = loop.recipe, loop.state, data
    rows = read_rows(loop.out / LOSSES)
    measured = measure_of(recipe)
    return Facts(
        model=recipe.model,
        recipe=label,
        recipe_sha256=recipe_digest(recipe),
        seed=recipe.seed,
        steps=state.step,
        stages=len(recipe.stages),
        seconds=round(state.seconds, 1),
        wall=round(state.wall, 1),
        machine=machine(running),
        photographs=len(photographs),
        held_out=recipe.held_out,
        left_out=len(photographs.left_out),
        test_photographs=len(photographs.test),
        data_sha256=photographs.digest,
        masks=str(masks),
        file=weights.name,
        bytes=weights.stat().st_size,
        sha256=sha256_of(weights),
        parameters=sum(p.numel() for p in loop.learner.network.parameters()),
        config=loop.learner.config(),
        last={name: v for name, v in rows[-1].items() if name not in ("step", "seconds", "rate")},
        best={name: min(rows, key=lambda row: row["total"])[name] for name in ("step", "total")},
        curve=tuple(
            {name: value for name, value in row.items() if name != "seconds"}
            for row in spaced(rows, CURVE)
        ),
        measured=measured,
        held_out_curve=tuple(
            Measured(step=int(row["step"]), side=int(row["side"]), value=row[measured])
            for row in read_rows(loop.out / HELD_OUT)
        ),
        forgers={one.name: one.share for one in recipe.stages[-1].forgers},
    )


def write_facts(facts: Facts, path: Path) -> None:
    """Write them as JSON.

    Raises:
        OutputError: if the file cannot be written.
    """
    write_text(path, json.dumps(asdict(facts), indent=1) + "\n")


def read_facts(path: Path) -> Facts:
    """Read what `write_facts` wrote.

    Raises:
        TrainingError: if it is missing or something else.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        curve = tuple(Measured(**row) for row in content.pop("held_out_curve"))
        return Facts(**{**content, "curve": tuple(content["curve"]), "held_out_curve": curve})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise TrainingError(f"{path}: no facts of a training ({error})") from None


def recipe_digest(recipe: Recipe) -> str:
    """SHA-256 of what a recipe asks for; its description is left out."""
    return hashlib.sha256(recipe.model_copy(update={"about": ""}).text().encode()).hexdigest()


def read_rows(path: Path) -> list[dict[str, float]]:
    """Rows of a training's table, without the columns that are empty in them."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(value) for name, value in row.items() if value} for row in rows]


def machine(running: TrainOptions) -> str:
    """The machine in general words: processor, threads, devices, torch."""
    kind = torch.device(running.places[0]).type
    cards = {torch.cuda.get_device_name(place) for place in running.places if kind == "cuda"}
    names = ", ".join(sorted(cards)) or processor()
    count = f"{len(running.places)} x " if len(running.places) > 1 else ""
    return f"{count}{names}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def spaced(rows: Sequence[Row], count: int) -> list[Row]:
    """At most `count` of some rows, evenly spaced, the first and the last among them."""
    last = len(rows) - 1
    return [rows[i] for i in sorted({round(i * last / (count - 1)) for i in range(count)})]
