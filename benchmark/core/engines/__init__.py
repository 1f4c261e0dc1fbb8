"""Engines that run converted networks in place of torch: OpenVINO and ONNX Runtime."""

from benchmark.core.engines.choice import (
    ENGINES,
    canonical_engines,
    engine_of,
    engine_words,
    given_engine,
)
from benchmark.core.engines.installed import engine_label, engine_version, lacking_engine

__all__ = [
    "ENGINES",
    "canonical_engines",
    "engine_label",
    "engine_of",
    "engine_version",
    "engine_words",
    "given_engine",
    "lacking_engine",
]
