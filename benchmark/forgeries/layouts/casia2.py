"""`casia2`: CASIA v2, spliced and copy-moved images (Dong et al., 2013).

Follows `CASIA` in mjkwon2021/CAT-Net, Splicing/data/dataset_CASIA.py at
039926bd8d9bbfef34fdec1f3101d67b3338acce (`CASIA 2.0/Tp`, `CASIA 2 Groundtruth/NAME_gt.png`, forged
where not black; it leaves out 17 images whose truth has another shape, which `read_truth` refuses),
and Onurkutan/image-forensics-toolkit, src/imgforensics/data/layouts.yaml at
57628f883b64c31406afcff47c8511a8920a7734 (`Tp/`, `Gt/NAME_gt.png`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

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

_NAME = re.compile(r"Tp_([DS])_.+", re.IGNORECASE)
# Sp_D_NRN_A_sec0013_art0029_0547 and Tp_D_NRN_S_N_sec00064_cha00052_11409: the two images that the
# forgery was made from; Au_sec_00031 is the authentic image sec00031.
_SOURCES = re.compile(r".*_([a-z]{3}\d{4,5})_([a-z]{3}\d{4,5})_\d+", re.IGNORECASE)
_AUTHENTIC = re.compile(r"Au_([a-z]{3})_(\d{4,5})", re.IGNORECASE)


class Casia2(Layout):
    """Forged images in `Tp/`, truths in `CASIA 2 Groundtruth/` or `Gt/`."""

    facts = Facts(
        title="CASIA v2",
        paper="Dong et al., 2013",
        url="https://github.com/namtpham/casia2groundtruth",
        terms="none stated by the readers; ask the authors",
        readers=(
            Reader(
                "mjkwon2021/CAT-Net",
                "Splicing/data/dataset_CASIA.py",
                "039926bd8d9bbfef34fdec1f3101d67b3338acce",
            ),
            Reader(
                "Onurkutan/image-forensics-toolkit",
                "src/imgforensics/data/layouts.yaml",
                "57628f883b64c31406afcff47c8511a8920a7734",
            ),
        ),
        tree="'CASIA 2.0/Tp/NAME.tif' (or Tp/), 'CASIA 2 Groundtruth/NAME_gt.png' (or Gt/), Au/; "
        "forged images are named Tp_D_... and Tp_S_...",
    )
    needs = ("CASIA 2.0/Tp|Tp", "CASIA 2 Groundtruth|Gt")

    def _begins(self, tree: Tree, folder: str) -> bool:
        start = f"{folder}/" if folder else ""
        return super()._begins(tree, folder) and any(
            _NAME.fullmatch(stem(path))
            for name in ("CASIA 2.0/Tp", "Tp")
            for path in tree.images(f"{start}{name}")
        )

    def read(self, tree: Tree) -> Found:
        """Find the items; subset and method are the kind of forgery.

        Raises:
            DataError: if there are none.
        """
        start = "CASIA 2.0/" if tree.has("CASIA 2.0/Tp") else ""
        truths = "CASIA 2 Groundtruth" if tree.has("CASIA 2 Groundtruth") else "Gt"
        images = tree.images(f"{start}Tp")
        by_stem = {stem(p).casefold(): file for p, file in tree.images(truths).items()}
        kinds, masks = {}, {}
        for path in images:
            if told := _NAME.fullmatch(stem(path)):
                kinds[path] = "splicing" if told[1].upper() == "D" else "copy-move"
                if (truth := by_stem.get(f"{stem(path)}_gt".casefold())) is not None:
                    masks[path] = truth
        named = {path: images[path] for path in kinds}
        found = read_casia(named, masks, tree.images(f"{start}Au"), kinds)
        found.skip([path for path in images if path not in kinds], "not named as CASIA's")
        return found


def read_casia(
    images: Mapping[str, Path],
    masks: Mapping[str, Path],
    authentic: Mapping[str, Path],
    kinds: Mapping[str, str],
) -> Found:
    """Make the items of CASIA v1 or v2.

    Args:
        images: forged images by path.
        masks: their truths by the image's path.
        authentic: authentic images by path.
        kinds: kind of forgery by the image's path.
    """
    names = item_names({**images, **authentic})
    groups, spliced = {}, 0
    for path in images:
        if told := _SOURCES.fullmatch(stem(path)):
            groups[path] = told[1].casefold()
            spliced += told[1].casefold() != told[2].casefold()
    own = {
        path: (told[1] + told[2]).casefold()
        for path in authentic
        if (told := _AUTHENTIC.fullmatch(stem(path)))
    }
    known = {group: names[path] for path, group in own.items()}
    found = Found()
    found.items += forged_items(
        images,
        names,
        masks,
        Details(
            groups=groups,
            originals={path: known[one] for path, one in groups.items() if one in known},
            subsets=kinds,
            methods=kinds,
        ),
        truth="nonzero",
    )
    found.items += authentic_items(authentic, names, Details(groups=own))
    if spliced:
        found.notes.append(
            f"{spliced} spliced images name two sources; the first is taken for the original, as "
            "the readers do not say which it is"
        )
    found.note_missing_truth()
    found.note_own_groups()
    return found
