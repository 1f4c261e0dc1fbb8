"""Recipes: TOML files that say how a model is trained; a key they do not know is refused."""

from __future__ import annotations

import importlib.util
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, Field, ValidationError, model_validator

from benchmark.core.errors import TrainingError, expectation
from benchmark.core.paths import at_home
from benchmark.core.registry import Registry
from benchmark.core.toml import parse_toml
from benchmark.core.training_exposure import inpainters_of
from benchmark.training.data.options import Forger, Laundering, Part, Retouching, Shapes
from detectors import DETECTORS
from inpainters import INPAINTERS
from inpainters.retired import RETIRED

P = TypeVar("P", bound=BaseModel)
LARGEST_RECIPE = 2**20  # bytes of its file

# How each model is trained, by its card's `learner`: the Protocol is in benchmark.training.learner.
LEARNERS: Registry[Any] = Registry(
    "trainable model",
    {
        name: registry.card(name).learner
        for registry in (INPAINTERS, DETECTORS)
        for name in registry.ours
        if registry.card(name).learner
    },
    retired=RETIRED,
)


class OptimizerOptions(Part):
    """The optimizer of one player, who trains some of a model's networks.

    Attributes:
        kind: Adam, AdamW (decay apart from the gradient), or SGD.
        rate: learning rate at its highest.
        betas: of Adam and AdamW.
        momentum: of SGD.
        decay: weight decay of tensors with two or more axes; biases and norms have none.
        clip: largest 2-norm of all gradients together, or 0 for no limit.
        relative: `rate` is relative to each tensor's root mean square when it is fresh, so that
            tensors of any size change by the same share; those of one axis count as 0.02.
    """

    kind: Literal["adam", "adamw", "sgd"]
    rate: float = Field(gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = Field(default=0.0, ge=0)
    decay: float = Field(default=0.0, ge=0)
    clip: float = Field(default=0.0, ge=0)
    relative: bool = False


class Schedule(Part):
    """How the learning rate goes on: up in `warmup` steps, times `kind`.

    Attributes:
        kind: constant; cosine to zero; polynomial, (1 - step / steps) ** power.
        over: what it runs over: all steps, or each stage anew.
        warmup: steps from zero to the full rate.
        power: of the polynomial.
    """

    kind: Literal["constant", "cosine", "polynomial"] = "constant"
    over: Literal["all", "stage"] = "all"
    warmup: int = Field(default=0, ge=0)
    power: float = Field(default=0.9, gt=0)


class Holes(Part):
    """Masks drawn for training where no folder of masks is given.

    Attributes:
        low: least share of the image, percent, not reached.
        high: largest share, percent.
        pool: how many different masks are drawn; each is used flipped in eight ways.
        shapes: how often each shape of hole is drawn.
    """

    low: int = Field(default=5, ge=0, lt=100)
    high: int = Field(default=60, gt=0, le=100)
    pool: int = Field(default=2000, ge=1)
    shapes: Shapes = Shapes()


class Stage(Part):
    """A part of the training with its own sizes and data.

    Attributes:
        steps: optimisation steps.
        batch: images in a step.
        crop: side of the square that the network sees, pixels.
        sides: short sides that images are shrunk to; one is drawn for each image.
        place: where the square is cut: anywhere, or from the centre.
        phase: which losses and which parts are trained, in the learner's own words.
        rate: factor on the optimizer's learning rate.
        forgers: for a detector, who makes its forgeries.
    """

    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    crop: int = Field(ge=32)
    sides: tuple[int, ...] = Field(min_length=1)
    place: Literal["random", "centre"] = "random"
    phase: str = "joint"
    rate: float = Field(default=1.0, gt=0)
    forgers: tuple[Forger, ...] = ()

    @model_validator(mode="after")
    def _crops_fit(self) -> Stage:
        if min(self.sides) < self.crop:
            raise ValueError(f"a crop of {self.crop} does not fit a side of {min(self.sides)}")
        return self


class Recipe(Part):
    """All that decides a training run, but for the images.

    Attributes:
        model: a name of `LEARNERS`.
        about: what the recipe is, and where and why it leaves the paper.
        seed: everything random is drawn from it.
        network: sizes of the network, as its configuration names them; empty for the official ones.
        losses: the learner's own table: forms and weights of its losses.
        optimiser: of every player.
        optimisers: by player, what differs from `optimiser`; read, each is complete.
        accumulate: parts that a step's batch is cut into; their gradients are averaged.
        precision: "exact", or "bf16": networks compute under autocast to bfloat16, on CUDA and on
            processors with AMX or AVX-512 bf16; weights, losses and gradients stay float32.
        schedule: of every learning rate.
        holes: masks that are generated where no folder of masks is given.
        retouching: for a detector, what is done to holes once they are inpainted.
        history: for a detector, what an image went through before it is forged.
        laundering: for a detector, what is done to the whole image afterwards.
        stages: one after the other.
        held_out: images kept out of training, for the sample images and for measuring.
        minimum: fewest images to start with.
        average: decay of a running average of the weights, which is then exported; 0 for none.
        norm_batches: batches of the last steps over which the batch norms' statistics of the
            exported weights are measured anew; 0 keeps the running ones.
        false_alarms: for a detector, the share of held-out images, untouched and laundered,
            that it calls forged in the end: its operating point is set so; 0 leaves it alone.
        checkpoint_every: steps between checkpoints.
        log_every: steps between rows of the log.
        sample_every: steps between sample images.
    """

    model: str
    about: str = ""
    seed: int = 10
    network: dict[str, Any] = Field(default_factory=dict)
    losses: dict[str, Any] = Field(default_factory=dict)
    optimiser: OptimizerOptions
    optimisers: dict[str, OptimizerOptions] = Field(default_factory=dict)
    accumulate: int = Field(default=1, ge=1)
    precision: Literal["exact", "bf16"] = "exact"
    schedule: Schedule = Schedule()
    holes: Holes = Holes()
    retouching: Retouching = Retouching()
    history: Laundering = Laundering()
    laundering: Laundering = Laundering()
    stages: tuple[Stage, ...] = Field(min_length=1)
    held_out: int = Field(default=0, ge=0)
    minimum: int = Field(default=100, ge=1)
    average: float = Field(default=0.0, ge=0, lt=1)
    norm_batches: int = Field(default=0, ge=0)
    false_alarms: float = Field(default=0.0, ge=0, lt=1)
    checkpoint_every: int = Field(default=1000, ge=1)
    log_every: int = Field(default=50, ge=1)
    sample_every: int = Field(default=1000, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, content: object) -> object:
        """Fill in what [optimizers.NAME] leaves to [optimizer]."""
        if not isinstance(content, dict):
            return content
        common, own = content.get("optimiser"), content.get("optimisers")
        if not isinstance(common, dict) or not isinstance(own, dict):
            return content
        whole = {name: {**common, **t} if isinstance(t, dict) else t for name, t in own.items()}
        return {**content, "optimisers": whole}

    @model_validator(mode="after")
    def _batches_divide(self) -> Recipe:
        for stage in self.stages:
            if stage.batch % self.accumulate:
                raise ValueError(
                    f"a batch of {stage.batch} cannot be cut into {self.accumulate} equal parts"
                )
        return self

    @property
    def steps(self) -> int:
        """Optimisation steps of all stages together."""
        return sum(stage.steps for stage in self.stages)

    @property
    def met(self) -> tuple[str, ...] | None:
        """The inpainters whose forgeries a detector learns from; None for an inpainter's recipe."""
        forgers = [one.name for stage in self.stages for one in stage.forgers]
        return tuple(sorted(inpainters_of(forgers))) if forgers else None

    def at(self, step: int) -> Turn:
        """Where `step`, counted from 0, stands among the stages."""
        first, pictures = 0, 0
        for stage in self.stages:
            if step < first + stage.steps:
                number = step - first
                return Turn(stage=stage, number=number, seen=pictures + number * stage.batch)
            first, pictures = first + stage.steps, pictures + stage.steps * stage.batch
        raise IndexError(f"step {step} of {self.steps}")

    def optimiser_of(self, player: str) -> OptimizerOptions:
        """What is said of a player's optimizer; the common one where nothing else is."""
        return self.optimisers.get(player, self.optimiser)

    def text(self) -> str:
        """The recipe as one line of JSON, equal for equal recipes."""
        return json.dumps(self.model_dump(mode="json"), sort_keys=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One step's place in a recipe.

    Attributes:
        stage: the stage it belongs to.
        number: the step within that stage, from 0.
        seen: images that all steps before it have used.
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
        TrainingError: if there is no such recipe, or it has an unknown key, a wrong value, or is
            another model's.
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
    """Read a table of a recipe.

    Raises:
        TrainingError: naming the first unknown key or wrong value.
    """
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(step) for step in first["loc"]) or "recipe"
        unknown = first["type"] == "extra_forbidden"
        known = f"; known: {', '.join(sorted(kind.model_fields))}" if len(first["loc"]) == 1 else ""
        why = f"unknown key{known}" if unknown else expectation(first)
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
    """What a recipe is called in a model card: one that ships by its name, others by their file."""
    if smoke:
        return "smoke"
    known = {name: read_recipe(chosen.model, name) for name in recipes_of(chosen.model)}
    shipped = next((name for name, recipe in known.items() if recipe == chosen), None)
    return shipped or (chosen.model if isinstance(given, Recipe) else Path(given).name)


def _find(name: str, recipe: str | Path) -> Path:
    known = recipes_of(name)
    if str(recipe) in known:
        return known[str(recipe)]
    path = at_home(Path(recipe))
    if path.suffix == ".toml" and path.is_file():
        return path
    if (retired := LEARNERS.retired(name)) is not None:
        raise retired.error()
    names = ", ".join(known) or "none"
    raise TrainingError(f"{recipe}: no such recipe of {name}; known: {names}, or a .toml file")
