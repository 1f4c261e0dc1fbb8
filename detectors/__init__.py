"""Forgery detectors: add a module to this package and an entry to `DETECTORS`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.registry import Registry, create

if TYPE_CHECKING:  # names are listed without loading torch
    from detectors.base import Detector

DETECTORS: Registry[type[Detector]] = Registry(
    "detector",
    {
        "psccnet": "detectors.psccnet:PSCCNet",
        "trufor": "detectors.trufor:TruFor",
        "iidnet": "detectors.iidnet:IIDNet",
        "laplacian": "detectors.laplacian:Laplacian",
        "block-similarity": "detectors.block_similarity:BlockSimilarity",
        "flatness": "detectors.baselines:Flatness",
        "chance": "detectors.baselines:Chance",
    },
    base="detectors.base:Detector",
    group="bench.detectors",
    schemes={
        "heatmaps": "detectors.external.heatmaps:Heatmaps",
        "cmd": "detectors.external.program:Command",
        "imdlbenco": "detectors.external.imdlbenco:IMDLBenCo",
        "photoholmes": "detectors.external.photoholmes:PhotoHolmes",
    },
)


def create_detector(
    name: str, *, weights: str | Path | None = None, device: str = "cpu"
) -> Detector:
    """Load a detector by name.

    Args:
        name: a name of `DETECTORS`, "package.module:Class", or "scheme:argument".
        weights: "official", "mini", or a path in the authors' layout; by default official if
            installed, else mini.
        device: a torch device such as "cpu" or "cuda:0".

    Returns:
        The detector; its weights are loaded strictly.

    Raises:
        UnknownName: if there is no such detector.
        ExternalError: if an external detector or plugin cannot be used.
        WeightsError: if its weights are missing, damaged or of another model.
    """
    detector: Detector = create(DETECTORS, name, weights=weights, device=device)
    return detector
