"""Models for single images: chosen, loaded and described as `bench run` does it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchmark.core.checkpoints.resolve import refuse_changed
from benchmark.core.engines import engine_label
from benchmark.core.errors import BadInput, WeightsError
from benchmark.core.external.spec import words_of
from benchmark.core.registry import Registry
from benchmark.core.training_exposure import read_bench_metadata
from benchmark.runner.engines import check_engines
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.plan import Plan
from benchmark.runner.resolve_models import refuse_retired, resolve_models
from detectors import DETECTORS, create_detector
from detectors.base import Detector
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter

ALL = "all"
NO_EVIDENCE = "mini weights are no evidence"
_CONTROL = "a control without weights, no evidence"
_RATES = ("false_positive_rate", "false_alarms")  # of a recipe; the second in older files


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """The models of a command.

    Attributes:
        inpainters: those with weights here.
        detectors: likewise.
        absent: why each of the others cannot run.
    """

    inpainters: tuple[ResolvedModel, ...] = ()
    detectors: tuple[ResolvedModel, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def engines(self) -> dict[str, str]:
        """The engine that runs a model in place of torch, with its version, by model."""
        models = (*self.inpainters, *self.detectors)
        return {one.name: engine_label(one.engine) for one in models if one.engine}


def choose_models(
    *,
    inpainters: Sequence[str] = (),
    detectors: Sequence[str] = (),
    weights: Mapping[str, str] | None = None,
    engine: str = "",
    device: str = "cpu",
) -> Models:
    """Find models and their weights.

    Args:
        inpainters: names, or what a user brings, as for `bench run`; "all" for all that are
            installed and inpaint.
        detectors: likewise; "all" without this project's controls.
        weights: per model "official", "mini" or a path; by default official, else mini.
        engine: what runs networks in place of torch, such as "openvino" or "trufor=openvino".
        device: the torch device that they are for; an engine needs "cpu".

    Raises:
        BenchError: as `bench run`: for an unknown name, weights that cannot be used, or if no
            inpainter or no detector has weights.
        BadInput: if a word is of a folder of finished results.
    """
    painters = _expand(words_of(inpainters), _all_inpainters())
    lookers = _expand(words_of(detectors), _all_detectors())
    plan = Plan(
        inpainters=tuple(painters) or ("original",),
        detectors=tuple(lookers),
        weights=dict(weights or {}),
        engine=engine,
    )
    refuse_retired(plan)
    _refuse_finished(INPAINTERS, painters)
    _refuse_finished(DETECTORS, lookers)
    found = resolve_models(INPAINTERS, painters, plan), resolve_models(DETECTORS, lookers, plan)
    models = Models(
        inpainters=tuple(one for one in found[0] if not one.absent),
        detectors=tuple(one for one in found[1] if not one.absent),
        absent=tuple(one.absent for group in found for one in group if one.absent),
    )
    check_engines(
        plan.engine, inpainters=models.inpainters, detectors=models.detectors, devices=(device,)
    )
    return models


def _all_inpainters() -> list[str]:
    return [name for name in INPAINTERS.usable() if INPAINTERS.card(name).paints]


def _all_detectors() -> list[str]:
    controls = {name for name in DETECTORS.built_in if DETECTORS.card(name).weightless}
    return [name for name in DETECTORS.usable() if name not in controls]


def _expand(words: Sequence[str], everything: Sequence[str]) -> list[str]:
    named = [name for word in words for name in (everything if word == ALL else [word])]
    return list(dict.fromkeys(named))


def _refuse_finished(registry: Registry[Any], words: Sequence[str]) -> None:
    for word in words:
        if registry.card(word).finished:
            raise BadInput(f"{word}: a folder of finished results; only 'bench run' reads it")


class Loaded:
    """Loads models one at a time, as the next may need the memory.

    Args:
        device: a torch device such as "cpu".
    """

    def __init__(self, device: str) -> None:
        self._device = device
        self._chosen: ResolvedModel | None = None
        self._model: Inpainter | Detector | None = None

    def inpainter(self, chosen: ResolvedModel) -> Inpainter:
        """Load an inpainter, or return it if it was the last one loaded.

        Raises:
            WeightsError: if its checkpoint is damaged, of another model or not trained.
        """
        model = self._get(chosen, create_inpainter)
        if not isinstance(model, Inpainter):
            raise TypeError(f"{chosen.name} is no inpainter")
        if model.untrained:
            raise WeightsError(f"{chosen.name} cannot be used: {model.untrained}")
        return model

    def detector(self, chosen: ResolvedModel) -> Detector:
        """Load a detector, or return it if it was the last one loaded.

        Raises:
            WeightsError: if its checkpoint is damaged or of another model.
        """
        model = self._get(chosen, create_detector)
        if not isinstance(model, Detector):
            raise TypeError(f"{chosen.name} is no detector")
        return model

    def _get(self, chosen: ResolvedModel, create: Any) -> Inpainter | Detector:  # noqa: ANN401 (either)
        if self._model is None or self._chosen != chosen:
            self._model = None
            word = chosen.word or chosen.name
            model = create(word, weights=chosen.weights.path, device=self._device)
            refuse_changed(chosen.card, chosen.weights)
            model.use_engine(chosen.engine)
            self._chosen, self._model = chosen, model
        return self._model


def evidence_note(chosen: ResolvedModel) -> str:
    """What has to stand beside a verdict of a detector, or "" where nothing does.

    With mini weights it is that they are no evidence, and how many of the authentic images that
    set their operating point they call forged (`false_positives`).
    """
    if chosen.weights.edition == "mini":
        return f"{NO_EVIDENCE}: {false_positives(chosen) or 'false positives not measured'}"
    if chosen.card.weightless and chosen.card.name in DETECTORS.built_in:
        return _CONTROL
    return false_positives(chosen)


def false_positives(chosen: ResolvedModel) -> str:
    """How many of the images that set its threshold a detector calls forged; "" if unknown.

    The training of a detector ends with its operating point being set on authentic images that are
    held out, each as it is and post-processed (`benchmark.training.calibration`), so that a given
    share of them is called forged, at most. That measures no false-positive rate: on other images
    it may be far more.
    """
    path = chosen.weights.path
    noted = read_bench_metadata(path) if path is not None and path.is_file() else {}
    recipe = noted.get("recipe")
    if not isinstance(recipe, dict):
        return ""
    rate = next((recipe[name] for name in _RATES if recipe.get(name)), 0)
    held_out = recipe.get("held_out", 0)
    if not isinstance(rate, (int, float)) or not isinstance(held_out, int) or not 0 < rate < 1:
        return ""
    count = noted.get("calibrated_on", 2 * held_out)  # each image as it is and post-processed
    if not isinstance(count, int):
        return ""
    called = int(rate * count + 1e-9)
    if not called:
        return ""
    return f"{called} of the {count} authentic images that set the threshold are called forged"
