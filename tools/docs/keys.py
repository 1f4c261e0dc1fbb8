"""Generate docs/reference/plan.md and recipe.md: all keys with type, default and meaning."""

from __future__ import annotations

import json
import tomllib
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.main import get_command

from benchmark.cli import app
from benchmark.plans import PLANS, plan_file
from benchmark.runner.plan import Plan
from benchmark.training.recipe import LEARNERS, Recipe
from tools.docs.docstrings import attributes, description, summary
from tools.docs.markdown import NOTICE, code, table

_PLAN = """# Plan keys

A plan is a TOML file for `bench run FILE`, or the arguments of `benchmark.Plan`. It contains
everything that changes a number, and nothing else: devices, executors and result folders are
options of [`bench run`](cli.md#bench-run). All keys are optional. Options override keys of the
plan. Unknown keys are errors. Relative paths are relative to the folder of the file. Each run
writes its plan to `plan.toml` in its folder.

"""
_PLANS = """
## Plans that ship

`bench run NAME` runs a plan, `bench show NAME` describes it; options override its keys. Empty cells
mean the default.

"""
_RECIPE = """# Recipe keys

A recipe is a TOML file for `bench train NAME --recipe FILE`. It contains everything that determines
a training except the images. Unknown keys, and recipes of another model, are errors. The shipped
recipes are in `inpainters/training/recipes` and `detectors/training/recipes`;
[training](../training.md) explains them.

"""
_PLAIN = {str: "text", int: "integer", float: "number", bool: "true or false", Path: "path"}
_LIMITS = (("ge", "≥"), ("gt", ">"), ("le", "≤"), ("lt", "<"))
_TITLES = {
    "OptimizerOptions": "[optimizer] and [optimizers.NAME]",
    "Stage": "[[stages]]",
    "Forger": "forgers of a stage",
    "Existing": "[forgeries]",
    "Shapes": "shapes of [holes]",
    "Postprocessing": "[history] and [postprocessing]",
}


def pages() -> dict[str, str]:
    """Return both pages."""
    return {
        "docs/reference/plan.md": NOTICE + _PLAN + _plan_table() + _PLANS + _plans(),
        "docs/reference/recipe.md": NOTICE + _RECIPE + "\n".join(_recipe_parts()),
    }


def _plan_table() -> str:
    options = {name for one in get_command(app).commands["run"].params for name in one.opts}  # type: ignore[attr-defined]
    meanings = attributes(Plan)
    rows = (
        (code(key), kind_of(field), _default(field), _option_of(key, options), meanings[key])
        for key, field in Plan.model_fields.items()
    )
    return table(("key", "type", "default", "option", "meaning"), rows)


def _plans() -> str:
    """Return a row for each shipped plan with the keys that it sets."""
    keys = (
        "datasets",
        "buckets",
        "inpainters",
        "detectors",
        "metrics",
        "composite",
        "retouch",
        "limit",
    )
    found = {name: tomllib.loads(plan_file(name).read_text(encoding="utf-8")) for name in PLANS}
    rows = (
        (code(name), *(_named(values.get(key, "")) for key in keys))
        for name, values in found.items()
    )
    return table(("plan", *(code(key) for key in keys)), rows)


def _named(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return str(value)


def _option_of(key: str, options: set[str]) -> str:
    names = (f"--{key}".replace("_", "-"), f"--{key.removesuffix('s')}")
    return next((code(name) for name in names if name in options), "")


def _recipe_parts() -> Iterator[str]:
    yield _keys(Recipe)
    for kind in _nested(Recipe):
        title = _TITLES.get(kind.__name__, f"[{kind.__name__.lower()}]")
        yield f"## {title}\n\n{description(kind)}\n\n{_keys(kind)}"
    yield (
        "## [losses], by model\n\nWeights of the loss terms, and their variants. Models with the "
        "same training module have the same keys.\n"
    )
    for kind, names in _losses().items():
        models = ", ".join(code(name) for name in names)
        yield f"### {kind.__name__}: {models}\n\n{summary(kind)}\n\n{_keys(kind)}"


def _losses() -> dict[type[BaseModel], list[str]]:
    """The losses' table of each training, with the models that use it."""
    found: dict[type[BaseModel], list[str]] = {}
    for name in LEARNERS.built_in:
        found.setdefault(LEARNERS.load(name).Losses, []).append(name)
    return found


def _nested(kind: type[BaseModel]) -> list[type[BaseModel]]:
    """Return the tables inside a table, each once, in the order of its keys."""
    found: dict[type[BaseModel], None] = {}
    for field in kind.model_fields.values():
        for one in _models_in(field.annotation):
            found.update(dict.fromkeys((one, *_nested(one))))
    return list(found)


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:  # noqa: ANN401
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)


def _keys(kind: type[BaseModel]) -> str:
    meanings = attributes(kind)
    rows = (
        (code(key), kind_of(field), _default(field), meanings.get(key, ""))
        for key, field in kind.model_fields.items()
    )
    return table(("key", "type", "default", "meaning"), rows)


def kind_of(field: FieldInfo) -> str:
    """Return the type and the limits of a key as text."""
    return _kind(field.annotation) + _limits(field.metadata)


def _kind(annotation: Any) -> str:  # noqa: ANN401
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation in _PLAIN:
        return _PLAIN[annotation]
    if origin is Annotated:
        return _kind(inner[0]) + _limits(inner[1:])
    if origin is Literal:
        return " or ".join(code(json.dumps(one)) for one in inner)
    if origin in (Union, types.UnionType):
        return " or ".join(_kind(one) for one in inner if one is not type(None))
    if origin is tuple:
        same = inner[-1] is Ellipsis
        return f"list of {_kind(inner[0])}" if same else f"list of {len(inner)} numbers"
    return "table"


def _limits(metadata: Any) -> str:  # noqa: ANN401
    whole = [
        part for one in metadata for part in (one.metadata if isinstance(one, FieldInfo) else [one])
    ]
    said = [
        f"{sign} {getattr(one, name):g}"
        for name, sign in _LIMITS
        for one in whole
        if getattr(one, name, None) is not None
    ]
    return f", {', '.join(said)}" if said else ""


def _default(field: FieldInfo) -> str:
    value = field.get_default(call_default_factory=True)
    if value is PydanticUndefined:
        return "required"
    if value is None or isinstance(value, BaseModel) or value == {}:
        return ""
    return code(json.dumps(value))
