"""Cases that the tests of metrics share."""

from __future__ import annotations

import numpy as np

from benchmark.core.types import Case, Verdict

SIDE = 24


def draw_case(n: int = 3, *, seed: int = 0, side: int = SIDE) -> Case:
    """N pictures whose holes are repainted with noise, and a detector that half sees it."""
    generator = np.random.default_rng(seed)
    image = generator.integers(0, 256, (n, side, side, 3), dtype=np.uint8)
    mask = np.zeros((n, side, side), dtype=bool)
    rows, columns = (slice(low * side // 24, high * side // 24) for low, high in ((5, 15), (4, 20)))
    mask[:, rows, columns] = True
    noise = generator.integers(0, 256, image.shape, dtype=np.uint8)
    logits = generator.normal(size=mask.shape) + mask
    return Case(
        image=image,
        mask=mask,
        truth=mask.copy(),
        filled=np.where(mask[..., None], noise, image),
        verdict=Verdict(
            logits=logits.astype(np.float16),
            score=generator.random(n, dtype=np.float32),
            threshold=0.5,
        ),
    )
