"""`casia1`: CASIA v1, spliced and copy-moved images (Dong et al., 2013).

Follows `CasiaBaseDataset` in photoholmes/photoholmes, src/photoholmes/datasets/casia1.py at
f57f487d616d3c34ced97a7fdc55180438d86bf6 (`Tp/`, `CASIA 1.0 groundtruth/`, truths named NAME_gt.png,
forged where not black), the tree in mjkwon2021/CAT-Net, Splicing/data/dataset_CASIA.py at
039926bd8d9bbfef34fdec1f3101d67b3338acce (`Modified TP/`), and the listing
data/IDT-Casiav1-manip.txt in IDT-ITI/MMFusion-IML at 9f39271e4d672c845ba30e534a3c9977871d421c
(`Gt/`).
"""

from __future__ import annotations

from benchmark.forgeries.layout import Facts, Found, Layout, Reader
from benchmark.forgeries.layouts.casia2 import read_casia
from benchmark.forgeries.tree import Tree, stem

_KINDS = {"sp": "splicing", "cm": "copy-move"}
_FORGED = ("Tp", "Modified Tp", "CASIA 1.0 dataset/Tp", "CASIA 1.0 dataset/Modified Tp")
_TRUTHS = "CASIA 1.0 groundtruth|Gt"


class Casia1(Layout):
    """Forged images in `Tp/Sp/` and `Tp/CM/`, truths in folders of the same names."""

    facts = Facts(
        title="CASIA v1",
        paper="Dong et al., 2013",
        url="https://github.com/namtpham/casia1groundtruth",
        terms="none stated by the readers; ask the authors",
        readers=(
            Reader(
                "photoholmes/photoholmes",
                "src/photoholmes/datasets/casia1.py",
                "f57f487d616d3c34ced97a7fdc55180438d86bf6",
            ),
            Reader(
                "mjkwon2021/CAT-Net",
                "Splicing/data/dataset_CASIA.py",
                "039926bd8d9bbfef34fdec1f3101d67b3338acce",
            ),
            Reader(
                "IDT-ITI/MMFusion-IML",
                "data/IDT-Casiav1-manip.txt",
                "9f39271e4d672c845ba30e534a3c9977871d421c",
            ),
        ),
        tree="Tp/Sp/NAME.jpg and Tp/CM/NAME.jpg (or Modified Tp/), 'CASIA 1.0 groundtruth/Sp/"
        "NAME_gt.png' (or Gt/Sp/), Au/NAME.jpg",
    )
    needs = ("|".join(f"{folder}/{kind}" for folder in _FORGED for kind in ("Sp", "CM")), _TRUTHS)

    def read(self, tree: Tree) -> Found:
        """Find the items; subset and method are the kind of forgery.

        Raises:
            DataError: if there are none.
        """
        forged = next(folder for folder in _FORGED if tree.has(folder))
        authentic = f"{forged.rpartition('/')[0]}/Au".removeprefix("/")
        truths = next(folder for folder in _TRUTHS.split("|") if tree.has(folder))
        masks = {}
        kinds = {}
        for folder, kind in _KINDS.items():
            by_stem = {stem(p).casefold(): q for p, q in tree.images(f"{truths}/{folder}").items()}
            for path in tree.images(f"{forged}/{folder}"):
                kinds[path] = kind
                if (truth := by_stem.get(f"{stem(path)}_gt".casefold())) is not None:
                    masks[path] = truth
        images = {path: tree.files[path] for path in kinds}
        if not images:
            raise self.refused(tree.folder, f"no images in {forged}/Sp or {forged}/CM")
        return read_casia(images, masks, tree.images(authentic, deep=True), kinds)
