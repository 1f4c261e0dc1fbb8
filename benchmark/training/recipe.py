"""Training recipes: TOML files with strict keys, read into frozen pydantic models."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from benchmark.core.errors import TrainingError, expectation
from benchmark.core.paths import expand_home
from benchmark.core.registry import Registry
from benchmark.core.toml import parse_toml
from benchmark.core.training_exposure import inpainters_of
from benchmark.training.data.options import (
    Existing,
    Postprocessing,
    RecipeTable,
    Retouching,
    renamed,
)
from benchmark.training.recipe_tables import Holes, OptimizerOptions, Schedule, Stage
from detectors import DETECTORS
from inpainters import INPAINTERS
from inpainters.retired import RETIRED

P = TypeVar("P", bound=BaseModel)
LARGEST_RECIPE = 2**20  # bytes of its file

# The training module of each model, from its card's `learner`; see benchmark.training.learner.
LEARNERS: Registry[Any] = Registry(
    "trainable model",
    {
        name: registry.card(name).learner
        for registry in (INPAINTERS, DETECTORS)
        for name in registry.built_in
        if registry.card(name).learner
    },
    retired=RETIRED,
)


class Recipe(RecipeTable):
    """All settings of a training run, except for the images.

    Attributes:
        model: a name of `LEARNERS`.
        about: description of the recipe, and its departures from the paper.
        seed: seed of everything random.
        network: arguments of the network's configuration; empty for the official sizes.
        losses: the training module's own table: forms and weights of its losses.
        optimizer: defaults for all optimizer roles.
        optimizers: overrides by optimizer role; each is complete after reading.
        accumulate: gradient accumulation: micro-batches per step, whose gradients are averaged.
        precision: "exact", or "bf16": networks run under bfloat16 autocast, on CUDA and on
            processors with AMX or AVX-512 bf16; weights, losses and gradients stay float32.
        schedule: of every learning rate.
        holes: randomly generated masks.
        retouching: for a detector, retouching of holes after inpainting.
        history: for a detector, post-processing of an image before it is forged.
        postprocessing: for a detector, post-processing of the whole image after it is forged.
        forgeries: for a detector, how a set of existing forgeries is drawn from; such a set is
            required where a stage has no `forgers`.
        stages: in their order.
        held_out: images excluded from training, for sample images and validation; of a set of
            existing forgeries, originals: at most a fifth of them.
        minimum: smallest number of images to train on.
        ema_decay: of an exponential moving average of the weights, which is exported; 0 disables
            it.
        precise_bn_batches: batches, of the last steps, over which the batch norm statistics of the
            exported weights are recomputed; 0 keeps the running statistics.
        false_positive_rate: for a detector, the share of held-out authentic images, with and
            without post-processing, that are detected as forged after its operating point is
            calibrated; 0 disables calibration.
        checkpoint_every: steps between checkpoints.
        log_every: steps between rows of the log.
        sample_every: steps between sample images.
    """

    model: str
    about: str = ""
    seed: int = 10
    network: dict[str, Any] = Field(default_factory=dict)
    losses: dict[str, Any] = Field(default_factory=dict)
    optimizer: OptimizerOptions = renamed("optimizer", "optimiser")
    optimizers: dict[str, OptimizerOptions] = renamed(
        "optimizers", "optimisers", default_factory=dict
    )
    accumulate: int = Field(default=1, ge=1)
    precision: Literal["exact", "bf16"] = "exact"
    schedule: Schedule = Schedule()
    holes: Holes = Holes()
    retouching: Retouching = Retouching()
    history: Postprocessing = Postprocessing()
    postprocessing: Postprocessing = renamed(
        "postprocessing", "laundering", default=Postprocessing()
    )
    forgeries: Existing = Existing()
    stages: tuple[Stage, ...] = Field(min_length=1)
    held_out: int = Field(default=0, ge=0)
    minimum: int = Field(default=100, ge=1)
    ema_decay: float = renamed("ema_decay", "average", default=0.0, ge=0, lt=1)
    precise_bn_batches: int = renamed("precise_bn_batches", "norm_batches", default=0, ge=0)
    false_positive_rate: float = renamed(
        "false_positive_rate", "false_alarms", default=0.0, ge=0, lt=1
    )
    checkpoint_every: int = Field(default=1000, ge=1)
    log_every: int = Field(default=50, ge=1)
    sample_every: int = Field(default=1000, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, content: object) -> object:
        """Complete each [optimizers.ROLE] with the values of [optimizer]."""
        if not isinstance(content, dict):
            return content
        common = content.get("optimizer", content.get("optimiser"))
        key = "optimizers" if "optimizers" in content else "optimisers"
        own = content.get(key)
        if not isinstance(common, dict) or not isinstance(own, dict):
            return content
        whole = {
            name: _overridden(common, t) if isinstance(t, dict) else t for name, t in own.items()
        }
        return {**content, key: whole}

    @model_validator(mode="after")
    def _batches_divide(self) -> Recipe:
        for stage in self.stages:
            if stage.batch % self.accumulate:
                raise ValueError(
                    f"a batch of {stage.batch} cannot be split into {self.accumulate} equal parts"
                )
        return self

    @property
    def steps(self) -> int:
        """Total optimization steps of all stages."""
        return sum(stage.steps for stage in self.stages)

    @property
    def detects(self) -> bool:
        """Whether the model is a detector."""
        return self.model in DETECTORS.built_in

    @property
    def makes_forgeries(self) -> bool:
        """Whether every stage has sources of forgeries that are made from images."""
        return all(stage.forgers for stage in self.stages)

    @property
    def met(self) -> tuple[str, ...] | None:
        """The inpainters that make a detector's training forgeries; None for an inpainter."""
        forgers = [one.name for stage in self.stages for one in stage.forgers]
        return tuple(sorted(inpainters_of(forgers))) if self.detects else None

    def at(self, step: int) -> Turn:
        """The stage of `step`, counted from 0, and the position within it."""
        first, pictures = 0, 0
        for stage in self.stages:
            if step < first + stage.steps:
                number = step - first
                return Turn(stage=stage, number=number, seen=pictures + number * stage.batch)
            first, pictures = first + stage.steps, pictures + stage.steps * stage.batch
        raise IndexError(f"step {step} of {self.steps}")

    def optimizer_of(self, role: str) -> OptimizerOptions:
        """The optimizer options of a role: its own, or the common ones."""
        return self.optimizers.get(role, self.optimizer)

    def undescribed(self) -> Recipe:
        """The recipe without its descriptions, which change no number."""
        plain = self.forgeries.model_copy(update={"needs": ""})
        return self.model_copy(update={"about": "", "forgeries": plain})

    def text(self) -> str:
        """The recipe as one line of JSON, equal for equal recipes."""
        return json.dumps(self.as_written(), sort_keys=True)

    def as_written(self) -> dict[str, Any]:
        """The recipe as checkpoints and weights store it, under the keys of the first version.

        A table that the first version did not have is left out where it has only defaults.
        """
        new = {"forgeries"} if self.forgeries == Existing() else None
        return self.model_dump(mode="json", by_alias=True, exclude=new)


def _overridden(common: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """One optimizer table updated by another, whichever name a key has in either."""
    earlier = {n: field.serialization_alias for n, field in OptimizerOptions.model_fields.items()}
    names = {old: name for name, old in earlier.items() if old is not None}
    given = {names.get(key, key) for key in own}
    return {key: value for key, value in common.items() if names.get(key, key) not in given} | own


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The position of a step in a recipe.

    Attributes:
        stage: the stage of the step.
        number: the step within that stage, from 0.
        seen: number of images that all earlier steps used.
    """

    stage: Stage
    number: int
    seen: int


def read_recipe(name: str, recipe: str | Path = "mini") -> Recipe:
    """Find and read the recipe of a model.

    Args:
        name: the model, a name of `LEARNERS`.
        recipe: a name such as "mini" or "paper", or the path of a TOML file.

    Returns:
        The recipe.

    Raises:
        UnknownName: if there is no such trainable model.
        TrainingError: if there is no such recipe, it has an unknown key or an invalid value, or it
            is for another model.
    """
    path = _find(name, recipe)
    try:
        content = parse_toml(_read_small(path))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TrainingError(f"{path}: not a readable TOML file ({error})") from None
    read = read_part(Recipe, content, str(path))
    if read.model != name:
        raise TrainingError(f"{path}: a recipe of {read.model}, not of {name}")
    return read


def _read_small(path: Path) -> str:
    if (size := path.stat().st_size) > LARGEST_RECIPE:
        raise TrainingError(f"{path}: {size:,} bytes are more than {LARGEST_RECIPE:,}; no recipe")
    return path.read_text(encoding="utf-8")


def read_part(kind: type[P], content: dict[str, Any], where: str) -> P:
    """Validate a table of a recipe.

    Raises:
        TrainingError: names the first unknown key or invalid value.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(step) for step in first["loc"]) or "recipe"
        unknown = first["type"] == "extra_forbidden"
        known = f"; known: {', '.join(sorted(kind.model_fields))}" if len(first["loc"]) == 1 else ""
        why = f"unknown key{known}" if unknown else expectation(first).removeprefix("Value error, ")
        raise TrainingError(f"{where}: {key}: {why}") from None


def recipes_of(name: str) -> dict[str, Path]:
    """The recipes that come with a model: {"mini": path, "paper": path}."""
    found = LEARNERS.find(name)
    if found.retired:
        return {}
    package = found.target.partition(".")[0]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return {}
    folder = Path(spec.origin).parent / "training" / "recipes"
    return {
        path.stem.rpartition("-")[2]: path
        for path in sorted(folder.glob("*.toml"))
        if path.stem.rpartition("-")[0] == name  # "safepaint-mini", not "safepaint-ddl-mini"
    }


def label_of(chosen: Recipe, given: str | Path | Recipe, *, smoke: bool = False) -> str:
    """The name of a recipe in a model card: that of a shipped recipe, or the file name."""
    if smoke:
        return "smoke"
    known = {name: read_recipe(chosen.model, name) for name in recipes_of(chosen.model)}
    shipped = next((name for name, recipe in known.items() if recipe == chosen), None)
    return shipped or (chosen.model if isinstance(given, Recipe) else Path(given).name)


def _find(name: str, recipe: str | Path) -> Path:
    known = recipes_of(name)
    if str(recipe) in known:
        return known[str(recipe)]
    path = expand_home(Path(recipe))
    if path.suffix == ".toml" and path.is_file():
        return path
    if (retired := LEARNERS.retired(name)) is not None:
        raise retired.error()
    names = ", ".join(known) or "none"
    raise TrainingError(f"{recipe}: no such recipe of {name}; known: {names}, or a .toml file")
