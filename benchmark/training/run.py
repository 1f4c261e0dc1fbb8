"""Train a model from its recipe, or resume it, and export its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import TrainingError
from benchmark.core.training_exposure import MADE_HERE
from benchmark.training.data.options import Forger
from benchmark.training.options import PLAIN, TrainOptions
from benchmark.training.recipe import LEARNERS, Recipe, label_of, read_recipe

if TYPE_CHECKING:  # recipes are listed without loading torch
    from benchmark.training.data.batches import Source
    from benchmark.training.data.images import TrainingImages
    from benchmark.training.data.masks import Masks
    from benchmark.training.distributed import ProcessGroup
    from benchmark.training.trainer import Trainer


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
        facts: the JSON file for its model card, or None where it is not finished.
    """

    model: str
    steps: int
    finished: bool
    seconds: float
    weights: Path | None = None
    official: tuple[Path, ...] = ()
    facts: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Folders:
    """What a model learns from.

    Attributes:
        photographs: folder of images, searched with its subfolders.
        masks: folder of masks, or one; drawn by the generator where none is given.
        allow_test_photos: whether there may be images that results are measured on; their
            names are then noted in the weights' metadata.
    """

    photographs: Path
    masks: Path | None = None
    allow_test_photos: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """All that a process needs to train."""

    recipe: Recipe
    label: str
    data: Folders
    out: Path
    running: TrainOptions
    forgers: Mapping[str, Path] = field(default_factory=dict)


def train(
    name: str,
    *,
    recipe: str | Path | Recipe = "mini",
    data: Path | Folders,
    out: Path,
    running: TrainOptions = PLAIN,
    smoke: bool = False,
    forgers: Mapping[str, Path] | None = None,
) -> TrainResult:
    """Train a model, or go on with the run in `out`, and export its weights when it is finished.

    Args:
        name: a name of `LEARNERS`.
        recipe: "mini", "paper", a TOML file, or a recipe.
        data: folder of images, or folders of images and masks.
        out: folder for the checkpoint, the log, sample images, the exported weights, and what is
            known of the training: NAME.json, NAME.md (a model card) and NAME.png (its curves).
        running: devices, data workers, and what is told besides.
        smoke: the same recipe with a tiny network and two steps a stage: seconds on a CPU.
        forgers: weights of inpainters that make a detector's forgeries, where the recipe says
            "mini" of them, instead of those that are installed.

    Returns:
        What was left in `out`.

    Raises:
        UnknownName: if no such model can be trained.
        BadInput: if a device is not there.
        TrainingError: if the recipe or a checkpoint is wrong, or a loss turns NaN.
        DataError: if there are too few images, test images among them, or no masks; those
            that cannot be used are left out, and said.
        OutputError: if `out` cannot be written.
    """
    from benchmark.training.distributed import ALONE, launch

    chosen = chosen_recipe(name, recipe, smoke=smoke)
    job = _Job(
        recipe=chosen,
        label=label_of(chosen, recipe, smoke=smoke),
        data=data if isinstance(data, Folders) else Folders(photographs=data),
        out=out,
        running=running,
        forgers=forgers or {},
    )
    places = running.places
    return _train(ALONE, places[0], job) if len(places) == 1 else launch(_train, places, job)


def _train(team: ProcessGroup, device: str, job: _Job) -> TrainResult:
    """What each process does; the first of a team writes."""
    import torch

    from benchmark.core.model import check_device
    from benchmark.core.paths import make_folder
    from benchmark.core.seeds import seed_of
    from benchmark.training.precision import check_precision
    from benchmark.training.recipe import read_part
    from benchmark.training.trainer import Trainer

    chosen = job.recipe
    where = check_device(device)
    check_precision(chosen, where)
    kind = LEARNERS.load(chosen.model)
    losses = read_part(kind.Losses, chosen.losses, f"recipe of {chosen.model}, losses")
    photographs, masks = _read(job, speak=team.first)
    source = _source(job, photographs, masks, device)
    torch.manual_seed(seed_of(chosen.seed, "weights"))
    learner = kind(chosen.network, losses, where)
    out = make_folder(job.out)
    loop = Trainer(chosen, learner, source, out=out, device=where, running=job.running, team=team)
    outcome = loop.run()
    result = TrainResult(
        model=chosen.model,
        steps=outcome.steps,
        finished=outcome.finished,
        seconds=outcome.seconds,
    )
    if not outcome.finished or not team.first:
        return result
    return _exported(result, loop, (photographs, masks), job)


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
    named = {forger.name for stage in recipe.stages for forger in stage.forgers}
    pasted = tuple(Forger(name=name) for name in MADE_HERE if name in named)
    few = (Forger(name="meanfill", pool=4), Forger(name="original", pool=2), *pasted)
    small = {"steps": 2, "batch": 2 * recipe.accumulate, "crop": 64, "sides": (64,)}
    switches = {name: v for name, v in recipe.network.items() if isinstance(v, bool)}
    stages = tuple(
        stage.model_copy(update=small | ({"forgers": few} if stage.forgers else {}))
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


def _read(job: _Job, *, speak: bool) -> tuple[TrainingImages, Masks]:
    """Images and masks; what is left out of them is said."""
    from benchmark.training.data.images import read_training_images
    from benchmark.training.data.masks import Masks, told
    from benchmark.training.logger import say

    recipe, folders = job.recipe, job.data
    photographs = read_training_images(
        folders.photographs,
        sides=[side for stage in recipe.stages for side in stage.sides],
        minimum=recipe.minimum,
        allow_test=folders.allow_test_photos,
        workers=job.running.data_workers,
    )
    sizes = {size for stage in recipe.stages for size in (*stage.sides, stage.crop)}
    masks = Masks(recipe.holes, seed=recipe.seed, folder=folders.masks, sizes=sizes)
    for what, found, used in (
        ("photographs", photographs, len(photographs)),
        ("masks", masks, len(masks.files)),
    ):
        if speak and found.left_out:
            count = f"{len(found.left_out)} of {len(found.left_out) + used}"
            say(f"Left out: {count} {what}: {told(found.left_out)}")
        if speak and found.beside:
            say(f"Left out beside the {what}: {'; '.join(found.beside)}")
    return photographs, masks


def _source(job: _Job, photographs: TrainingImages, masks: Masks, device: str) -> Source:
    from benchmark.training.data.batches import InpaintingData

    if any(stage.forgers for stage in job.recipe.stages):
        from benchmark.training.data.forgeries import ForgeryData

        return ForgeryData(job.recipe, photographs, masks, device=device, weights=job.forgers)
    return InpaintingData(job.recipe, photographs, masks)


def _calibrate(loop: Trainer) -> None:
    from benchmark.training.calibration import calibrate
    from benchmark.training.data.forgeries import ForgeryData

    if not isinstance(loop.source, ForgeryData):
        raise TrainingError(f"recipe of {loop.recipe.model}: false_alarms is for detectors")
    originals = loop.source.untouched().to(loop.device)
    calibrate(loop.learner, originals, loop.recipe.false_alarms)


def _exported(
    result: TrainResult, loop: Trainer, data: tuple[TrainingImages, Masks], job: _Job
) -> TrainResult:
    """Write the weights, and beside them what is known of the training."""
    from benchmark.core.paths import write_text
    from benchmark.training.export import export_official, export_safetensors
    from benchmark.training.facts import gather, write_facts
    from benchmark.training.model_card import draw_curves, render_card
    from benchmark.training.precise_bn import measure_batch_norms

    recipe, out = loop.recipe, job.out
    noted = {
        "model": recipe.model,
        "config": loop.learner.config(),
        "recipe": recipe.model_dump(mode="json"),
        "steps": loop.state.step,
        "seed": recipe.seed,
        "test_photographs": list(data[0].test),
    }
    if recipe.met is not None:
        noted["met"] = list(recipe.met)
    path = out / f"{recipe.model}.safetensors"
    network = loop.exported()
    if recipe.norm_batches:
        measure_batch_norms(loop.learner, loop.source, recipe, loop.device)
    if recipe.false_alarms:
        _calibrate(loop)
    loop.learner.finish()
    export_safetensors(network, path, noted)
    official = tuple(export_official(loop.learner.official(loop.state.step), out))
    facts = gather(loop, path, label=job.label, data=data, running=job.running)
    write_facts(facts, out / f"{recipe.model}.json")
    write_text(out / f"{recipe.model}.md", render_card(facts))
    draw_curves(facts, out / f"{recipe.model}.png")
    return replace(result, weights=path, official=official, facts=out / f"{recipe.model}.json")
