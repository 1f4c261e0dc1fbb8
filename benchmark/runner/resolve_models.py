"""Find the models of a plan, their weights, and folders of finished images and heatmaps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from benchmark.core.card import Card
from benchmark.core.checkpoints.resolve import Weights, find_weights
from benchmark.core.engines import engine_of
from benchmark.core.errors import MissingWeights, PlanError
from benchmark.core.registry import Registry
from benchmark.core.training_exposure import training_inpainters
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.plan import Plan
from detectors import DETECTORS, create_detector
from inpainters import INPAINTERS, create_inpainter

if TYPE_CHECKING:  # loads torch, which a fully cached run does not need
    from detectors.external.heatmaps import Heatmaps
    from inpainters.external.outputs import Outputs


def resolve_models(
    registry: Registry[Any], names: Sequence[str], plan: Plan
) -> tuple[ResolvedModel, ...]:
    """Return models of a plan with their weights; those that cannot run here are marked absent.

    They have no weights here, or lack an optional package.

    Raises:
        WeightsError: if all of them are absent, or weights that the plan names cannot be used.
    """
    found = tuple(resolve_model(registry, name, plan) for name in names)
    if found and all(model.absent for model in found):
        raise MissingWeights(found[0].absent)
    return found


def refuse_retired(plan: Plan) -> None:
    """Refuse to run a plan with a model that this version no longer has.

    Raises:
        RetiredName: naming the first such model.
    """
    for registry, words in ((INPAINTERS, plan.inpainters), (DETECTORS, plan.detectors)):
        for retired in filter(None, map(registry.retired, words)):
            raise retired.error()


def resolve_model(registry: Registry[Any], word: str, plan: Plan) -> ResolvedModel:
    """Return one model of a plan with its weights; see `resolve_models`."""
    card = registry.card(word)
    wanted = plan.weights.get(card.name)
    model = ResolvedModel(
        name=card.name,
        card=card,
        weights=Weights(edition="absent"),
        word=word,
        source=registry.fingerprint(word),
        distribution=registry.find(word).distribution,
    )
    retired = registry.retired(word)
    if retired is not None and wanted in (None, "mini"):  # the weights are gone, their keys are not
        kept = Weights(edition="mini", sha256=retired.mini)
        return replace(model, weights=kept, **_options(plan, card))
    if reason := registry.lacking(word):
        return replace(model, absent=reason)
    try:
        model = replace(model, weights=find_weights(card, wanted))
    except MissingWeights as error:
        if wanted is not None:
            raise
        return replace(model, absent=str(error))
    return tuned(model, plan)


def tuned(model: ResolvedModel, plan: Plan) -> ResolvedModel:
    """Return a model with the plan's precision, compilation and engine, if it has a network."""
    if model.card.weightless and not model.source:  # stored outputs stay valid
        return model
    return replace(model, **_options(plan, model.card))


def _options(plan: Plan, card: Card) -> dict[str, Any]:
    engine = "" if card.finished else engine_of(plan.engine, card.name)
    return {"precision": plan.precision, "compiled": plan.compile, "engine": engine}


def image_folders(inpainters: Iterable[ResolvedModel], plan: Plan) -> dict[str, Outputs]:
    """Return the folders of finished images among a plan's inpainters."""
    words = {one.name: one.word for one in inpainters if one.card.finished}
    if words and plan.hole_blind:
        raise PlanError(f"{next(iter(words))}: --hole-blind has no effect on finished images")
    return {name: cast("Outputs", create_inpainter(word)) for name, word in words.items()}


def heatmap_folders(detectors: Iterable[ResolvedModel]) -> dict[str, Heatmaps]:
    """Return the folders of finished heatmaps among a plan's detectors."""
    words = {one.name: one.word for one in detectors if one.card.finished}
    return {name: cast("Heatmaps", create_detector(word)) for name, word in words.items()}


def training_exposure_of(detector: ResolvedModel) -> frozenset[str] | None:
    """Return the inpainters whose forgeries a detector was trained on; None if unknown.

    A detector without weights was trained on none. It is unknown for official weights and external
    detectors.
    """
    if detector.source or detector.absent:
        return None
    if detector.card.weightless:
        return frozenset()
    path = detector.weights.path
    return training_inpainters(path) if path is not None and path.suffix == ".safetensors" else None
