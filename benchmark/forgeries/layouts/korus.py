"""`korus`: the Realistic Tampering Dataset (Korus and Huang, 2016, 2017).

Follows `RealisticTamperingDataset` in photoholmes/photoholmes,
src/photoholmes/datasets/realistic_tampering.py at f57f487d616d3c34ced97a7fdc55180438d86bf6: a
folder a camera; a forged image, its truth and its original have the same name; truths have three
levels, of which gray and white are forged (above 10).
"""

from __future__ import annotations

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

CAMERAS = ("Canon_60D", "Nikon_D90", "Nikon_D7000", "Sony_A57")


class Korus(Layout):
    """For each camera `tampered-realistic/`, `ground-truth/` and `pristine/`."""

    facts = Facts(
        title="Realistic Tampering Dataset",
        paper="Korus and Huang, 2016",
        url="https://pkorus.pl/downloads/dataset-realistic-tampering",
        terms="none stated by the reader; see its page",
        readers=(
            Reader(
                "photoholmes/photoholmes",
                "src/photoholmes/datasets/realistic_tampering.py",
                "f57f487d616d3c34ced97a7fdc55180438d86bf6",
            ),
        ),
        tree="CAMERA/tampered-realistic/NAME.TIF, CAMERA/ground-truth/NAME.PNG, "
        "CAMERA/pristine/NAME.TIF",
    )
    needs = ("|".join(f"{camera}/tampered-realistic" for camera in CAMERAS),)

    def read(self, tree: Tree) -> Found:
        """Find the items; the subset is the camera, the group camera and name.

        Raises:
            DataError: if there are no forged images.
        """
        found, absent = Found(), []
        for camera in CAMERAS:
            forged = tree.images(f"{camera}/tampered-realistic")
            pristine = tree.images(f"{camera}/pristine")
            if not forged:
                absent.append(camera)
            truths = {stem(p): file for p, file in tree.images(f"{camera}/ground-truth").items()}
            names = item_names({**forged, **pristine})
            known = {stem(path): names[path] for path in pristine}
            found.items += forged_items(
                forged,
                names,
                {path: truths[stem(path)] for path in forged if stem(path) in truths},
                Details(
                    groups={path: f"{camera}/{stem(path)}" for path in forged},
                    originals={path: known[stem(path)] for path in forged if stem(path) in known},
                    subsets=camera,
                ),
                truth="above-10",
            )
            found.items += authentic_items(
                pristine,
                names,
                Details(
                    groups={path: f"{camera}/{stem(path)}" for path in pristine}, subsets=camera
                ),
            )
        if len(absent) == len(CAMERAS):
            raise self.refused(tree.folder, "no images in CAMERA/tampered-realistic/")
        if absent:
            found.notes.append(f"no forged images of {', '.join(absent)}")
        found.note_missing_truth()
        return found
