"""`coverage`: COVERAGE, copy-moved images with similar objects (Wen et al., 2016).

Follows `CoverageDataset` in photoholmes/photoholmes, src/photoholmes/datasets/coverage.py at
f57f487d616d3c34ced97a7fdc55180438d86bf6 (NUMt.tif is forged, NUMforged.tif its truth, forged above
125), and the listing Splicing/data/COVERAGE_tamp.txt in mjkwon2021/CAT-Net at
6536f9dd9a47725b4e26962a8b84471fc1e66e33. The truths are black and white, so that 125 and this
project's 128 are the same.
"""

from __future__ import annotations

import re

from benchmark.forgeries.layout import (
    Details,
    Facts,
    Found,
    Layout,
    Reader,
    authentic_items,
    forged_items,
)
from benchmark.forgeries.tree import Tree, item_names, stem

_IMAGE = re.compile(r"(\d+)(t?)", re.IGNORECASE)


class Coverage(Layout):
    """All images in `image/`, the truths of the forged ones in `mask/`."""

    facts = Facts(
        title="COVERAGE",
        paper="Wen et al., 2016",
        url="https://github.com/wenbihan/coverage",
        terms="none stated by the readers; see its page",
        readers=(
            Reader(
                "photoholmes/photoholmes",
                "src/photoholmes/datasets/coverage.py",
                "f57f487d616d3c34ced97a7fdc55180438d86bf6",
            ),
            Reader(
                "mjkwon2021/CAT-Net",
                "Splicing/data/COVERAGE_tamp.txt",
                "6536f9dd9a47725b4e26962a8b84471fc1e66e33",
            ),
        ),
        tree="image/NUM.tif (authentic), image/NUMt.tif (forged), mask/NUMforged.tif",
    )
    needs = ("image", "mask")

    def _begins(self, tree: Tree, folder: str) -> bool:
        start = f"{folder}/" if folder else ""
        return super()._begins(tree, folder) and any(
            stem(path).casefold().endswith("forged") for path in tree.images(f"{start}mask")
        )

    def read(self, tree: Tree) -> Found:
        """Find the items; the group is the number that an image and its forgery share.

        Raises:
            DataError: if no image is named as COVERAGE names them.
        """
        images = tree.images("image")
        told = {path: one for path in images if (one := _IMAGE.fullmatch(stem(path)))}
        truths = {stem(path).casefold(): file for path, file in tree.images("mask").items()}
        names = item_names(images)
        forged = {path: one[1] for path, one in told.items() if one[2]}
        authentic = {path: one[1] for path, one in told.items() if not one[2]}
        if not forged:
            raise self.refused(tree.folder, "no image is named NUMt")
        original = {number: names[path] for path, number in authentic.items()}
        found = Found()
        found.items += forged_items(
            {path: images[path] for path in forged},
            names,
            {p: truths[f"{n}forged"] for p, n in forged.items() if f"{n}forged" in truths},
            Details(
                groups=forged,
                originals={path: original[one] for path, one in forged.items() if one in original},
                methods="copy-move",
            ),
        )
        found.items += authentic_items(
            {path: images[path] for path in authentic}, names, Details(groups=authentic)
        )
        found.note_missing_truth()
        found.skip([path for path in images if path not in told], "not named as COVERAGE's")
        return found
