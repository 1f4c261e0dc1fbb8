"""`columbia`: Columbia Uncompressed Image Splicing Detection (Hsu and Chang, 2006).

Follows `ColumbiaDataset` in photoholmes/photoholmes, src/photoholmes/datasets/columbia.py at
f57f487d616d3c34ced97a7fdc55180438d86bf6, and the listings data/IDT-Columbia-*.txt in
IDT-ITI/MMFusion-IML at 9f39271e4d672c845ba30e534a3c9977871d421c. The truth is the edge mask, whose
two regions are red and green, the green one spliced. That reader takes the green channel where it
is above 0; the masks are JPEG files, whose noise is above 0 in the red region too, so here a pixel
is forged where green is above red.
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


class Columbia(Layout):
    """Spliced images in `4cam_splc/`, authentic ones in `4cam_auth/`."""

    facts = Facts(
        title="Columbia Uncompressed",
        paper="Hsu and Chang, 2006",
        url="https://www.ee.columbia.edu/ln/dvmm/downloads/authsplcuncmp/",
        terms="to be agreed to in the form on its page",
        readers=(
            Reader(
                "photoholmes/photoholmes",
                "src/photoholmes/datasets/columbia.py",
                "f57f487d616d3c34ced97a7fdc55180438d86bf6",
            ),
            Reader(
                "IDT-ITI/MMFusion-IML",
                "data/IDT-Columbia-manip.txt",
                "9f39271e4d672c845ba30e534a3c9977871d421c",
            ),
        ),
        tree="4cam_splc/NAME.tif, 4cam_splc/edgemask/NAME_edgemask.jpg, 4cam_auth/NAME.tif",
    )
    needs = ("4cam_splc", "4cam_splc/edgemask")

    def read(self, tree: Tree) -> Found:
        """Find the items; the names tell cameras and no originals.

        Raises:
            DataError: if there are no spliced images.
        """
        images, authentic = tree.images("4cam_splc"), tree.images("4cam_auth")
        if not images:
            raise self.refused(tree.folder, "no images in 4cam_splc/")
        edges = {stem(path): file for path, file in tree.images("4cam_splc/edgemask").items()}
        masks = {
            path: edges[f"{stem(path)}_edgemask"]
            for path in images
            if f"{stem(path)}_edgemask" in edges
        }
        names = item_names({**images, **authentic})
        found = Found()
        found.items += forged_items(
            images, names, masks, Details(methods="splicing"), truth="green"
        )
        found.items += authentic_items(authentic, names)
        found.note_missing_truth()
        found.note_own_groups()
        return found
