"""A whole edition: every model that has a recipe of its name, one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.core.errors import TrainingError, UnknownName, WeightsError
from benchmark.core.weights import sha256_of
from benchmark.training import Folders, chosen_recipe, train
from benchmark.training.recipe import LEARNERS, Recipe, recipes_of

EDITIONS = ("mini",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """What became of one model of an edition.

    Attributes:
        model: its name.
        weights: the exported file, or None where it was stopped or failed.
        steps: optimisation steps behind the file.
        seconds: time spent in steps; 0 where the file was there already.
        failure: why there is no file, or "".
        stopped: whether Ctrl-C ended the training before its last step.
    """

    model: str
    weights: Path | None
    steps: int = 0
    seconds: float = 0.0
    failure: str = ""
    stopped: bool = False

    @property
    def line(self) -> str:
        """What there is to say, in one line."""
        if self.weights is None:
            said = self.failure or f"stopped after {self.steps} steps"
            return f"{self.model}: {said}"
        spent = f"{self.seconds:.0f} s" if self.seconds else "was there"
        size = self.weights.stat().st_size / 1e6
        digest = sha256_of(self.weights)[:12]
        return (
            f"{self.model}: {self.steps} steps, {spent}; {self.weights} ({size:.1f} MB, {digest})"
        )


def train_edition(
    edition: str,
    *,
    data: Folders,
    out: Path,
    device: str = "cpu",
    smoke: bool = False,
    names: Sequence[str] = (),
) -> Iterator[Member]:
    """Train every model of an edition; those that others learn from come first.

    A model whose file is there, made by the same recipe, is not trained again, and a stopped one
    goes on. A detector's forgers take the weights that were trained here, where there are any.

    Args:
        edition: a name of `EDITIONS`, which is that of its recipes.
        data: photographs and masks.
        out: a folder; each model has one of its name there.
        device: a torch device.
        smoke: tiny networks and two steps a stage.
        names: these models only; all by default.

    Yields:
        A model at a time, when it has ended. After a stopped one nothing follows.

    Raises:
        UnknownName: if there is no such edition.
        DataError: if the photographs or masks cannot be used.
        OutputError: if `out` cannot be written.
    """
    if edition not in EDITIONS:
        raise UnknownName("edition", edition, EDITIONS)
    for name in _in_order(edition, names):
        member = _member(edition, name, data=data, out=out, device=device, smoke=smoke)
        yield member
        if member.stopped:
            return


def _in_order(edition: str, names: Sequence[str]) -> list[str]:
    """Models with such a recipe: those that learn from photographs alone, then from forgeries."""
    all_ = [name for name in names or LEARNERS if edition in recipes_of(name)]
    return sorted(all_, key=lambda name: bool(_forgers(chosen_recipe(name, edition))))


def _forgers(recipe: Recipe) -> set[str]:
    """Inpainters with weights that the recipe's forgeries are made by."""
    return {one.name for stage in recipe.stages for one in stage.forgers if one.weights == "mini"}


def _member(
    edition: str, name: str, *, data: Folders, out: Path, device: str, smoke: bool
) -> Member:
    recipe = chosen_recipe(name, edition, smoke=smoke)
    file = out / name / f"{name}.safetensors"
    if _made_by(file, recipe):
        return Member(model=name, weights=file, steps=recipe.steps)
    own = {one: out / one / f"{one}.safetensors" for one in _forgers(recipe)}
    try:
        done = train(
            name,
            recipe=recipe,
            data=data,
            out=out / name,
            device=device,
            forgers={one: path for one, path in own.items() if path.is_file()},
        )
    except (TrainingError, WeightsError) as error:
        return Member(model=name, weights=None, failure=str(error))
    return Member(
        model=name,
        weights=done.weights,
        steps=done.steps,
        seconds=done.seconds,
        stopped=not done.finished,
    )


def _made_by(file: Path, recipe: Recipe) -> bool:
    """Whether a finished file is there that the same recipe made."""
    if not file.is_file():
        return False
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as content:
            noted = json.loads((content.metadata() or {}).get("bench", "{}"))
    except (SafetensorError, ValueError):
        return False
    return bool(noted.get("recipe") == recipe.model_dump(mode="json"))
