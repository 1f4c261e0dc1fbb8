"""`dso1`: DSO-1, images into which people were spliced (de Carvalho et al., 2013).

Follows `DSO1Dataset` in photoholmes/photoholmes, src/photoholmes/datasets/dso1.py at
f57f487d616d3c34ced97a7fdc55180438d86bf6 (splicing-NN.png is forged, its truth has the same name,
black = forged), and the listing Splicing/data/Carvalho_DSO-1_spliced_list.txt in
mjkwon2021/CAT-Net at 6536f9dd9a47725b4e26962a8b84471fc1e66e33.
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


class Dso1(Layout):
    """All images in `DSO-1/`, the truths of the forged ones in `DSO-1-Fake-Images-Masks/`."""

    facts = Facts(
        title="DSO-1",
        paper="de Carvalho et al., 2013",
        url="https://recodbr.wordpress.com/code-n-data/#dso1_dsi1",
        terms="none stated by the readers; see its page",
        readers=(
            Reader(
                "photoholmes/photoholmes",
                "src/photoholmes/datasets/dso1.py",
                "f57f487d616d3c34ced97a7fdc55180438d86bf6",
            ),
            Reader(
                "mjkwon2021/CAT-Net",
                "Splicing/data/Carvalho_DSO-1_spliced_list.txt",
                "6536f9dd9a47725b4e26962a8b84471fc1e66e33",
            ),
        ),
        tree="DSO-1/splicing-NN.png, DSO-1/normal-NN.png, DSO-1-Fake-Images-Masks/splicing-NN.png",
    )
    needs = ("DSO-1", "DSO-1-Fake-Images-Masks")

    def read(self, tree: Tree) -> Found:
        """Find the items; nothing tells which authentic image a forgery was made from.

        Raises:
            DataError: if there are no forged images.
        """
        images = tree.images("DSO-1")
        truths = {stem(p): file for p, file in tree.images("DSO-1-Fake-Images-Masks").items()}
        kinds = {path: stem(path).casefold().partition("-")[0] for path in images}
        forged = {path: file for path, file in images.items() if kinds[path] == "splicing"}
        authentic = {path: file for path, file in images.items() if kinds[path] == "normal"}
        if not forged:
            raise self.refused(tree.folder, "no image is named splicing-NN")
        names = item_names(images)
        found = Found()
        found.items += forged_items(
            forged,
            names,
            {path: truths[stem(path)] for path in forged if stem(path) in truths},
            Details(methods="splicing"),
            truth="black",
        )
        found.items += authentic_items(authentic, names)
        found.note_missing_truth()
        found.note_own_groups()
        others = [path for path in images if kinds[path] not in ("splicing", "normal")]
        found.skip(others, "not named as DSO-1's")
        return found
