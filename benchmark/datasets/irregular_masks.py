"""Irregular test masks of NVIDIA (Liu et al., 2018), as used in the paper's tables.

12,000 masks of 512x512, white = hole, 2,000 in each of six bins of the mask ratio.
"""

from __future__ import annotations

from benchmark.datasets.published import PublishedLayout

IRREGULAR_MASKS = PublishedLayout(
    name="irregular-masks",
    folders=("mask/testing_mask_dataset", "testing_mask_dataset"),
    files="*.png",
    source="https://nv-adlr.github.io/publication/partialconv-inpainting (test_mask.zip)",
)
