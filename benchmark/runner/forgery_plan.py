"""Plans of existing forgeries: no inpainter, and their own defaults."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmark.core.errors import PlanError
from benchmark.core.filenames import printable
from benchmark.forgeries import LAYOUTS
from benchmark.forgeries.reading import AUTO
from benchmark.metrics import METRICS, OF_FORGERIES

if TYPE_CHECKING:
    from benchmark.runner.plan import Plan

FORGERIES = "forgeries"  # the data set of such a run in its files
NOT_OF_FORGERIES = {  # keys of a plan that inpaints, and their options
    "inpainters": "--inpainter", "images": "--images", "masks": "--masks",
    "data_root": "--data-root", "datasets": "--dataset", "mask_polarity": "--mask-polarity",
    "pairing": "--pairing", "margin": "--margin", "buckets": "--buckets", "retouch": "--retouch",
    "composite": "--composite", "hole_blind": "--hole-blind", "recomposite": "--recomposite",
    "rounding": "--rounding", "prompts": "--prompts",
}  # fmt: skip
OF_FORGERIES_ONLY = {"layout": "--layout", "black_forged": "--black-forged"}


def check_forgery_plan(plan: Plan) -> None:
    """Check what only a plan of forgeries can have wrong.

    Raises:
        PlanError: if it names what inpainting needs, no detector, or a metric of image quality.
        UnknownName: if the layout is not known.
    """
    named = next((key for key in NOT_OF_FORGERIES if key in plan.model_fields_set), None)
    if named is not None:
        hint = "; --black-forged says that black is forged" if named == "mask_polarity" else ""
        raise PlanError(
            f"{NOT_OF_FORGERIES[named]} does not go with --forgeries: nothing is inpainted, the "
            f"images and their truths are those of the set{hint}"
        )
    place = str(plan.forgeries)
    if printable(place) != place:
        raise PlanError(f"{printable(place)}: a name that a plan's file cannot hold; rename it")
    if plan.layout != AUTO:
        LAYOUTS.find(plan.layout)
    if not plan.detectors:
        raise PlanError("--forgeries needs a detector: nothing else can be measured")
    for metric, other in OF_FORGERIES.items():
        if other in plan.metrics:
            raise PlanError(f"{other} is reported beside {metric}: use {metric}")
    for name in plan.metrics:
        if METRICS.load(name).needs == "filled":
            raise PlanError(
                f"{name} does not go with --forgeries: it compares an inpainted image with its "
                "original; choose metrics of a detector, such as auc,f1,acc"
            )


def refuse_forgery_keys(plan: Plan) -> None:
    """Refuse keys of forgeries, and metrics of them, in a plan that has none.

    Raises:
        PlanError: naming the first.
    """
    for key, option in OF_FORGERIES_ONLY.items():
        if key in plan.model_fields_set and getattr(plan, key) not in (AUTO, False):
            raise PlanError(f"{option} goes with --forgeries DIR")
    for metric, other in OF_FORGERIES.items():
        if other in plan.metrics:
            raise PlanError(
                f"{other} is reported with --forgeries, beside {metric}; for inpainted images "
                "'bench table stats' has it, with original among the inpainters"
            )


def forgery_defaults(plan: Plan) -> dict[str, Any]:
    """Return the values of keys that a plan of forgeries does not name, where they differ."""
    found: dict[str, Any] = {"inpainters": (), "datasets": (FORGERIES,), "buckets": ("",)}
    found = {key: value for key, value in found.items() if key not in plan.model_fields_set}
    if "size" not in plan.model_fields_set:
        found["size"] = "native"
    if "metrics" not in plan.model_fields_set:
        kept = (name for name in plan.metrics if METRICS.load(name).needs != "filled")
        found["metrics"] = tuple(kept)
    return found
