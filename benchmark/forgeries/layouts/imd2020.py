"""`imd2020`: IMD2020's real-life manipulated images (Novozamsky et al., 2020).

Follows `IMD2020` in mjkwon2021/CAT-Net, Splicing/data/dataset_IMD2020.py at
039926bd8d9bbfef34fdec1f3101d67b3338acce, and its listing IMD_valid_list.txt: a folder an original,
which has "orig" in its name; NAME_mask.png is the truth of NAME, forged where not black.
"""

from __future__ import annotations

from collections import Counter

from benchmark.forgeries.layout import (
    Details,
    Facts,
    Found,
    Layout,
    Reader,
    authentic_items,
    forged_items,
)
from benchmark.forgeries.tree import Tree, item_names, parent, stem, without_ending


class Imd2020(Layout):
    """A folder an original, with the forgeries made of it and their truths."""

    facts = Facts(
        title="IMD2020",
        paper="Novozamsky et al., 2020",
        url="https://staff.utia.cas.cz/novozada/db/",
        terms="none stated by the readers; see its page",
        readers=(
            Reader(
                "mjkwon2021/CAT-Net",
                "Splicing/data/dataset_IMD2020.py",
                "039926bd8d9bbfef34fdec1f3101d67b3338acce",
            ),
        ),
        tree="FOLDER/NAME_orig.jpg, FOLDER/OTHER.jpg, FOLDER/OTHER_mask.png",
    )

    absent = "no folder with NAME_orig and OTHER_mask"

    def tops(self, tree: Tree) -> list[str]:
        """Return the folder above those that have an original and a truth beside each other."""
        images = tree.images(deep=True)
        originals = Counter(
            parent(path) for path in images if stem(path).casefold().endswith("_orig")
        )
        truths = {parent(path) for path in images if stem(path).casefold().endswith("_mask")}
        whole = (originals.keys() & truths) - {""}
        if any(originals[one] > 1 for one in whole):  # then a folder is no original
            return []
        return sorted({parent(one) for one in whole})

    def read(self, tree: Tree) -> Found:
        """Find the items; the group is the folder.

        Raises:
            DataError: if there are none.
        """
        images = {path: file for path, file in tree.images(deep=True).items() if "/" in path}
        truths = {without_ending(path).casefold(): path for path in images if "mask" in stem(path)}
        originals = {
            path: parent(path)
            for path in images
            if "orig" in stem(path) and path not in truths.values()
        }
        forged = {
            path: parent(path)
            for path in images
            if path not in originals and path not in truths.values()
        }
        if not forged:
            raise self.refused(tree.folder, "no image beside an original")
        names = item_names([*forged, *originals])
        known = {folder: names[path] for path, folder in originals.items()}
        masks = {path: f"{without_ending(path)}_mask".casefold() for path in forged}
        found = Found()
        found.items += forged_items(
            {path: images[path] for path in forged},
            names,
            {path: images[truths[one]] for path, one in masks.items() if one in truths},
            Details(
                groups=forged,
                originals={path: known[one] for path, one in forged.items() if one in known},
            ),
            truth="nonzero",
        )
        found.items += authentic_items(
            {path: images[path] for path in originals}, names, Details(groups=originals)
        )
        found.note_missing_truth()
        return found
