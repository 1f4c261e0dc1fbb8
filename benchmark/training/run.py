"""Run or resume the training of one model from its recipe, and export its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmark.core.errors import TrainingError
from benchmark.core.training_exposure import SYNTHETIC_FORGERIES
from benchmark.training.data.options import Forger
from benchmark.training.options import DEFAULT_OPTIONS, TrainOptions
from benchmark.training.recipe import LEARNERS, Recipe, label_of, read_recipe

if TYPE_CHECKING:  # recipes are listed without loading torch
    from benchmark.training.data.sets import SetOptions
    from benchmark.training.distributed import ProcessGroup
    from benchmark.training.facts import TrainingData
    from benchmark.training.start import Start
    from benchmark.training.trainer import Trainer


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainResult:
    """The result of a training run.

    Attributes:
        model: its name.
        steps: completed steps, including those of the runs that it resumed.
        finished: False if it was interrupted before the last step of the recipe.
        seconds: time spent in steps.
        weights: the exported .safetensors file, or None if not finished.
        official: the exported files in the authors' layout.
        facts: the JSON file for its model card, or None if not finished.
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
    """What a training reads: folders of data, and weights to start from.

    Attributes:
        photographs: folder of images, searched recursively; None for a detector that is trained on
            existing forgeries alone.
        masks: folder of masks, or one mask; None for randomly generated masks.
        forgeries: for a detector, a set of existing forgeries.
        allow_test_photos: accept test images of the benchmark; their names are stored in the
            metadata of the weights.
        start: weights to start from: "official", "mini", or a path; the network has their sizes.
    """

    photographs: Path | None = None
    masks: Path | None = None
    forgeries: SetOptions | None = None
    allow_test_photos: bool = False
    start: str | Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Job:
    """The arguments of a training process."""

    recipe: Recipe
    label: str
    data: Folders
    out: Path
    running: TrainOptions
    forgers: Mapping[str, Path] = field(default_factory=dict)
    start: Start | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A trainer, and the data that it trains on."""

    trainer: Trainer
    data: TrainingData


def train(
    name: str,
    *,
    recipe: str | Path | Recipe = "mini",
    data: Path | Folders,
    out: Path,
    running: TrainOptions = DEFAULT_OPTIONS,
    smoke: bool = False,
    forgers: Mapping[str, Path] | None = None,
) -> TrainResult:
    """Train a model, or resume the run in `out`, and export its weights when it is finished.

    Args:
        name: a name of `LEARNERS`.
        recipe: "mini", "paper", a TOML file, or a recipe.
        data: folder of images, or all that the training reads.
        out: folder for the checkpoint, the logs, sample images, the exported weights, NAME.json
            (facts), NAME.md (the model card) and NAME.png (loss curves).
        running: devices, data workers, and output.
        smoke: run the recipe with a tiny network and two steps per stage: seconds on a CPU.
        forgers: by inpainter, weights for generating a detector's forgeries where the recipe names
            "mini", instead of the installed ones.

    Returns:
        The result, with the paths of the exported files.

    Raises:
        UnknownName: if there is no such trainable model.
        BadInput: if a device does not exist, or data are missing or of no use to the model.
        MissingWeights: if there are no such weights to start from.
        WeightsError: if they are damaged, of another model or do not fit.
        TrainingError: if the recipe or the checkpoint is invalid, or a loss is NaN.
        DataError: if there are too few images, test images among them, or no masks; those
            that cannot be used are left out, and counted in a line.
        OutputError: if `out` cannot be written.
    """
    from benchmark.training.distributed import SINGLE_PROCESS, launch
    from benchmark.training.logger import print_status
    from benchmark.training.sources import check_folders
    from benchmark.training.start import find_start, told, with_sizes_of

    chosen = chosen_recipe(name, recipe, smoke=smoke)
    label = label_of(chosen, recipe, smoke=smoke)
    folders = data if isinstance(data, Folders) else Folders(photographs=data)
    check_folders(chosen, folders)
    found = None if folders.start is None else find_start(name, folders.start)
    if found is not None:
        print_status(told(found, chosen))
        chosen = with_sizes_of(found, chosen)
    job = _Job(
        recipe=chosen,
        label=label,
        data=folders,
        out=out,
        running=running,
        forgers=forgers or {},
        start=found,
    )
    devices = running.torch_devices
    if len(devices) == 1:
        return _train(SINGLE_PROCESS, devices[0], job)
    return launch(_train, devices, job)


def _train(process_group: ProcessGroup, device: str, job: _Job) -> TrainResult:
    """The job of each process; rank 0 exports the weights."""
    prepared = _prepare(process_group, device, job)
    outcome = prepared.trainer.run()
    result = TrainResult(
        model=job.recipe.model,
        steps=outcome.steps,
        finished=outcome.finished,
        seconds=outcome.seconds,
    )
    if not outcome.finished or not process_group.is_rank_zero:
        return result
    return _export(result, prepared, job)


def _prepare(process_group: ProcessGroup, device_name: str, job: _Job) -> _Prepared:
    """Read the data, and build the training module and its trainer."""
    import torch

    from benchmark.core.model import check_device
    from benchmark.core.paths import make_folder
    from benchmark.core.seeds import seed_of
    from benchmark.training.precision import check_precision
    from benchmark.training.recipe import read_part
    from benchmark.training.sources import read_source
    from benchmark.training.start import load_start
    from benchmark.training.trainer import Trainer

    recipe, start = job.recipe, job.start
    device = check_device(device_name)
    check_precision(recipe, device)
    learner_class = LEARNERS.load(recipe.model)
    losses = read_part(learner_class.Losses, recipe.losses, f"recipe of {recipe.model}, losses")
    data, source = read_source(
        recipe,
        job.data,
        device=device_name,
        running=job.running,
        weights=job.forgers,
        pads=getattr(learner_class, "ignores", False),
        verbose=process_group.is_rank_zero,
    )
    torch.manual_seed(seed_of(recipe.seed, "weights"))
    if start is not None:  # they replace pretrained parts, whose files need not be there
        parts = getattr(learner_class, "pretrained", ())
        losses = losses.model_copy(update=dict.fromkeys(parts, ""))
    learner = learner_class(recipe.network, losses, device)
    if start is not None:
        load_start(learner, start)
    trainer = Trainer(
        recipe,
        learner,
        source,
        out=make_folder(job.out),
        device=device,
        running=job.running,
        process_group=process_group,
    )
    trainer.set_origin(_origin(job, data))
    return _Prepared(trainer=trainer, data=data)


def chosen_recipe(
    name: str, recipe: str | Path | Recipe = "mini", *, smoke: bool = False
) -> Recipe:
    """Resolve the `recipe` and `smoke` arguments of `train`.

    Raises:
        UnknownName: if there is no such trainable model.
        TrainingError: if the recipe is invalid.
    """
    chosen = recipe if isinstance(recipe, Recipe) else read_recipe(name, recipe)
    return _tiny(chosen, LEARNERS.load(name).tiny) if smoke else chosen


def _tiny(recipe: Recipe, tables: dict[str, dict[str, Any]]) -> Recipe:
    """Shrink a recipe to tiny networks and sizes; all stages, phases and losses stay."""
    named = {forger.name for stage in recipe.stages for forger in stage.forgers}
    pasted = tuple(Forger(name=name) for name in SYNTHETIC_FORGERIES if name in named)
    few = (Forger(name="meanfill", pool=4), Forger(name="original", pool=2), *pasted)
    small = {"steps": 2, "batch": 2 * recipe.accumulate, "crop": 64, "sides": (64,)}
    switches = {name: v for name, v in recipe.network.items() if isinstance(v, bool)}
    stages = tuple(
        stage.model_copy(update=small | ({"forgers": few} if stage.forgers else {}))
        for stage in recipe.stages
    )
    changes = {
        "network": tables["network"] | switches,  # switches define the model variant
        "losses": recipe.losses | tables["losses"],
        "stages": stages,
        "held_out": 2,
        "precise_bn_batches": min(2, recipe.precise_bn_batches),
        "false_positive_rate": 0.5 if recipe.false_positive_rate else 0.0,
        "minimum": 4,
        "holes": recipe.holes.model_copy(update={"pool": 4}),
        "checkpoint_every": 2,
        "log_every": 1,
    }
    return recipe.model_copy(update=changes)


def _origin(job: _Job, data: TrainingData) -> dict[str, str]:
    """What a checkpoint says of the start and the set, so that a resume with others is refused."""
    found = {}
    if job.start is not None:
        found["--start"] = f"{job.start.edition} {job.start.sha256}"
    if data.forgeries is not None:
        share = f"{data.share:.4g} of the images"
        order = data.set_order(job.recipe)[:12]  # of names, which decide draws and held-out images
        found["--forgeries"] = f"{data.forgeries.digest} ({share}, names and groups {order})"
    return found


def _calibrate(trainer: Trainer) -> int:
    """Calibrate a detector, and return the number of authentic images that it was done on."""
    from benchmark.training.calibration import calibrate
    from benchmark.training.data.existing import ExistingForgeryData
    from benchmark.training.data.forgeries import ForgeryData

    if not isinstance(trainer.source, ForgeryData | ExistingForgeryData):
        raise TrainingError(
            f"recipe of {trainer.recipe.model}: false_positive_rate is for detectors only"
        )
    authentic = [one.to(trainer.device) for one in trainer.source.authentic_images()]
    calibrate(trainer.learner, authentic, trainer.recipe.false_positive_rate)
    return len(authentic)


def _export(result: TrainResult, prepared: _Prepared, job: _Job) -> TrainResult:
    """Export the weights, and write the facts and the model card of the training."""
    from benchmark.core.paths import write_text
    from benchmark.training.export import export_official, export_safetensors
    from benchmark.training.facts import collect_facts, write_facts
    from benchmark.training.model_card import draw_curves, render_card
    from benchmark.training.precise_bn import measure_batch_norms

    trainer, data = prepared.trainer, prepared.data
    recipe, out = trainer.recipe, job.out
    path = out / f"{recipe.model}.safetensors"
    network = trainer.network_to_export()
    if recipe.precise_bn_batches:
        measure_batch_norms(trainer.learner, trainer.source, recipe, trainer.device)
    calibrated = _calibrate(trainer) if recipe.false_positive_rate else 0
    trainer.learner.finish()
    export_safetensors(network, path, _metadata(trainer, data, job.start, calibrated))
    official = tuple(export_official(trainer.learner.official(trainer.state.step), out))
    start = job.start.identity if job.start is not None else None
    facts = collect_facts(
        trainer, path, label=job.label, data=data, running=job.running, start=start
    )
    write_facts(facts, out / f"{recipe.model}.json")
    write_text(out / f"{recipe.model}.md", render_card(facts))
    draw_curves(facts, out / f"{recipe.model}.png")
    return replace(result, weights=path, official=official, facts=out / f"{recipe.model}.json")


def _metadata(
    trainer: Trainer, data: TrainingData, start: Start | None, calibrated: int
) -> dict[str, Any]:
    """The metadata of the exported weights; its keys are read by earlier versions too."""
    from benchmark.training.exposure import exposure

    recipe = trainer.recipe
    metadata = {
        "model": recipe.model,
        "config": trainer.learner.config(),
        "recipe": recipe.as_written(),
        "steps": trainer.state.step,
        "seed": recipe.seed,
        "test_photographs": data.test,
    }
    if start is not None:
        metadata["start"] = start.identity
    if data.forgeries is not None and calibrated:
        metadata["calibrated_on"] = calibrated
    if recipe.detects:
        metadata |= exposure(recipe, data, start)
    return metadata
