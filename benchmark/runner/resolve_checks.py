"""Checks of a plan that need its models or metrics: names of metrics, sizes, a missing detector."""

from __future__ import annotations

from collections.abc import Iterable

from benchmark.core.errors import PlanError
from benchmark.metrics import METRICS
from benchmark.postprocess import PostProcess
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.plan import Plan

COLUMNS = (  # of samples.csv, before those of the metrics
    "dataset", "launder", "sample", "mask_ratio_percent", "mask", "inpainter", "retouch",
    "detector", "score", "original_key", "mask_key", "image_key", "heatmap_key", "composite",
)  # fmt: skip
FORGERY_COLUMNS = ("subset", "method", "group", "kind")  # in a run of forgeries


def refuse_unmeasurable(plan: Plan) -> None:
    """Refuse a plan all of whose metrics need a detector, and that has none."""
    if not plan.detectors and all(METRICS.load(name).needs == "verdict" for name in plan.metrics):
        raise PlanError(
            f"no detector is named, which {', '.join(plan.metrics)} would need; name one, or take "
            "a metric of image quality such as psnr"
        )


def refuse_names(metrics: Iterable[str]) -> None:
    """Refuse metrics whose columns in samples.csv could be confused with others."""
    for name in metrics:
        if "." in name or name in (*COLUMNS, *FORGERY_COLUMNS):
            raise PlanError(
                f"metric {name!r}: expected a name without a dot that is none of samples.csv's "
                f"columns ({', '.join((*COLUMNS, *FORGERY_COLUMNS))}); rename the plugin's entry "
                "point"
            )


def refuse_small(
    plan: Plan, inpainters: Iterable[ResolvedModel], detectors: Iterable[ResolvedModel]
) -> None:
    """Refuse a size, or a tile, that is too small for a model."""
    if plan.size == "native":
        for one in detectors:
            if plan.tile is not None and plan.tile < one.card.min_side:
                raise PlanError(
                    f"--tile {plan.tile}: {one.name} takes images of at least {one.card.min_side} "
                    "pixels a side; use a larger --tile or leave it out"
                )
        return
    side = plan.size
    for one in inpainters:
        if side < one.card.min_side:
            raise PlanError(
                f"--size {side}: {one.name} takes images of at least {one.card.min_side} pixels a "
                "side; use a larger --size or leave it out"
            )
    for one in detectors:
        for name, word in {"": "", **plan.launder_words}.items():
            left = PostProcess.parse(word).size(side, side)[0] if word else side
            if left < one.card.min_side:
                after = f"--launder {name}: {left} of " if name else ""
                raise PlanError(
                    f"{after}--size {side}: {one.name} takes images of at least "
                    f"{one.card.min_side} pixels a side; leave one of them out"
                )
