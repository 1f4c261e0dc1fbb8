"""Tables of a recipe: optimizer, learning rate schedule, generated masks, stages."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from benchmark.training.data.options import Forger, RecipeTable, Shapes, renamed


class OptimizerOptions(RecipeTable):
    """An optimizer, and the learning rate it starts from.

    Attributes:
        kind: Adam, AdamW (decoupled weight decay), or SGD.
        lr: peak learning rate.
        betas: of Adam and AdamW.
        momentum: of SGD.
        weight_decay: of tensors with two or more axes; biases and norms have none.
        grad_clip_norm: largest 2-norm of all gradients together; 0 disables clipping.
        relative: scale `lr` by the root mean square of each tensor at initialization, so that all
            tensors change by the same relative amount; for tensors of one axis by 0.02.
    """

    kind: Literal["adam", "adamw", "sgd"]
    lr: float = renamed("lr", "rate", gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = Field(default=0.0, ge=0)
    weight_decay: float = renamed("weight_decay", "decay", default=0.0, ge=0)
    grad_clip_norm: float = renamed("grad_clip_norm", "clip", default=0.0, ge=0)
    relative: bool = False


class Schedule(RecipeTable):
    """Learning rate schedule: linear warm-up, then a decay.

    Attributes:
        kind: constant; cosine to zero; polynomial, (1 - step / steps) ** power.
        over: whether the decay spans all steps, or restarts in each stage.
        warmup: steps of the linear warm-up.
        power: exponent of the polynomial.
    """

    kind: Literal["constant", "cosine", "polynomial"] = "constant"
    over: Literal["all", "stage"] = "all"
    warmup: int = Field(default=0, ge=0)
    power: float = Field(default=0.9, gt=0)


class Holes(RecipeTable):
    """Randomly generated masks, where no folder of masks is given.

    Attributes:
        low: smallest mask ratio, percent, exclusive.
        high: largest mask ratio, percent.
        pool: number of different masks; each is used in eight orientations.
        shapes: relative frequency of the shapes.
    """

    low: int = Field(default=5, ge=0, lt=100)
    high: int = Field(default=60, gt=0, le=100)
    pool: int = Field(default=2000, ge=1)
    shapes: Shapes = Shapes()


class Stage(RecipeTable):
    """A part of the training with its own image size, batch size and data.

    Attributes:
        steps: optimization steps.
        batch: images in a step.
        crop: side of the square crop, pixels.
        sides: short sides that images are downscaled to; one is sampled for each image.
        place: position of the crop: random, or the center.
        phase: which losses and modules are trained; names are defined by the training module.
        lr_factor: factor on the optimizer's learning rate.
        forgers: for a detector, the sources of its forgeries.
    """

    steps: int = Field(ge=1)
    batch: int = Field(ge=1)
    crop: int = Field(ge=32)
    sides: tuple[int, ...] = Field(min_length=1)
    place: Literal["random", "centre"] = "random"
    phase: str = "joint"
    lr_factor: float = renamed("lr_factor", "rate", default=1.0, gt=0)
    forgers: tuple[Forger, ...] = ()

    @model_validator(mode="after")
    def _crops_fit(self) -> Stage:
        if min(self.sides) < self.crop:
            raise ValueError(f"a crop of {self.crop} does not fit a side of {min(self.sides)}")
        return self
