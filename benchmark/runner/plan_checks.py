"""Checks of a plan that need no image, mask or checkpoint."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Any

from benchmark.core.engines import engine_words
from benchmark.core.errors import BadInput, PlanError, did_you_mean
from benchmark.core.filenames import printable
from benchmark.core.inspecting import is_inspecting
from benchmark.core.registry import Registry
from benchmark.core.secrets import refuse_secrets
from benchmark.core.tiles import tiling_of
from benchmark.datasets import DATASETS, is_published, takes_images
from benchmark.masks.bucket import Bucket
from benchmark.metrics import METRICS, NULLS, OF_UNTOUCHED
from benchmark.retouch import FEWEST, file_name
from benchmark.runner.forgery_plan import check_forgery_plan, refuse_forgery_keys
from benchmark.runner.prompts import takes_prompts
from detectors import DETECTORS
from inpainters import INPAINTERS

if TYPE_CHECKING:
    from benchmark.runner.plan import Plan

_HINT = "; put a label before one of them: LABEL=..."


def check_plan(plan: Plan) -> None:
    """Check names, places and combinations of keys.

    Raises:
        PlanError: if a value cannot be used.
        UnknownName: if a model, metric or data set is not known.
    """
    _check_secrets((*plan.inpainters, *plan.detectors))
    inpainters = _names(INPAINTERS, plan.inpainters)
    check_unique((*inpainters, *_names(DETECTORS, plan.detectors)), "model", hint=_HINT)
    _names(METRICS, plan.metrics)
    _check_metrics(plan.metrics)
    _check_engine(plan)
    if plan.forgeries is not None:
        check_forgery_plan(plan)
        _check_weights(plan)
        _check_tile(plan)
        return
    refuse_forgery_keys(plan)
    _names(DATASETS, plan.datasets)
    _check_weights(plan)
    _check_places(plan)
    _check_prompts(plan)
    _check_retouch(plan, inpainters)
    _check_tile(plan)
    if plan.launder and not plan.detectors:
        raise PlanError("--launder needs a detector: only detectors use post-processed images")


def check_unique(names: tuple[str, ...], kind: str, *, hint: str = "") -> tuple[str, ...]:
    """Return `names` if no two are equal.

    Raises:
        PlanError: naming the first duplicate.
    """
    for name in names:
        if names.count(name) > 1:
            raise PlanError(f"{kind} {name!r} is named twice{hint}")
    return names


def _names(registry: Registry[Any], words: tuple[str, ...]) -> tuple[str, ...]:
    """Return the names in tables of what `words` specify; they have to differ."""
    hint = _HINT if any(":" in word for word in words) else ""
    return check_unique(tuple(registry.find(word).name for word in words), registry.kind, hint=hint)


def check_heatmaps_laundered(plan: Plan) -> list[str]:
    """Return a line on finished heatmaps in a run with post-processing; [] if there are none.

    Raises:
        PlanError: if every detector is a folder of finished heatmaps.
    """
    made = [one for one in plan.detectors if DETECTORS.find(one).scheme == "heatmaps"]
    if not made or not plan.launder:
        return []
    reason = "finished heatmaps (heatmaps:) are of images without post-processing"
    if len(made) == len(plan.detectors):
        raise PlanError(f"--launder needs a detector that runs: {reason}; leave out --launder")
    names = ", ".join(DETECTORS.find(one).name for one in made)
    return [f"{names}: no numbers after post-processing: {reason}."]


def _check_metrics(metrics: tuple[str, ...]) -> None:
    """Refuse metrics of authentic images: each run measures them where they apply."""
    for name, null in NULLS.items():
        if null in metrics:
            raise PlanError(
                f"{null} is measured on the authentic images beside {name}, in every run with a "
                f"detector: use {name}"
            )
    for name, other in OF_UNTOUCHED.items():
        if other in metrics:
            raise PlanError(
                f"{other} is {name} on authentic images: use {name}, with original among the "
                "inpainters"
            )


def _check_secrets(words: tuple[str, ...]) -> None:
    """Refuse commands that contain a secret, before any message quotes them."""
    for word in () if is_inspecting() else words:
        _, _, command = word.partition("cmd:")
        try:
            refuse_secrets(shlex.split(command))
        except ValueError as error:
            if isinstance(error, BadInput):  # a command that cannot be parsed is reported later
                raise PlanError(str(error)) from None


def _check_engine(plan: Plan) -> None:
    """Refuse an engine beside options of torch, and for a model that is not in the plan."""
    options = {"--precision bf16": plan.precision != "exact", "--compile": plan.compile}
    for option, given in options.items():
        if plan.engine and given:
            raise PlanError(
                f"--engine {plan.engine} runs networks in place of torch, so {option} has no "
                "effect: use one of them"
            )
    for name in filter(None, engine_words(plan.engine)):
        _check_used("--engine", name, plan)


def _check_weights(plan: Plan) -> None:
    for name in plan.weights:
        _check_used("--weights", name, plan)


def _check_used(option: str, name: str, plan: Plan) -> None:
    """Refuse an option for a model that the plan does not use."""
    used = [*plan.inpainter_names, *plan.detector_names]
    if name in used:
        return
    shown = [one for one in used if one != "original"] or used  # which every plan has
    near = did_you_mean(name, shown)
    raise PlanError(
        f"{option}: {name!r} is none of the models that are used here: {', '.join(shown)}.{near}"
    )


def _check_places(plan: Plan) -> None:
    for place in map(str, (plan.images, plan.data_root, plan.masks, *plan.weights.values())):
        if printable(place) != place:
            raise PlanError(f"{printable(place)}: a name that a plan's file cannot hold; rename it")
    datasets = ", ".join(plan.datasets)
    if "folder" in plan.datasets and plan.images is None:
        raise PlanError("the data set 'folder' needs a folder of images: --images DIR")
    if plan.images is not None and not any(map(takes_images, plan.datasets)):
        raise PlanError(f"--images goes with --dataset folder, not with {datasets!r}")
    if plan.data_root is not None and not any(map(is_published, plan.datasets)):
        raise PlanError(f"--data-root goes with published data sets, not with {datasets!r}")


def _check_prompts(plan: Plan) -> None:
    """Refuse prompts that no inpainter takes, or whose images are of several data sets."""
    if plan.prompts and len(plan.datasets) > 1:
        raise PlanError(f"--prompts goes with one data set, not with {', '.join(plan.datasets)}")
    if plan.prompts and not any(takes_prompts(INPAINTERS.find(one)) for one in plan.inpainters):
        names = ", ".join(plan.inpainter_names)
        raise PlanError(
            f"--prompts: none of the inpainters takes a prompt ({names}); those of diffusers:ID do "
            "(docs/others.md)"
        )


def _check_tile(plan: Plan) -> None:
    """Check that tiles can be used, and that something can be tiled."""
    if plan.tile is None:
        if plan.overlap is not None:
            raise PlanError("--overlap goes with --tile")
        return
    if plan.size != "native":
        raise PlanError(
            f"--tile {plan.tile} goes with --size native: images of --size {plan.size} are square "
            "and seen whole"
        )
    if not plan.detectors:
        raise PlanError("--tile needs a detector: only detectors see images in tiles")
    if all(DETECTORS.card(word).finished for word in plan.detectors):
        raise PlanError("--tile needs a detector that runs: finished heatmaps are read whole")
    try:
        tiling_of(plan.tile, plan.overlap)
    except BadInput as error:
        raise PlanError(str(error)) from None


def _check_retouch(plan: Plan, inpainters: tuple[str, ...]) -> None:
    """Check file names, and that `grain:match` has enough known pixels to measure."""
    files = tuple(file_name(name, one) for name in inpainters for one in plan.treatments)
    check_unique(files, "file", hint=_HINT)
    for bucket in map(Bucket.parse, plan.buckets if "grain:match" in plan.retouch else ()):
        pixels = plan.size**2 if isinstance(plan.size, int) else None
        if pixels and pixels - bucket.smallest(pixels) < FEWEST:
            raise PlanError(
                f"grain:match measures the known region, of which holes of {bucket.label} % leave "
                f"fewer than {FEWEST} pixels at size {plan.size}; use grain:SIGMA"
            )
