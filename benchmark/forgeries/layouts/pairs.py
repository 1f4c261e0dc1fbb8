"""`pairs`: images and truths paired by name; this project's own form.

The one rule of `masks.pairing` says which truth belongs to which image, such as `cat_mask` or
`masks/cat` to `cat`. An image with a truth is forged. One without is authentic if a folder or the
end of its name says so (`authentic/`, `Au/`, `real/`, `cat_orig`, ...); else it is left out, as
nothing tells. A forged image and an authentic one are a group if their names are the same without
those words. Where `cat`, its mask `cat_mask` and `cat_output` (or `cat_inpainted` and the like) lie
together, as inpainting programs write them, the output is the forgery and `cat` its original.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from benchmark.core.errors import DataError
from benchmark.core.filenames import same_name
from benchmark.forgeries.layout import (
    Details,
    Facts,
    Found,
    Layout,
    authentic_items,
    forged_items,
    shown,
)
from benchmark.forgeries.tree import Tree, item_names
from benchmark.masks.pairing import marked, pair

_TRUTHS = re.compile(r"(?:masks?|gts?|truths?|ground[-_ ]?truths?)")
_WORDS = r"(?:au|auth|authentic|real|pristine|originals?|orig|untouched|normal)"
_AUTHENTIC = re.compile(rf"{_WORDS}(?:[-_ ]?(?:images?|imgs?))?")
_ENDING = re.compile(rf"(.+?)[-_. ]{_WORDS}|{_WORDS}[-_. ](.+)")
_IMAGES = r"(?:images?|imgs?)"
_FORGED = re.compile(
    rf"(?:forged|fakes?|tampered|tp|manipulated|spliced|inpainted|edited)(?:[-_ ]?{_IMAGES})?"
    rf"|{_IMAGES}"
)


_MADE = re.compile(r"(.+)[-_. ](?:outputs?|out|results?|inpainted|filled|forged|fake|tampered)")


class Pairs(Layout):
    """A folder of images with truths by their names, side by side or in folders of their own."""

    facts = Facts(
        title="folder of images and truths",
        tree="NAME.jpg with NAME_mask.png or masks/NAME.png; authentic images as NAME_orig or in "
        "authentic/",
    )
    generic = True
    absent = "no truth has the name of an image"

    def tops(self, tree: Tree) -> list[str]:
        """Return the folder itself if any of its images has a truth of its name."""
        told = _split(tree)
        return [""] if told.truths and told.others and pair(told.others, told.truths).masks else []

    def read(self, tree: Tree) -> Found:
        """Find the items.

        Raises:
            DataError: if an image has several truths of its name.
        """
        told = _split(tree)
        pairs = pair(told.others, told.truths)
        several = [name for name, found in pairs.masks.items() if len(found) > 1]
        if several:
            raise DataError(
                f"{tree.folder}: several truths fit {several[0]!r}: "
                f"{', '.join(pairs.masks[several[0]])}"
            )
        shared = {name for names in pairs.shared.values() for name in names}
        masks = {name: one for name, one in pairs.masks.items() if name not in shared}
        named = item_names(tree.images(deep=True))
        paths = {name: path for path, name in named.items()}
        files = {name: tree.files[path] for name, path in paths.items()}
        made = _made_from(masks, pairs.without)
        truths = {made.get(name, name): one[0] for name, one in masks.items()}
        plain = {_plain(name): name for name in told.authentic}
        originals = {paths[name]: plain[_plain(name)] for name in truths if _plain(name) in plain}
        originals |= {paths[output]: name for name, output in made.items()}
        found = Found()
        found.items += forged_items(
            {paths[name]: files[name] for name in truths},
            named,
            {paths[name]: files[one] for name, one in truths.items()},
            Details(groups=originals, originals=originals),
        )
        authentic = [*told.authentic, *made]
        found.items += authentic_items({paths[one]: files[one] for one in authentic}, named)
        found.note_own_groups()
        if made:
            found.notes.append(
                f"{len(made)} images are the originals of outputs beside them, which are forged: "
                f"{shown(list(made.values()))}"
            )
        untold = [name for name in pairs.without if name not in made.values()]
        found.skip(untold, "no truth of their name, and nothing says that they are authentic")
        found.skip(pairs.spare, "truths of no image")
        found.skip_shared(pairs.shared)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Names:
    """Names of the images of a folder, by what their words say."""

    truths: list[str]
    authentic: list[str]
    others: list[str]


def _made_from(images: Collection[str], without: Iterable[str]) -> dict[str, str]:
    """Return the output of each image that has one, by the image's name.

    Args:
        images: names of images with a mask.
        without: names of images without one.
    """
    found: dict[str, str] = {}
    for name in without:
        told = _MADE.fullmatch(name)
        if told and told[1] in images:
            found.setdefault(told[1], name)
    return found


def _split(tree: Tree) -> _Names:
    """Tell truths by a folder's name or the mark at the end of their own; authentic ones likewise.

    A mark counts where the image that it is the mark of is there.
    """
    names = list(item_names(tree.images(deep=True)).values())
    truths = {name for name in names if any(map(_TRUTHS.fullmatch, _folders(name)))}
    truths |= marked([name for name in names if name not in truths])
    images = [name for name in names if name not in truths]
    authentic = [name for name in images if _is_authentic(name)]
    others = [name for name in images if name not in authentic]
    return _Names(truths=sorted(truths), authentic=authentic, others=others)


def _folders(name: str) -> tuple[str, ...]:
    return tuple(part.casefold() for part in PurePosixPath(name).parts[:-1])


def _is_authentic(name: str) -> bool:
    last = same_name(PurePosixPath(name).name)
    return any(map(_AUTHENTIC.fullmatch, _folders(name))) or bool(_ENDING.fullmatch(last))


def _plain(name: str) -> str:
    """Return a name without the words that say authentic or forged."""
    *folders, last = same_name(name).split("/")
    kept = [one for one in folders if not _AUTHENTIC.fullmatch(one) and not _FORGED.fullmatch(one)]
    told = _ENDING.fullmatch(last)
    return "/".join((*kept, (told[1] or told[2]) if told else last))
