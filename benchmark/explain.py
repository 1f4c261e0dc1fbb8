"""What `bench show` says of a metric, a data set or a plan; of models `benchmark.listing` does."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from benchmark.core.errors import UnknownName
from benchmark.datasets import DATASETS, is_published, takes_images
from benchmark.listing import MODELS, card_text, find_card
from benchmark.metrics import METRICS, NULLS
from benchmark.plans import PLANS, plan_file
from benchmark.runner.plan import Plan

SEES = {"filled": "the inpainted image alone", "verdict": "a detector's answer"}


def explain(name: str) -> dict[str, Any]:
    """What there is to say of anything that `bench list` names.

    Args:
        name: of a model, a metric, a data set or a plan, in this order where two have one name;
            models also as "package.module:Class".

    Returns:
        `kind` and, of a model, its card; else `name` and what the kind has.

    Raises:
        UnknownName: if nothing is called so.
        ExternalError: if one that a user brought cannot be used.
    """
    if name in METRICS:
        return _metric(name)
    if name in DATASETS:
        return _dataset(name)
    if name in PLANS:
        return _plan(name)
    if ":" in name or any(name in registry for registry in MODELS):
        return find_card(name)
    known = [one for registry in (*MODELS, METRICS, DATASETS) for one in registry]
    raise UnknownName("model, metric, data set or plan", name, [*known, *PLANS])


def explained(name: str) -> str:
    """The same for a reader.

    Raises:
        UnknownName: if nothing is called so.
        ExternalError: if one that a user brought cannot be used.
    """
    found = explain(name)
    if found["kind"] in {"inpainter", "detector"}:
        return card_text(name)
    about = found.pop("about", "")
    lines = [f"{found.pop('name')} ({found.pop('kind')})"]
    lines += [f"{key.replace('_', ' ') + ':':<15}{_said(one)}" for key, one in found.items() if one]
    return "\n".join([*lines, *(["", about] if about else [])])


def _said(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)


def _metric(name: str) -> dict[str, Any]:
    kind = METRICS.load(name)
    return {
        "kind": "metric",
        "name": name,
        "title": kind.title,
        "measured_on": SEES[kind.needs],
        "better": "" if kind.of_untouched_images() else f"{kind.better} (for an inpainter)",
        "unit": kind.unit,
        "null": NULLS.get(name, ""),
        "null_of": kind.null_of,
        "of_untouched": kind.of_untouched,
        "missing": kind.unavailable() or "",
        "note": kind.note,
        "about": inspect.getdoc(kind) or "",
    }


def _dataset(name: str) -> dict[str, Any]:
    kind = DATASETS.load(name)
    where = "installed with the bench; nothing is downloaded"
    if is_published(name):
        where = "below --data-root, as its archive unpacks"
    elif takes_images(name):
        where = "in the folder of --images"
    return {
        "kind": "data set",
        "name": name,
        "found": where,
        "run": f"bench run --dataset {name}",
        "about": inspect.getdoc(kind) or "",
    }


def _plan(name: str) -> dict[str, Any]:
    path = plan_file(name)
    plan = Plan.load(path)
    text = path.read_text(encoding="utf-8")
    comment = [line[1:].strip() for line in text.splitlines() if line.startswith("#")]
    return {
        "kind": "plan",
        "name": name,
        "file": str(path),
        "data sets": plan.datasets,
        "buckets": plan.buckets,
        "inpainters": plan.inpainter_names,
        "detectors": plan.detector_names,
        "metrics": plan.metrics,
        "run": f"bench run {name}",
        "about": " ".join(comment),
    }
