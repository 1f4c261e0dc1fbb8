"""Paris StreetView (Pathak et al., 2016): the 100 test images."""

from __future__ import annotations

from typing import ClassVar

from benchmark.datasets.published import Published, PublishedLayout


class ParisStreetView(Published):
    """The complete test images; the archive also has copies with a square hole."""

    layout: ClassVar[PublishedLayout] = PublishedLayout(
        name="paris-street-view",
        folders=("paris_eval/paris_eval_gt", "paris_eval_gt"),
        files="*",
        source="https://github.com/pathak22/context-encoder (its authors send it on request)",
    )
