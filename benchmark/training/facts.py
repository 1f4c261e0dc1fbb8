"""Facts of a finished training, stored as JSON, from which its model card is rendered."""

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
from benchmark.training.validation import metric_of

Row = TypeVar("Row")
CURVE = 100  # rows of the loss log that are kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One validation on held-out images.

    Attributes:
        step: completed steps.
        side: of the images, pixels; stages may differ.
        value: PSNR in dB or AUC, the mean over the images.
    """

    step: int
    side: int
    value: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts of a finished training; the field names are the keys of the JSON file.

    Attributes:
        model: its name.
        recipe: name or file of its recipe.
        recipe_sha256: of the recipe as one line of JSON, without its description.
        seed: of the recipe.
        steps: optimization steps.
        stages: number of stages.
        seconds: time spent in steps.
        wall: wall-clock seconds, including data loading, sample images and checkpoints.
        machine: processor, threads, devices and torch version.
        photographs: number of usable images.
        held_out: number of held-out images among them.
        left_out: number of files that could not be read or are too small.
        test_photographs: number of test images that were explicitly allowed.
        data_sha256: over the content hashes of all usable images, regardless of file names.
        masks: description of the masks.
        file: name of the exported weights.
        bytes: size of this file.
        sha256: checksum of this file.
        parameters: number of parameters of the exported network.
        config: sizes of the network.
        last: the loss terms of the log's last row, with their total.
        best: step and total of the row with the smallest total.
        curve: rows of the log, evenly spaced: step, rate, terms and total.
        measured: validation metric, "psnr" or "auc".
        held_out_curve: values on held-out images; empty if none are held out.
        forgers: for a detector, the shares of the forgery sources in its last stage.
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


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The data of a training.

    Attributes:
        images: the images.
        masks: the masks.
    """

    images: TrainingImages
    masks: Masks


def collect_facts(
    trainer: Trainer, weights: Path, *, label: str, data: TrainingData, running: TrainOptions
) -> Facts:
    """The facts of a training that has just finished.

    Args:
        trainer: the training.
        weights: the exported weights.
        label: name or file of its recipe.
        data: images and masks.
        running: its devices.
    """
    recipe, state = trainer.recipe, trainer.state
    rows = read_rows(trainer.out / LOSSES)
    best = min(rows, key=lambda row: row["total"])
    return Facts(
        model=recipe.model,
        recipe=label,
        recipe_sha256=recipe_digest(recipe),
        seed=recipe.seed,
        steps=state.step,
        stages=len(recipe.stages),
        seconds=round(state.seconds, 1),
        wall=round(state.wall, 1),
        machine=describe_machine(running),
        photographs=len(data.images),
        held_out=recipe.held_out,
        left_out=len(data.images.left_out),
        test_photographs=len(data.images.test),
        data_sha256=data.images.digest,
        masks=str(data.masks),
        file=weights.name,
        bytes=weights.stat().st_size,
        sha256=sha256_of(weights),
        parameters=sum(p.numel() for p in trainer.learner.network.parameters()),
        config=trainer.learner.config(),
        last={name: v for name, v in rows[-1].items() if name not in ("step", "seconds", "rate")},
        best={name: best[name] for name in ("step", "total")},
        curve=tuple(
            {name: value for name, value in row.items() if name != "seconds"}
            for row in evenly_spaced(rows, CURVE)
        ),
        measured=metric_of(recipe),
        held_out_curve=_held_out_curve(trainer),
        forgers={one.name: one.share for one in recipe.stages[-1].forgers},
    )


def _held_out_curve(trainer: Trainer) -> tuple[Measured, ...]:
    metric = metric_of(trainer.recipe)
    return tuple(
        Measured(step=int(row["step"]), side=int(row["side"]), value=row[metric])
        for row in read_rows(trainer.out / HELD_OUT)
    )


def write_facts(facts: Facts, path: Path) -> None:
    """Write facts as JSON.

    Raises:
        OutputError: if the file cannot be written.
    """
    write_text(path, json.dumps(asdict(facts), indent=1) + "\n")


def read_facts(path: Path) -> Facts:
    """Read the JSON file of `write_facts`.

    Raises:
        TrainingError: if it is missing or invalid.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        curve = tuple(Measured(**row) for row in content.pop("held_out_curve"))
        return Facts(**{**content, "curve": tuple(content["curve"]), "held_out_curve": curve})
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise TrainingError(
            f"{path}: not the summary of a training, which bench train writes as MODEL.json "
            f"({error})"
        ) from None


def recipe_digest(recipe: Recipe) -> str:
    """SHA-256 of a recipe without its description."""
    return hashlib.sha256(recipe.model_copy(update={"about": ""}).text().encode()).hexdigest()


def read_rows(path: Path) -> list[dict[str, float]]:
    """The rows of a CSV log, each without its empty columns."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [{name: float(value) for name, value in row.items() if value} for row in rows]


def describe_machine(running: TrainOptions) -> str:
    """Processor or GPUs, number of threads, and torch version."""
    devices = running.torch_devices
    on_gpu = torch.device(devices[0]).type == "cuda"
    gpus = {torch.cuda.get_device_name(device) for device in devices} if on_gpu else set()
    names = ", ".join(sorted(gpus)) or processor()
    count = f"{len(devices)} x " if len(devices) > 1 else ""
    return f"{count}{names}, {torch.get_num_threads()} threads, torch {torch.__version__}"


def evenly_spaced(rows: Sequence[Row], count: int) -> list[Row]:
    """At most `count` rows, evenly spaced, including the first and the last."""
    last = len(rows) - 1
    return [rows[i] for i in sorted({round(i * last / (count - 1)) for i in range(count)})]
