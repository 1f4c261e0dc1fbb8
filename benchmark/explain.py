"""Descriptions of all but models for `bench show` (models: `benchmark.listing`)."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from typing import Any

from benchmark.core.errors import BadInput, UnknownName
from benchmark.datasets import DATASETS, is_published, takes_images
from benchmark.listing import MODELS, card_text, find_card
from benchmark.metrics import METRICS, NULLS
from benchmark.plans import PLANS, plan_file
from benchmark.postprocess import LAUNDERS
from benchmark.runner.plan import Plan

COLLECTIONS = {"diffusers": "ID", "iopaint": "NAME", "imdlbenco": "NAME", "photoholmes": "NAME"}
MEASURED_ON = {"filled": "the inpainted image alone", "verdict": "a detector's output"}


def explain(name: str) -> dict[str, Any]:
    """Return the description of anything that `bench list` lists.

    Args:
        name: a metric, data set, plan, post-processing step or model; models also as
            "package.module:Class".

    Returns:
        `kind` and, for a model, the fields of its card; else `name` and fields of its kind.

    Raises:
        UnknownName: if the name is not registered.
        BadInput: if it is that of a collection, without a model.
        ExternalError: if a plugin or external model cannot be used.
    """
    if name in METRICS:
        return _metric(name)
    if name in DATASETS:
        return _dataset(name)
    if name in PLANS:
        return _plan(name)
    if name in LAUNDERS:
        return _launder(name)
    if ":" in name or any(name in registry for registry in MODELS):
        return find_card(name)
    if name in COLLECTIONS:
        raise BadInput(
            f"{name} is a collection of models; name one of them, as {name}:{COLLECTIONS[name]} "
            "(docs/others.md)"
        )
    known = [one for registry in (*MODELS, METRICS, DATASETS, LAUNDERS) for one in registry]
    raise UnknownName(
        "model, metric, data set, post-processing step or plan", name, [*known, *PLANS]
    )


def explained(name: str) -> str:
    """Return the description as text.

    Raises:
        UnknownName: if the name is not registered.
        ExternalError: if a plugin or external model cannot be used.
    """
    found = explain(name)
    if found["kind"] in {"inpainter", "detector"}:
        return card_text(name)
    about = found.pop("about", "")
    lines = [f"{found.pop('name')} ({found.pop('kind')})"]
    lines += [
        f"{key.replace('_', ' ') + ':':<15}{_value_text(one)}" for key, one in found.items() if one
    ]
    return "\n".join([*lines, *(["", about] if about else [])])


def _value_text(value: object) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return ", ".join(map(str, value))
    return str(value)


def _metric(name: str) -> dict[str, Any]:
    kind = METRICS.load(name)
    return {
        "kind": "metric",
        "name": name,
        "title": kind.title,
        "measured_on": MEASURED_ON[kind.needs],
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
    where = "installed with this package; nothing is downloaded"
    if is_published(name):
        where = "below --data-root, in the layout of its archive"
    elif takes_images(name):
        where = "in the folder of --images"
    return {
        "kind": "data set",
        "name": name,
        "found": where,
        "run": f"bench run --dataset {name}",
        "passed_on": kind.terms or "no, or unknown: not enclosed by 'bench submit'",
        "about": inspect.getdoc(kind) or "",
    }


def _launder(name: str) -> dict[str, Any]:
    kind = LAUNDERS.load(name)
    return {
        "kind": "post-processing step",
        "name": name,
        "run": f"bench run --launder {name}" + (f":{kind.usage}" if kind.usage else ""),
        "argument": getattr(kind, "expected", ""),
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
