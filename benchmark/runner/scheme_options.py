"""Refuse options of a run that a model of a scheme, such as `diffusers:ID`, cannot honor."""

from __future__ import annotations

from typing import Any

from benchmark.core.errors import BadInput, PlanError
from benchmark.core.external.options import RunOptions
from benchmark.core.registry import Registry
from benchmark.runner.plan import Plan
from benchmark.runner.prompts import takes_prompts
from detectors import DETECTORS
from inpainters import INPAINTERS


def check_scheme_options(plan: Plan, devices: tuple[str, ...]) -> list[str]:
    """Ask every scheme of a plan whether it can do what the run's options say.

    Args:
        plan: the plan.
        devices: names of the torch devices that models may be loaded on.

    Returns:
        A line on which inpainters get the plan's prompts; [] without prompts.

    Raises:
        PlanError: naming the model, the option and what to use instead.
    """
    registries: tuple[tuple[Registry[Any], tuple[str, ...]], ...] = (
        (INPAINTERS, plan.inpainters),
        (DETECTORS, plan.detectors),
    )
    for registry, words in registries:
        for word in words:
            found = registry.find(word)
            if found.argument is None:
                continue
            options = RunOptions(
                precision=plan.precision,
                compiled=plan.compile,
                devices=devices,
                prompts=bool(plan.prompts) and takes_prompts(found),
            )
            try:
                registry.load(word).check_options(found.argument, options)
            except BadInput as error:
                raise PlanError(f"{found.name}: {error}") from None
    return _prompt_lines(plan)


def _prompt_lines(plan: Plan) -> list[str]:
    if not plan.prompts:
        return []
    entries = [INPAINTERS.find(word) for word in plan.inpainters]
    takers = ", ".join(one.name for one in entries if takes_prompts(one))
    others = ", ".join(one.name for one in entries if not takes_prompts(one))
    rest = f"; {others}: no prompt is taken" if others else ""
    return [f"Prompts: {len(plan.prompts)}, one for each image, for {takers}{rest}."]
