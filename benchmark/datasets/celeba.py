"""CelebA (Liu et al., 2015), aligned test images, or CelebA-HQ."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from benchmark.datasets.published import Published, PublishedLayout

FIRST_TESTED = 182_638  # list_eval_partition.txt: 1-162770 train, -182637 validate, -202599 test
ALIGNED = "img_align_celeba"


class CelebA(Published):
    """The 19,962 images of CelebA's test split; all images of CelebA-HQ, which has no splits."""

    layout: ClassVar[PublishedLayout] = PublishedLayout(
        name="celeba",
        folders=(ALIGNED, "CelebAMask-HQ/CelebA-HQ-img", "CelebA-HQ-img"),
        files="*.jpg",
        source=(
            "https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html "
            "or https://github.com/switchablenorms/CelebAMask-HQ"
        ),
    )

    def _tests(self, path: Path) -> bool:
        if path.parent.name != ALIGNED:
            return True
        return path.stem.isdecimal() and int(path.stem) >= FIRST_TESTED
