"""Train the rows of Tables 5 and 6 with several seeds each, for `benchmarks/ablations.py`.

    python benchmarks/ablation_trainings.py --data ../shared/images/train --out SEEDS
    python benchmarks/ablations.py SEEDS/rows --images ../shared/images/test/scenes --out OUT
    python benchmarks/ablations.py SEEDS/forms --images ../shared/images/test/scenes --out OUT-FORMS

Every row is trained by its mini recipe with another seed and a third of the steps. Each base model
of Table 6 is trained once per seed (SEEDS/hosts); from its weights both rows are trained, with and
without RWSA, for the same number of further steps. SEEDS/forms has SafePaint with the formulas of
the authors' program and with those of the paper's text, both stages together from the start.

Rerunning the same command resumes; what is finished is skipped. `--only` runs some trainings, so
that several processes can share the work: a row of Table 6 needs its base model first.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.core.errors import BadInput, BenchError
from benchmark.training import Folders, Recipe, read_recipe, train
from benchmark.training.recipe_tables import Stage

SEEDS = (11, 12, 13)
SHARE = 3  # the mini recipe's steps are divided by it
SAFEPAINT = ("safepaint-backbone", "safepaint-ddl", "safepaint-rwsa", "safepaint")
HOSTS = ("edgeconnect", "aotgan")
FORMS = ("program", "text")
# options of SafePaint's losses; the defaults are the program's formulas
FORM_OPTIONS = (
    "l1_form", "adversarial_form", "discriminator_form", "judged", "frozen", "compared",
    "spectral", "domain_form",
)  # fmt: skip
# As in the paper, both stages are trained together from the first step: the mini recipe trains
# stage I alone for most of its steps, in which the formulas hardly differ.
FORM_STAGES = (
    Stage(steps=600, batch=8, crop=64, sides=(64, 96, 128)),
    Stage(steps=150, batch=4, crop=128, sides=(128, 192, 256), lr_factor=0.6),
    Stage(steps=10, batch=1, crop=256, sides=(256,), lr_factor=0.2),
)


@dataclass(frozen=True, kw_only=True)
class Training:
    """One training.

    Attributes:
        name: of its folder, below SEEDS.
        recipe: with its seed.
        start: weights to start from; None for a training from scratch.
        needs: weights that another training has to write first.
    """

    name: str
    recipe: Recipe
    start: Path | None = None
    needs: Path | None = None


def trainings(seed: int, out: Path) -> Iterator[Training]:
    """Yield all trainings with one seed, each after those that it starts from."""
    for name in SAFEPAINT:
        yield Training(name=f"rows/{name}-{seed}", recipe=shortened(name, seed))
    for host in HOSTS:
        first = f"hosts/{host}-{seed}"
        yield Training(name=first, recipe=shortened(host, seed))
        weights = out / first / f"{host}.safetensors"
        added = with_losses(shortened(f"{host}+rwsa", seed), {"warm": str(weights)})
        yield Training(name=f"rows/{host}+rwsa-{seed}", recipe=added, needs=weights)
        further = without_rwsa(shortened(f"{host}+rwsa", seed), host)
        yield Training(name=f"rows/{host}-{seed}", recipe=further, start=weights, needs=weights)
    for form in FORMS:
        yield Training(name=f"forms/{form}-{seed}", recipe=with_form(form, seed))


def shortened(name: str, seed: int) -> Recipe:
    """Return the mini recipe with another seed and a third of the steps."""
    recipe = read_recipe(name, "mini")
    stages = tuple(
        stage.model_copy(update={"steps": max(1, round(stage.steps / SHARE))})
        for stage in recipe.stages
    )
    return recipe.model_copy(update={"seed": seed, "stages": stages, "about": ""})


def with_losses(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return the recipe with other entries in its losses table."""
    return recipe.model_copy(update={"losses": {**recipe.losses, **changes}})


def without_rwsa(recipe: Recipe, host: str) -> Recipe:
    """Return the recipe of a base model that is trained like the one with RWSA."""
    network = {key: value for key, value in recipe.network.items() if key != "rwsa"}
    losses = {key: value for key, value in recipe.losses.items() if key != "warm"}
    return recipe.model_copy(update={"model": host, "network": network, "losses": losses})


def with_form(form: str, seed: int) -> Recipe:
    """Return SafePaint's recipe with the formulas of the program or of the text."""
    recipe = read_recipe("safepaint", "mini")
    losses = {key: v for key, v in recipe.losses.items() if key not in FORM_OPTIONS}
    if form == "text":
        text = read_recipe("safepaint", "text").losses
        losses |= {key: text[key] for key in FORM_OPTIONS}
    changes = {"seed": seed, "stages": FORM_STAGES, "losses": losses, "about": ""}
    return recipe.model_copy(update=changes)


def main() -> int:
    """Train everything that is not finished; 130 if interrupted, 2 on bad input."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of training images")
    parser.add_argument("--out", type=Path, required=True, help="folder for all trainings")
    parser.add_argument("--seeds", default=",".join(map(str, SEEDS)))
    parser.add_argument("--only", default="", help="such as rows/safepaint-11, comma-separated")
    parser.add_argument("--smoke", action="store_true", help="tiny networks, two steps per stage")
    options = parser.parse_args()
    try:
        return run(options)
    except BenchError as error:
        print(f"Error: {error}")
        return 2


def run(options: argparse.Namespace) -> int:
    """Train one after another, as the options say.

    Raises:
        BadInput: if a seed is no number, or `--only` names none of the trainings.
    """
    try:
        seeds = [int(seed) for seed in options.seeds.split(",")]
    except ValueError:
        raise BadInput(f"--seeds {options.seeds}: expected numbers, such as 11,12,13") from None
    every = [one for seed in seeds for one in trainings(seed, options.out)]
    only = set(filter(None, options.only.split(",")))
    if unknown := only - {one.name for one in every}:
        names = ", ".join(one.name for one in every)
        raise BadInput(f"--only {', '.join(sorted(unknown))}: expected some of {names}")
    for one in every:
        if only and one.name not in only:
            continue
        folder = options.out / one.name
        if (folder / f"{one.recipe.model}.safetensors").is_file():
            print(f"{one.name}: finished before", flush=True)
            continue
        if one.needs is not None and not one.needs.is_file():
            raise BadInput(f"{one.name}: needs {one.needs}; train that first")
        print(f"{one.name}:", flush=True)
        data = Folders(photographs=options.data, start=one.start)
        if not train(
            one.recipe.model, recipe=one.recipe, data=data, out=folder, smoke=options.smoke
        ).finished:
            return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
