"""`tgif`: TGIF and TGIF2, text-guided inpainting, spliced and regenerated (Mareen et al., 2024).

Follows the README ("Download", "Filenaming") of IDLabMedia/tgif-dataset at
6b07f395aa2a685a7eee9f8b9b9cd483929f5bef, its code/inpaint-loop.py at
5c669a799e2e501481dc8df7e2acacfd25dd835c (which writes the files and pairs a spliced image with the
`_ps_mask.png` that it was blended by), its code/TruFor/data/datasets.py at
e7498985d693cec95a35091277103e88178f9e03 (forged where the truth is above a tenth of white), and
`_iter_tgif` in samrent/trustfake-framework, src/trustfake/curation/readers.py at
3c382730aaad631857ececef945cadaef04cab2d (TOOL/SPLIT/CATEGORY/NAME.png, originals in orig/). What
the truths of TGIF2's regenerated images with random masks are called none of them says: in
`masks-fr/`, ID_mask_random_512.png and ID_mask_512.png are looked for.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

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

_TOOL = re.compile(r"(?:sd2|sdxl|ps|flux1[a-z]+)(?:-random)?-(?:sp|fr)", re.IGNORECASE)
_ORIGINALS = re.compile(r"orig(?:inal)?s?(?:-flux)?", re.IGNORECASE)
_FORGED = re.compile(
    r"(?P<id>\d+)_mask_(?P<mask>bbox|segm|random)\.png(?P<ps>_ps_mask\.png)?"
    r"_[a-z0-9]+?(?:-(?P<crop>512|1024))?_(?P<number>\d+)\.png"
)
_ORIGINAL = re.compile(r"(?P<id>\d+)_orig(?:_(?P<crop>512|1024))?\.png")
_TEST = "testing"
_SPLITS = ("training", "validation", _TEST)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Forged:
    """A forged image: its path, what its name tells, and the folders between tool and name."""

    path: str
    tool: str
    place: str
    told: re.Match[str]


class Tgif(Layout):
    """A folder a tool and kind, such as `sd2-sp/`, with `masks/` and `orig/` beside."""

    facts = Facts(
        title="TGIF",
        paper="Mareen et al., 2024; TGIF2: 2026",
        url="https://github.com/IDLabMedia/tgif-dataset",
        terms="CC BY-SA 4.0",
        readers=(
            Reader(
                "IDLabMedia/tgif-dataset", "README.md", "6b07f395aa2a685a7eee9f8b9b9cd483929f5bef"
            ),
            Reader(
                "IDLabMedia/tgif-dataset",
                "code/inpaint-loop.py",
                "5c669a799e2e501481dc8df7e2acacfd25dd835c",
            ),
            Reader(
                "IDLabMedia/tgif-dataset",
                "code/TruFor/data/datasets.py",
                "e7498985d693cec95a35091277103e88178f9e03",
            ),
            Reader(
                "samrent/trustfake-framework",
                "src/trustfake/curation/readers.py",
                "3c382730aaad631857ececef945cadaef04cab2d",
            ),
        ),
        tree="sd2-sp/testing/CATEGORY/ID_mask_bbox.png_ps_mask.png_sd2_0.png and likewise ps-sp, "
        "sd2-fr, sdxl-fr, flux1...; masks/testing/CATEGORY/ID_mask_bbox....png; "
        "orig/testing/CATEGORY/ID_orig.png",
    )

    absent = "no folder of a tool and kind, such as sd2-sp"

    def tops(self, tree: Tree) -> list[str]:
        """Return the folders that hold folders of tools."""
        found = {
            str(PurePosixPath(folder).parent)
            for folder in tree.folders.values()
            if _TOOL.fullmatch(PurePosixPath(folder).name)
        }
        return sorted("" if one == "." else one for one in found)

    def read(self, tree: Tree) -> Found:
        """Find the items of the test part; the group is the COCO image's number.

        Raises:
            DataError: if no image is named as TGIF names them.
        """
        found = Found()
        images = tree.images(deep=True)
        splits = {part for path in images for part in path.split("/")[:-1] if part in _SPLITS}
        if _TEST in splits and len(splits) > 1:
            kept = {p: file for p, file in images.items() if f"/{_TEST}/" in f"/{p}"}
            found.notes.append(
                f"the test part alone; {len(images) - len(kept)} files of other parts are left out"
            )
            images = kept
        forged, odd = _forged(images)
        if not forged:
            raise self.refused(tree.folder, "no image is named as TGIF's")
        originals = _originals(images, found)
        names = item_names([*(one.path for one in forged), *originals])
        full = {told["id"]: names[path] for path, told in originals.items() if not told["crop"]}
        masks = {one.path: truth for one in forged if (truth := _truth(tree, one)) is not None}
        found.items += forged_items(
            {one.path: images[one.path] for one in forged},
            names,
            masks,
            Details(
                groups={one.path: one.told["id"] for one in forged},
                originals={one.path: full[i] for one in forged if (i := one.told["id"]) in full},
                subsets={one.path: _subset(one) for one in forged},
                methods={one.path: _parts(one)[0] for one in forged},
            ),
            truth="above-25",
        )
        found.items += authentic_items(
            {path: images[path] for path in originals},
            names,
            Details(
                groups={path: told["id"] for path, told in originals.items()},
                subsets={
                    p: f"orig-{t['crop']}" if t["crop"] else "orig" for p, t in originals.items()
                },
            ),
        )
        found.note_missing_truth()
        found.skip(odd, "not named as TGIF's")
        return found


def _forged(images: dict[str, Path]) -> tuple[list[_Forged], list[str]]:
    """Find the forged images, and what lies in the folders of tools and is none."""
    found, odd = [], []
    for path in images:
        tool, _, rest = path.partition("/")
        if not _TOOL.fullmatch(tool):
            continue
        place, _, name = rest.rpartition("/")
        told = _FORGED.fullmatch(name)
        if told is None:
            odd.append(path)
        else:
            found.append(_Forged(path=path, tool=tool.casefold(), place=place, told=told))
    return found, odd


def _originals(images: dict[str, Path], found: Found) -> dict[str, re.Match[str]]:
    """Find the originals; those of TGIF2 that TGIF has too are left out."""
    known: dict[str, re.Match[str]] = {}
    names: dict[str, str] = {}
    again = []
    candidates = [path for path in images if _ORIGINALS.fullmatch(path.partition("/")[0])]
    for path in sorted(candidates, key=lambda one: ("-flux" in one.partition("/")[0], one)):
        told = _ORIGINAL.fullmatch(path.rpartition("/")[2])
        if told is None:
            continue
        if told[0] in names:
            again.append(path)
        else:
            names[told[0]] = path
            known[path] = told
    found.skip(again, "originals that are there already")
    return known


def _truth(tree: Tree, one: _Forged) -> Path | None:
    """Find the truth at the geometry of the image: of a spliced one what it was blended by."""
    start = f"{one.told['id']}_mask_{one.told['mask']}"
    folders: tuple[str, ...] = ("masks", "masks-fr", "masks-flux")
    if one.told["crop"]:
        name = f"{start}_{one.told['crop']}.png"
    elif one.told["mask"] == "random":
        name = f"{start}.png"
    else:
        name = f"{start}.png_ps_mask.png"
    wanted = [(folder, name) for folder in folders]
    if one.told["crop"] and one.told["mask"] == "random":
        wanted.append(("masks-fr", f"{one.told['id']}_mask_{one.told['crop']}.png"))
    return tree.find(*("/".join(filter(None, (a, one.place, b))) for a, b in wanted))


def _subset(one: _Forged) -> str:
    """Return the sub-dataset as the README calls it, such as sd2-fr or sd2-random-sp."""
    tool, kind = _parts(one)
    return f"{tool}-random-{kind}" if one.told["mask"] == "random" else f"{tool}-{kind}"


def _parts(one: _Forged) -> tuple[str, str]:
    """Return tool and kind by the folder: the names in sdxl-fr with random masks say sd2."""
    tool, _, kind = one.tool.rpartition("-")
    return tool.removesuffix("-random"), kind
