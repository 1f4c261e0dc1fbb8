"""Places2: validation images of Places365-Standard (Zhou et al., 2017)."""

from __future__ import annotations

from typing import ClassVar

from benchmark.datasets.published import Published, PublishedLayout


class Places2(Published):
    """All 36,500 images; the large ones, which keep their aspect ratio, are preferred."""

    layout: ClassVar[PublishedLayout] = PublishedLayout(
        name="places2",
        folders=("val_large", "val_256"),
        files="Places365_val_*.jpg",
        source="http://places2.csail.mit.edu/download.html",
    )
