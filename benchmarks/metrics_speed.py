"""Speed of the pixel AUC against scikit-learn's, on one heatmap."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
from sklearn.metrics import roc_auc_score

from benchmark.metrics.localization import pixel_auc


def draw(side: int, kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Return logits and mask (side, side): a smooth or confident heatmap over a rectangle."""
    generator = np.random.default_rng(0)
    mask = np.zeros((side, side), dtype=bool)
    mask[side // 4 : side // 2, side // 4 : 3 * side // 4] = True
    spread = 1.0 if kind == "smooth" else 8.0
    logits = spread * (generator.normal(size=mask.shape) + 1.5 * mask - 1)
    return logits.clip(-30, 30), mask


def fastest(call: Callable[[], float], runs: int) -> float:
    """Return the minimum time of several calls, in milliseconds."""
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1000 * min(times)


def main() -> None:
    """Print a table: milliseconds, their ratio, and the difference of the AUCs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=256, help="side of the heatmap in pixels")
    parser.add_argument(
        "--runs", type=int, default=15, help="runs of each; the fastest is reported"
    )
    options = parser.parse_args()
    print("| heatmap | ours, ms | scikit-learn, ms | times faster | difference |")
    print("| --- | --- | --- | --- | --- |")
    for kind in ("smooth", "confident"):
        logits, mask = draw(options.side, kind)
        kept = logits.astype(np.float16)
        probabilities = (1 / (1 + np.exp(-logits))).astype(np.float32)
        for name, heatmap in (("float16 logits", kept), ("float32", probabilities)):
            flat, truth = heatmap.ravel(), mask.ravel()
            ours = fastest(lambda h=heatmap, m=mask: pixel_auc(h, m), options.runs)
            theirs = fastest(lambda h=flat, t=truth: roc_auc_score(t, h), options.runs)
            apart = abs(pixel_auc(heatmap, mask) - roc_auc_score(truth, flat))
            label = f"{kind}, {name}, {options.side}x{options.side}"
            print(f"| {label} | {ours:.2f} | {theirs:.2f} | {theirs / ours:.0f} | {apart:.0e} |")


if __name__ == "__main__":
    main()
