"""Types of a plan's keys, which bring values into the form that tables and files have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field

from benchmark.composite import canonical as canonical_composite
from benchmark.core.engines import canonical_engines
from benchmark.core.errors import BadInput, PlanError
from benchmark.core.paths import expand_home
from benchmark.masks.bucket import Bucket
from benchmark.postprocess import PostProcess
from benchmark.retouch import canonical
from benchmark.runner.plan_checks import check_unique
from benchmark.runner.prompts import prompts_of


def _at_home(place: Path | None) -> Path | None:
    return expand_home(place) if place is not None else None


def _buckets(labels: tuple[str, ...]) -> tuple[str, ...]:
    return check_unique(tuple(Bucket.parse(label).label for label in labels), "bucket")


def _launders(steps: tuple[str, ...]) -> tuple[str, ...]:
    try:
        parsed = tuple(PostProcess.parse(step) for step in steps)
    except BadInput as error:
        raise PlanError(str(error)) from None
    check_unique(tuple(one.name for one in parsed), "post-processing")
    return tuple(one.label for one in parsed)


def _retouches(steps: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return check_unique(canonical(steps), "retouching")
    except BadInput as error:
        raise PlanError(str(error)) from None


def _engine(text: str) -> str:
    try:
        return canonical_engines(text)
    except BadInput as error:
        raise PlanError(str(error)) from None


def _composites(steps: tuple[str, ...]) -> tuple[str, ...]:
    try:
        return check_unique(canonical_composite(steps), "composite")
    except BadInput as error:
        raise PlanError(str(error)) from None


Names = Annotated[tuple[str, ...], Field(min_length=1)]
Place = Annotated[Path | None, AfterValidator(_at_home)]
Buckets = Annotated[Names, AfterValidator(_buckets)]
Prompts = Annotated[dict[str, str], BeforeValidator(prompts_of)]
Composites = Annotated[tuple[str, ...], AfterValidator(_composites)]
Retouches = Annotated[tuple[str, ...], AfterValidator(_retouches)]
Launders = Annotated[tuple[str, ...], AfterValidator(_launders)]
Engine = Annotated[str, AfterValidator(_engine)]
