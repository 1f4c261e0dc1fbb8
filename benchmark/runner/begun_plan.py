"""The plan that a run's folder was started with, compared with the plan to run now."""

from __future__ import annotations

from benchmark.metrics import under_convention
from benchmark.runner.plan import Plan
from benchmark.runner.plan_paths import absolute, map_paths


def same_plan(plan: Plan, other: Plan, *, but: frozenset[str] = frozenset()) -> bool:
    """Return whether two plans are equal, with paths compared as absolute paths.

    Args:
        plan: a plan.
        other: another plan.
        but: keys that may differ.
    """
    one, two = (
        map_paths(each.model_dump(mode="json", exclude=set(but)), absolute)
        for each in (plan, other)
    )
    return one == two


# The default metrics of earlier versions: runs that they started resume with these.
EARLIER_METRICS = ("auc", "f1", "acc", "psnr", "lpips", "gmsd")


def with_recorded_defaults(plan: Plan, begun: Plan) -> Plan:
    """Return the plan with the defaults that a run's folder was started with.

    Args:
        plan: the plan to run now.
        begun: the plan of the folder.

    Returns:
        `plan` with the metrics and buckets of `begun` if the two differ only in an earlier
        version's default metrics, and `plan` does not name its own; else `plan`.
    """
    named = plan.model_fields_set
    earlier = under_convention(plan.convention, EARLIER_METRICS)
    metrics = "metrics" not in named and begun.metrics == earlier
    buckets = "buckets" not in named and begun.buckets == plan.buckets
    if not metrics and not buckets:
        return plan
    same = same_plan(plan, begun, but=frozenset({"metrics"} if metrics else ()))
    kept = {"metrics": metrics, "buckets": buckets}
    update = {key: getattr(begun, key) for key, keep in kept.items() if keep}
    return plan.model_copy(update=update) if same else plan
