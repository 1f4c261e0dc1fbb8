"""Refuse an engine for models that it does not run, before anything is computed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from benchmark.core.engines import engine_label, engine_words, lacking_engine
from benchmark.core.errors import BadInput, ExternalError
from benchmark.core.registry import Registry
from benchmark.runner.jobs import ResolvedModel
from detectors import DETECTORS
from inpainters import INPAINTERS


def check_engines(
    option: str,
    *,
    inpainters: Sequence[ResolvedModel] = (),
    detectors: Sequence[ResolvedModel] = (),
    devices: Iterable[str] = ("cpu",),
) -> list[str]:
    """Check that every model of `--engine` can be run by its engine here.

    Args:
        option: the option, such as "openvino" or "trufor=openvino".
        inpainters: the inpainters, each with its engine.
        detectors: the detectors, likewise.
        devices: names of the torch devices that models may be loaded on.

    Returns:
        A line with the engine of each model and its version; [] without engines.

    Raises:
        BadInput: naming each model that cannot, why, and what to use instead.
        ExternalError: if an engine is not installed.
    """
    if not option:
        return []
    usable, reasons, engines = [], [], dict.fromkeys(engine_words(option).values())
    for model, reason in _refusals(option, inpainters, detectors):
        if reason:
            reasons.append(f"{model.name}: {reason}")
        else:
            usable.append(f"{model.name}={model.engine}")
    if reasons:
        instead = f"use --engine {','.join(usable)}" if usable else "run it without --engine"
        raise BadInput(f"--engine {option}: {'; '.join(reasons)}; {instead}")
    if not usable:
        raise BadInput(f"--engine {option}: no model here has a network; run it without --engine")
    for device in devices:
        if device.partition(":")[0] != "cpu":
            raise BadInput(
                f"--engine {option} runs networks on the CPU, not on {device}: use --device cpu, "
                "or run it without --engine"
            )
    for engine in engines:
        if reason := lacking_engine(engine):
            raise ExternalError(f"--engine {engine}: {reason}")
    models = (*inpainters, *detectors)
    shown = [f"{one.name} {engine_label(one.engine)}" for one in models if one.engine]
    return [f"Engines: {', '.join(shown)}."]


def _refusals(
    option: str, inpainters: Iterable[ResolvedModel], detectors: Iterable[ResolvedModel]
) -> Iterator[tuple[ResolvedModel, str]]:
    """Yield each model that is to be run by an engine, and why it cannot, or ""."""
    named = engine_words(option)
    found: list[tuple[Registry[Any], ResolvedModel]] = [
        *((INPAINTERS, one) for one in inpainters),
        *((DETECTORS, one) for one in detectors),
    ]
    for registry, model in found:
        if model.engine:
            yield model, registry.load(model.word or model.name).engine_refusal(model.engine)
        elif model.name in named:
            yield model, "nothing is computed by a network"
