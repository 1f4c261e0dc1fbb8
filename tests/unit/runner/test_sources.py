"""The cache of decoded samples is limited in number and bytes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmark.runner import sources as module
from benchmark.runner.plan import Plan
from benchmark.runner.sources import Sources


@pytest.mark.parametrize(("limit", "cached"), [(2**29, 4), (2 * 64 * 64 * 4, 2), (1, 1)])
def test_samples_are_cached_up_to_a_size(
    limit: int, cached: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHED_BYTES", limit)
    monkeypatch.setattr(module, "CACHED_MASK_BYTES", min(limit, 64 * 64 // 8 * 2))
    for number in range(4):
        levels = np.random.default_rng(number).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        Image.fromarray(levels).save(tmp_path / f"{number}.png")
    plan = Plan(images=tmp_path, datasets=("folder",), size="native", buckets=("10-20",))
    sources = Sources(plan)
    refs = sources.refs()
    loaded = [sources.load(ref) for ref in refs]
    assert len(sources._cached) == cached
    assert len(sources._mask_bits) <= 2
    again = [sources.load(ref) for ref in refs]
    for one, other in zip(loaded, again, strict=True):
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.mask, other.mask)
