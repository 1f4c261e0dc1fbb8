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

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.errors import TrainingError
from benchmark.core.paths import write_text
from benchmark.core.processor import processor
from benchmark.training.data.existing import lists_of
from benchmark.training.data.images import TrainingImages
from benchmark.training.data.masks import Masks
from benchmark.training.data.sets import TrainingForgeries
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
        forgers: for a detector, the shares of the sources of made forgeries in its last stage.
        forgeries: of the set of existing forgeries: layout, SHA-256, numbers of images, share of
            the training images; empty without one.
        start: edition and SHA-256 of the weights that it started from; empty without.
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
    forgeries: dict[str, object] = field(default_factory=dict)
    start: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """The data of a training.

    Attributes:
        images: the images; None for a detector that is trained on existing forgeries alone.
        masks: the masks, likewise.
        forgeries: the set of existing forgeries, or None.
        held: its held-out images.
        share: share of the training images that are drawn from the set.
    """

    images: TrainingImages | None
    masks: Masks | None
    forgeries: TrainingForgeries | None = None
    held: TrainingForgeries | None = None
    share: float = 0.0

    @property
    def test(self) -> list[str]:
        """Names of test images that were explicitly allowed."""
        return [name for part in (self.images, self.forgeries) if part for name in part.test]

    def set_order(self, recipe: Recipe) -> str:
        """SHA-256 of which images of the set are drawn from, in what order, and which are held out.

        The digest of the set does not depend on names, but names and groups decide this.
        """
        if self.forgeries is None or self.held is None:
            raise ValueError("there is no set of forgeries")
        held = {one.item.name for one in self.held.items}
        train = self.forgeries.part(o for o in self.forgeries.items if o.item.name not in held)
        lists = [*lists_of(train, recipe), list(self.held.items)]
        shown = [[(one.sha256, one.item.method) for one in images] for images in lists]
        return hashlib.sha256(json.dumps(shown).encode()).hexdigest()

    def set_facts(self) -> dict[str, object]:
        """Facts of the set of existing forgeries; empty without one."""
        whole = self.forgeries
        if whole is None:
            return {}
        return {
            "layout": whole.layout,
            "sha256": whole.digest,
            "forged": whole.forged,
            "authentic": whole.authentic,
            "originals": whole.groups,
            "held_out": self.held.groups if self.held else 0,
            "left_out": len(whole.left_out),
            "share": self.share,
            "methods": list(whole.methods),
        }


def collect_facts(
    trainer: Trainer,
    weights: Path,
    *,
    label: str,
    data: TrainingData,
    running: TrainOptions,
    start: dict[str, str] | None = None,
) -> Facts:
    """The facts of a training that has just finished.

    Args:
        trainer: the training.
        weights: the exported weights.
        label: name or file of its recipe.
        data: images, masks, and the set of forgeries.
        running: its devices.
        start: edition and SHA-256 of the weights that it started from.
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
        photographs=len(data.images) if data.images else 0,
        held_out=recipe.held_out if data.images else 0,
        left_out=len(data.images.left_out) if data.images else 0,
        test_photographs=len(data.test),
        data_sha256=data.images.digest if data.images else "",
        masks=str(data.masks) if data.masks else "",
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
        forgers=({one.name: one.share for one in recipe.stages[-1].forgers} if data.images else {}),
        forgeries=data.set_facts(),
        start=start or {},
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
    content = asdict(facts)
    for name in ("forgeries", "start"):
        if not content[name]:
            del content[name]
    write_text(path, json.dumps(content, indent=1) + "\n")


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
    return hashlib.sha256(recipe.undescribed().text().encode()).hexdigest()


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
