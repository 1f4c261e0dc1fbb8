"""Training: one public function, `train`, for every model that has a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import TrainingError
from benchmark.training.recipe import LEARNERS, Forger, Recipe, read_recipe

if TYPE_CHECKING:  # recipes are listed without loading torch
    from benchmark.training.data import Photographs, Source
    from benchmark.training.loop import Loop

__all__ = ["LEARNERS", "Folders", "Recipe", "TrainResult", "chosen_recipe", "read_recipe", "train"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """What a training run left.

    Attributes:
        model: what was trained.
        steps: steps done, in this run and those it resumed.
        finished: False where it was asked to stop before the recipe's last step.
        seconds: time spent in steps.
        weights: the exported .safetensors file, or None where it is not finished.
        official: the exported files in the authors' layout.
    """

    model: str
    steps: int
    finished: bool
    seconds: float
    weights: Path | None
    official: tuple[Path, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """What a model learns from.

    Attributes:
        photographs: folder of photographs, searched with its subfolders.
        masks: folder of masks; drawn by the generator where none is given.
        allow_test_photos: whether there may be photographs that results are measured on; their
            names are then noted in the weights' metadata.
    """

    photographs: Path
    masks: Path | None = None
    allow_test_photos: bool = False


def train(
    name: str,
    *,
    recipe: str | Path | Recipe = "mini",
    data: Path | Folders,
    out: Path,
    device: str = "cpu",
    smoke: bool = False,
    forgers: Mapping[str, Path] | None = None,
) -> TrainResult:
    """Train a model, or go on with the run in `out`, and export its weights when it is finished.

    Args:
        name: a name of `LEARNERS`.
        recipe: "mini", "paper", a TOML file, or a recipe.
        data: folder of photographs, or folders of photographs and masks.
        out: folder for the checkpoint, log.csv, sample pictures and the exported weights.
        device: a torch device.
        smoke: the same recipe with a tiny network and two steps a stage: seconds on a CPU.
        forgers: weights of inpainters that make a detector's forgeries, where the recipe says
            "mini" of them, instead of those that are installed.

    Returns:
        What was left in `out`.

    Raises:
        UnknownName: if no such model can be trained.
        TrainingError: if the recipe or a checkpoint is wrong, or a loss turns NaN.
        DataError: if there are too few photographs, test photographs among them, or no masks.
        OutputError: if `out` cannot be written.
    """
    import torch

    from benchmark.core.model import check_device
    from benchmark.core.paths import make_folder
    from benchmark.core.seeds import seed_of
    from benchmark.training.data import read_photographs
    from benchmark.training.loop import Loop
    from benchmark.training.recipe import read_part

    chosen = chosen_recipe(name, recipe, smoke=smoke)
    kind = LEARNERS.load(name)
    losses = read_part(kind.Losses, chosen.losses, f"recipe of {name}, losses")
    where = check_device(device)
    folders = data if isinstance(data, Folders) else Folders(photographs=data)
    photographs = read_photographs(
        folders.photographs,
        sides=[side for stage in chosen.stages for side in stage.sides],
        minimum=chosen.minimum,
        allow_test=folders.allow_test_photos,
    )
    source = _source(chosen, photographs, folders.masks, device, forgers or {})
    torch.manual_seed(seed_of(chosen.seed, "weights"))
    learner = kind(chosen.network, losses, where)
    loop = Loop(chosen, learner, source, out=make_folder(out), device=where)
    outcome = loop.run()
    weights, official = _export(loop, out, photographs) if outcome.finished else (None, ())
    return TrainResult(
        model=name,
        steps=outcome.steps,
        finished=outcome.finished,
        seconds=outcome.seconds,
        weights=weights,
        official=official,
    )


def chosen_recipe(
    name: str, recipe: str | Path | Recipe = "mini", *, smoke: bool = False
) -> Recipe:
    """The recipe that `train` follows; see there.

    Raises:
        UnknownName: if no such model can be trained.
        TrainingError: if the recipe is wrong.
    """
    chosen = recipe if isinstance(recipe, Recipe) else read_recipe(name, recipe)
    return _tiny(chosen, LEARNERS.load(name).tiny) if smoke else chosen


def _tiny(recipe: Recipe, tables: dict[str, dict[str, Any]]) -> Recipe:
    """The recipe with tiny networks and sizes: every stage, phase and loss, in seconds."""
    forgers = {"forgers": (Forger(name="meanfill", pool=4), Forger(name="original", pool=2))}
    small = {"steps": 2, "batch": 2 * recipe.accumulate, "crop": 64, "sides": (64,)}
    switches = {name: v for name, v in recipe.network.items() if isinstance(v, bool)}
    stages = tuple(
        stage.model_copy(update=small | (forgers if stage.forgers else {}))
        for stage in recipe.stages
    )
    changes = {
        "network": tables["network"] | switches,  # what makes it the variant that it is
        "losses": recipe.losses | tables["losses"],
        "stages": stages,
        "held_out": 2,
        "norm_batches": min(2, recipe.norm_batches),
        "false_alarms": 0.5 if recipe.false_alarms else 0.0,
        "minimum": 4,
        "holes": recipe.holes.model_copy(update={"pool": 4}),
        "checkpoint_every": 2,
        "log_every": 1,
    }
    return recipe.model_copy(update=changes)


def _source(
    recipe: Recipe,
    photographs: Photographs,
    masks: Path | None,
    device: str,
    forgers: Mapping[str, Path],
) -> Source:
    from benchmark.training.data import InpaintingData, Masks

    holes = Masks(recipe.holes, seed=recipe.seed, folder=masks)
    if any(stage.forgers for stage in recipe.stages):
        from benchmark.training.forgeries import ForgeryData

        return ForgeryData(recipe, photographs, holes, device=device, weights=forgers)
    return InpaintingData(recipe, photographs, holes)


def _calibrate(loop: Loop) -> None:
    from benchmark.training.calibration import calibrate
    from benchmark.training.forgeries import ForgeryData

    if not isinstance(loop.source, ForgeryData):
        raise TrainingError(f"recipe of {loop.recipe.model}: false_alarms is for detectors")
    originals = loop.source.untouched().to(loop.device)
    calibrate(loop.learner, originals, loop.recipe.false_alarms)


def _export(loop: Loop, out: Path, photographs: Photographs) -> tuple[Path, tuple[Path, ...]]:
    from benchmark.training.export import export_official, export_safetensors
    from benchmark.training.norms import measure_norms

    recipe = loop.recipe
    noted = {
        "model": recipe.model,
        "config": loop.learner.config(),
        "recipe": recipe.model_dump(mode="json"),
        "steps": loop.step,
        "seed": recipe.seed,
        "test_photographs": list(photographs.test),
    }
    path = out / f"{recipe.model}.safetensors"
    network = loop.exported()
    if recipe.norm_batches:
        measure_norms(loop.learner, loop.source, recipe, loop.device)
    if recipe.false_alarms:
        _calibrate(loop)
    export_safetensors(network, path, noted)
    return path, tuple(export_official(loop.learner.official(loop.step), out))
