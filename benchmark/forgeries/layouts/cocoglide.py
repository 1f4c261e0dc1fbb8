"""`cocoglide`: CocoGlide, COCO images in which GLIDE inpainted an object (Guillaro et al., 2023).

Follows the listings data/IDT-CocoGlide-manip.txt and -auth.txt in IDT-ITI/MMFusion-IML at
9f39271e4d672c845ba30e534a3c9977871d421c, and the layout notes of Onurkutan/image-forensics-toolkit,
src/imgforensics/data/layouts.yaml at 57628f883b64c31406afcff47c8511a8920a7734 (the archive as it
unpacks; white = inpainted). An image, its truth and its original share nothing but the COCO image's
number at the end of their names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from benchmark.core.errors import DataError
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

_FAKE = re.compile(r".*_(\d+)_up")
_MASK = re.compile(r".*_(\d+)_mask")
_REAL = re.compile(r".*_(\d+)")


class CocoGlide(Layout):
    """Forged images in `fake/`, truths in `mask/`, originals in `real/`."""

    facts = Facts(
        title="CocoGlide",
        paper="Guillaro et al., 2023",
        url="https://github.com/grip-unina/TruFor#cocoglide-dataset",
        terms="not stated by the readers; the archive has the COCO images' own in licenses.json",
        readers=(
            Reader(
                "IDT-ITI/MMFusion-IML",
                "data/IDT-CocoGlide-manip.txt",
                "9f39271e4d672c845ba30e534a3c9977871d421c",
            ),
            Reader(
                "Onurkutan/image-forensics-toolkit",
                "src/imgforensics/data/layouts.yaml",
                "57628f883b64c31406afcff47c8511a8920a7734",
            ),
        ),
        tree="fake/glide_inpainting_val2017_ID_up.png, mask/CLASS_ID_mask.png, real/CLASS_ID.png",
    )
    needs = ("fake", "mask", "real")

    def read(self, tree: Tree) -> Found:
        """Find the items; the group is the COCO image's number.

        Raises:
            DataError: if no image in `fake/` is named as CocoGlide names them.
        """
        fakes, masks = tree.images("fake"), tree.images("mask")
        reals = tree.images("real")
        ids, real_ids = _ids(fakes, _FAKE), _ids(reals, _REAL)
        if not ids:
            raise self.refused(tree.folder, "no image in fake/ ends with _ID_up")
        names = item_names({**fakes, **reals})
        truths = {number: path for path, number in _ids(masks, _MASK).items()}
        real_of = {number: names[path] for path, number in real_ids.items()}
        found = Found()
        found.items += forged_items(
            {path: fakes[path] for path in ids},
            names,
            {path: masks[truths[one]] for path, one in ids.items() if one in truths},
            Details(
                groups=ids,
                originals={path: real_of[one] for path, one in ids.items() if one in real_of},
                methods="glide",
            ),
        )
        found.items += authentic_items(
            {path: reals[path] for path in real_ids}, names, Details(groups=real_ids)
        )
        found.note_missing_truth()
        found.skip([path for path in fakes if path not in ids], "not named as CocoGlide's")
        return found


def _ids(images: Mapping[str, Path], form: re.Pattern[str]) -> dict[str, str]:
    """Return the number of the COCO image by path, of files that have one.

    Raises:
        DataError: if two have the same.
    """
    found = {path: told[1] for path in images if (told := form.fullmatch(stem(path)))}
    first: dict[str, str] = {}
    for path, number in found.items():
        if first.setdefault(number, path) != path:
            raise DataError(
                f"{images[path]}: COCO image {number} is there twice, as {first[number]} too"
            )
    return found
