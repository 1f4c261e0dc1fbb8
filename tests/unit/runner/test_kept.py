"""Decoded samples are kept up to a number and up to a size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.runner import sources as module
from benchmark.runner.plan import Plan
from benchmark.runner.sources import Sources


@pytest.mark.parametrize(("room", "kept"), [(2**29, 4), (2 * 64 * 64 * 4, 2), (1, 1)])
def test_samples_are_kept_up_to_a_size(
    room: int, kept: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "KEPT_BYTES", room)
    monkeypatch.setattr(module, "KEPT_BITS", min(room, 64 * 64 // 8 * 2))
    for number in range(4):
        levels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(levels).save(tmp_path / f"{number}.png")
    plan = Plan(images=tmp_path, datasets=("folder",), size="native", buckets=("10-20",))
    sources = Sources(plan)
    refs = sources.refs()
    loaded = [sources.load(ref) for ref in refs]
    assert len(sources._kept) == kept
    assert len(sources._bits) <= 2
    again = [sources.load(ref) for ref in refs]
    for one, other in zip(loaded, again, strict=True):
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.mask, other.mask)
