"""Read the data of a training, and make its source of batches."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.errors import BadInput, DataError, TrainingError
from benchmark.training.data.batches import BatchSource, InpaintingData
from benchmark.training.data.existing import ExistingForgeryData, share_of
from benchmark.training.data.forgeries import ForgeryData
from benchmark.training.data.images import TrainingImages, read_training_images
from benchmark.training.data.masks import Masks, told
from benchmark.training.data.sets import (
    SetOptions,
    TrainingForgeries,
    divide_by_original,
    read_training_forgeries,
)
from benchmark.training.facts import TrainingData
from benchmark.training.logger import print_status
from benchmark.training.options import TrainOptions
from benchmark.training.recipe import Recipe, recipes_of

if TYPE_CHECKING:
    from benchmark.training.run import Folders

Say = Callable[[str], None]


def check_folders(recipe: Recipe, folders: Folders) -> None:
    """Refuse data that the model or its recipe cannot be trained on.

    Raises:
        BadInput: if data are missing, or given that nothing would use.
        TrainingError: if the recipe trains on a set of forgeries, and none is given.
    """
    model = recipe.model
    if folders.forgeries is not None and not recipe.detects:
        raise BadInput(
            f"--forgeries: {model} is an inpainter, which learns from authentic images and masks "
            "(--data, --masks); forgeries train detectors"
        )
    if recipe.detects and not recipe.makes_forgeries:
        if folders.forgeries is None:
            raise TrainingError(f"recipe of {model}: {_needs(recipe)}")
        if folders.photographs is not None:
            raise BadInput(
                f"--data: this recipe of {model} makes no forgeries from images; authentic images "
                "belong to the set of --forgeries"
            )
    if folders.photographs is None and folders.forgeries is None:
        other = " or --forgeries DIR" if recipe.detects else ""
        raise BadInput(f"expected --data DIR{other}")
    if folders.photographs is None and folders.masks is not None:
        raise BadInput("--masks are holes of made forgeries, which need --data")


def _needs(recipe: Recipe) -> str:
    made = [name for name in recipes_of(recipe.model) if name != "paper"]
    wanted = recipe.forgeries.needs or "forged images with their truths, and authentic images"
    return (
        f"it trains on forgeries that exist; give them with --forgeries DIR: {wanted}. "
        f"Recipes that make forgeries from --data: {', '.join(made)}"
    )


def read_source(
    recipe: Recipe,
    folders: Folders,
    *,
    device: str,
    running: TrainOptions,
    weights: Mapping[str, Path],
    pads: bool,
    verbose: bool,
) -> tuple[TrainingData, BatchSource]:
    """Read images, masks and sets of forgeries, and say what is left out.

    Args:
        recipe: determines every batch.
        folders: what to read; see `check_folders`.
        device: of the inpainters that make forgeries.
        running: its data workers also read.
        weights: files for inpainters whose weights are "mini", instead of the installed ones.
        pads: whether the model's losses ignore what lies beyond the border of a small image.
        verbose: whether lines are printed.

    Raises:
        DataError: if images, masks or the set cannot be used.
        TrainingError: if too few authentic images are held out for the recipe's
            `false_positive_rate`.
    """
    say = print_status if verbose else _say_nothing
    images = masks = None
    if folders.photographs is not None:
        images, masks = _read_images(recipe, folders, folders.photographs, running, say)
    if not recipe.detects:
        if images is None or masks is None:
            raise ValueError("call check_folders first")
        return TrainingData(images, masks), InpaintingData(recipe, images, masks)
    made = None
    if images is not None and masks is not None:
        made = ForgeryData(recipe, images, masks, device=device, weights=weights)
    if folders.forgeries is None:
        if made is None:
            raise ValueError("call check_folders first")
        return TrainingData(images, masks), made
    whole = _read_set(recipe, folders, folders.forgeries, running, pads=pads)
    trained, kept = made.digests if made is not None else (frozenset[str](), frozenset[str]())
    _refuse_forged(whole, trained | kept, folders)
    train, held = divide_by_original(whole, recipe.held_out, trained=trained, kept=kept)
    for line in set_lines(whole, held, recipe, made):
        say(line)
    source = ExistingForgeryData(recipe, train, held, made, pads=pads)
    _check_calibration(recipe, 2 * held.authentic + 2 * len(kept))
    return TrainingData(images, masks, whole, held, share_of(recipe, made)), source


def _refuse_forged(whole: TrainingForgeries, images: frozenset[str], folders: Folders) -> None:
    """Refuse forged images of the set among those that are taken as authentic."""
    forged = [one for one in whole.items if not one.item.authentic]
    both = [one.item.name for one in forged if one.pixels in images]
    if both:
        raise DataError(
            f"{folders.photographs}: {len(both)} of the {len(forged)} forged images of --forgeries "
            f"are among these images, which are taken as authentic, such as {both[0]}; give a "
            "folder without them"
        )


def _say_nothing(_text: str) -> None:
    """Print nothing: another process does."""


def _read_images(
    recipe: Recipe, folders: Folders, photographs: Path, running: TrainOptions, say: Say
) -> tuple[TrainingImages, Masks]:
    images = read_training_images(
        photographs,
        sides=[side for stage in recipe.stages for side in stage.sides],
        minimum=recipe.minimum,
        allow_test=folders.allow_test_photos,
        workers=running.data_workers,
    )
    sizes = {size for stage in recipe.stages for size in (*stage.sides, stage.crop)}
    masks = Masks(recipe.holes, seed=recipe.seed, folder=folders.masks, sizes=sizes)
    for what, found, used in (
        ("images", images, len(images)),
        ("masks", masks, len(masks.files)),
    ):
        if found.left_out:
            count = f"{len(found.left_out)} of {len(found.left_out) + used}"
            say(f"Left out: {count} {what}: {told(found.left_out)}")
        if found.beside:
            say(f"Left out beside the {what}: {'; '.join(found.beside)}")
    return images, masks


def _read_set(
    recipe: Recipe, folders: Folders, options: SetOptions, running: TrainOptions, *, pads: bool
) -> TrainingForgeries:
    """Read the set; images smaller than the largest crop are left out unless they are padded."""
    needed = not pads and recipe.forgeries.crop != "resize"
    found = read_training_forgeries(
        options,
        least=max(stage.crop for stage in recipe.stages) if needed else 1,
        allow_test=folders.allow_test_photos,
        workers=running.data_workers,
    )
    if folders.photographs is None and len(found.items) < recipe.minimum:
        left = f"; left out: {told(found.left_out)}" if found.left_out else ""
        raise TrainingError(
            f"{options.place}: {len(found.items)} images can be trained on; this recipe needs at "
            f"least {recipe.minimum}: add some, or lower 'minimum' in a copy of the recipe{left}"
        )
    return found


def set_lines(
    whole: TrainingForgeries,
    held: TrainingForgeries,
    recipe: Recipe,
    made: ForgeryData | None,
) -> list[str]:
    """Lines about a set of forgeries, for the start of a training."""
    lines = [f"Forgeries: {note}." for note in whole.notes if not _of_runs(note)]
    share = share_of(recipe, made)
    drawn = f"{share:.0%} of the training images" if share < 1 else "all training images"
    lines.append(
        f"Forgeries: {whole.forged} forged and {whole.authentic} authentic images of "
        f"{whole.groups} originals, {held.groups} of them held out; {drawn} are drawn from them."
    )
    if whole.left_out:
        lines.append(
            f"Forgeries: {len(whole.left_out)} of {len(whole.left_out) + len(whole.items)} images "
            f"left out: {told(whole.left_out)}"
        )
    if not whole.authentic:
        only = "the detector is shown those of --data as authentic"
        nothing = "nothing shows the detector what is authentic; add some, or --data"
        lines.append(f"Forgeries: no authentic images; {only if made else nothing}.")
    if "" in whole.methods:
        lines.append(
            "Forgeries: the set does not say what some forgeries were made with; which inpainters "
            "the detector was trained on is recorded as unknown."
        )
    return lines


def _of_runs(note: str) -> bool:
    """Whether a note is about what a run can measure."""
    return note.startswith(("only authentic images", "no authentic images"))


def _check_calibration(recipe: Recipe, authentic: int) -> None:
    """Refuse, before training, what calibration would refuse after it."""
    rate = recipe.false_positive_rate
    if not rate or 0 < math.floor(rate * authentic) < authentic:
        return
    raise TrainingError(
        f"recipe of {recipe.model}: false_positive_rate {rate:.3g} sets the operating point on "
        f"held-out authentic images, which are {authentic // 2} here, each plain and "
        f"post-processed; at least {math.ceil(1 / rate / 2)} are needed: add authentic images or "
        "--data, or set false_positive_rate = 0 in a recipe of your own"
    )
