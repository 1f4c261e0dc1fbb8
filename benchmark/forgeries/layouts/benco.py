"""`benco`: IMDL-BenCo's folders, `Tp/` and `Gt/`, with `Au/` for authentic images.

Follows `ManiDataset` in scu-zjz/IMDLBenCo, IMDLBenCo/datasets/iml_datasets.py at
056a06718cd158b5e7ace6ef649eed70aa0f8bb4, and abstract_dataset.py at
2b704e1de452b4f94f0dac9115c0017a6e3d2d3c (forged where the mean of the channels is above 127.5;
image and truth of the same shape). That reader pairs the two folders by the order of their names,
which goes wrong unseen where one file is missing; here they are paired by name (`masks.pairing`).
It does not read `Au/`.
"""

from __future__ import annotations

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
from benchmark.forgeries.tree import Tree, item_names
from benchmark.masks.pairing import pair


class BenCo(Layout):
    """Forged images in `Tp/`, their truths in `Gt/`, authentic images in `Au/`."""

    facts = Facts(
        title="IMDL-BenCo folder",
        paper="Ma et al., 2024",
        url="https://github.com/scu-zjz/IMDLBenCo",
        terms="those of the set that is in it",
        readers=(
            Reader(
                "scu-zjz/IMDLBenCo",
                "IMDLBenCo/datasets/iml_datasets.py",
                "056a06718cd158b5e7ace6ef649eed70aa0f8bb4",
            ),
        ),
        tree="Tp/NAME.jpg, Gt/NAME.png and, if there are any, Au/NAME.jpg",
    )
    needs = ("Tp", "Gt")
    generic = True

    def read(self, tree: Tree) -> Found:
        """Find the items; a forged image and an authentic one of the same name are one group.

        Raises:
            DataError: if no image has a truth of its name.
        """
        images, masks = tree.images("Tp", deep=True), tree.images("Gt", deep=True)
        authentic = tree.images("Au", deep=True)
        names = item_names({**images, **authentic})
        plain = {_inside(name): path for path, name in item_names(images).items()}
        truths = {_inside(name): path for path, name in item_names(masks).items()}
        pairs = pair(list(plain), list(truths))
        if not pairs.masks:
            raise DataError(
                f"{tree.folder}: no file of Gt/ has the name of one of Tp/ ({len(images)} images, "
                f"{len(masks)} truths); truths are paired by name, not by their order"
            )
        several = [name for name, found in pairs.masks.items() if len(found) > 1]
        if several:
            raise DataError(
                f"{tree.folder}: several truths in Gt/ fit {several[0]!r}: "
                f"{', '.join(pairs.masks[several[0]])}"
            )
        known = {_inside(name): names[path] for path, name in item_names(authentic).items()}
        originals = {path: known[name] for name, path in plain.items() if name in known}
        shared = {plain[name] for those in pairs.shared.values() for name in those}
        found = Found()
        found.items += forged_items(
            {path: file for path, file in images.items() if path not in shared},
            names,
            {plain[name]: masks[truths[one[0]]] for name, one in pairs.masks.items()},
            Details(groups=originals, originals=originals),
        )
        found.items += authentic_items(authentic, names)
        found.note_missing_truth()
        found.note_own_groups()
        found.skip([truths[one] for one in pairs.spare], "truths of no image")
        found.skip_shared(
            {truths[one]: [plain[name] for name in those] for one, those in pairs.shared.items()}
        )
        return found


def _inside(name: str) -> str:
    """Return a path without its first folder."""
    return name.partition("/")[2]
