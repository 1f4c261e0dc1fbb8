"""Fake installed distributions: metadata, entry points and modules."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from benchmark.core.external.spec import distribution_of, plugins
from benchmark.core.registry import Registry
from benchmark.datasets import DATASETS
from benchmark.metrics import METRICS, _source_of
from benchmark.postprocess import LAUNDERS
from detectors import DETECTORS
from inpainters import INPAINTERS

REGISTRIES: tuple[Registry, ...] = (INPAINTERS, DETECTORS, METRICS, DATASETS, LAUNDERS)
Install = Callable[..., Path]

PAINTER = """
import torch
from benchmark.core.card import Card
from inpainters.base import Inpainter

class Grey(Inpainter):
    card = Card(name="grey", title="one grey", sizes="any")

    def _fill(self, images, masks, *, seed):
        return torch.full_like(images, 0.5)
"""
LOOKER = """
import torch
from benchmark.core.card import Card
from benchmark.core.types import Detection
from detectors.base import Detector

class Bright(Detector):
    card = Card(name="bright", title="brightness", sizes="any", score="the mean brightness")

    def _detect(self, images):
        return Detection(heatmap=images.mean(dim=1), score=images.mean(dim=(1, 2, 3)))
"""
METRIC = """
import numpy as np
from benchmark.metrics.base import Metric

class Redness(Metric):
    name, title, better, needs = "redness", "Redness", "lower", "filled"

    def measure(self, case):
        return case.filled[..., 0].mean(axis=(1, 2), dtype=np.float64)[:, None]
"""
DATASET = """
from pathlib import Path
from benchmark.core.images import named_images
from benchmark.datasets.base import Dataset

class Own(Dataset):
    def _find(self, images):
        return named_images(Path(images))
"""


def forget() -> None:
    """Look for plugins again, and read every card again."""
    for cached in (plugins, distribution_of, _source_of):
        cached.cache_clear()
    for registry in REGISTRIES:
        registry._labels.clear()
        registry._stand_ins.clear()
        for target in [*registry._cards]:
            if target not in registry._table.values():
                del registry._cards[target]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Install a distribution: `install("paint", {"bench.inpainters": {...}}, mod="source")`."""
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    before = set(sys.modules)

    def call(
        name: str,
        points: Mapping[str, Mapping[str, str]] | None = None,
        version: str = "1.2",
        **modules: str,
    ) -> Path:
        info = site / f"{name}-{version}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        lines = []
        for group, names in (points or {}).items():
            lines += [f"[{group}]", *(f"{one} = {target}" for one, target in names.items())]
        (info / "entry_points.txt").write_text("\n".join(lines) + "\n")
        (info / "top_level.txt").write_text("\n".join(modules) + "\n")
        for module, source in modules.items():
            (site / f"{module}.py").write_text(source)
        forget()
        return site

    forget()
    yield call
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(site)):
            del sys.modules[module]
    monkeypatch.undo()
    forget()
