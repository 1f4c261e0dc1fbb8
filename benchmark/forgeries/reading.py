"""From a folder or file to a set of forgeries: which layout it has, and its items."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmark.core.errors import DataError
from benchmark.core.filenames import printable
from benchmark.forgeries import LAYOUTS
from benchmark.forgeries.item import ForgeryItem, ForgerySet
from benchmark.forgeries.layout import Found, Layout, shown, sorted_unique
from benchmark.forgeries.tree import Tree

AUTO = "auto"


def read_forgeries(
    place: Path, layout: str = AUTO, *, outside: bool = False, black: bool = False
) -> ForgerySet:
    """Read a set of forgeries; no image is opened.

    Args:
        place: a folder, or a file: a manifest (.csv), a list of pairs (.json), or Parquet.
        layout: a name of `LAYOUTS`, or "auto" to look.
        outside: whether a manifest or list may name files outside of its own folder.
        black: whether black is forged in the truths, for a form of any set; published sets have
            rules of their own.

    Raises:
        UnknownName: if there is no such layout.
        DataError: if the set is not there, lacks something, or could be of several layouts; the
            message says what was expected, where it comes from and its terms.
    """
    if not place.exists():
        raise DataError(f"{place}: no such file or folder")
    if layout != AUTO:
        chosen = LAYOUTS.load(layout)(layout)
        found = (
            chosen.read_file(place, outside=outside)
            if place.is_file()
            else _read_folder(place, Tree.of(place), chosen)
        )
        return _set(found, chosen, place, black=black)
    if place.is_file():
        chosen = _of_file(place)
        return _set(chosen.read_file(place, outside=outside), chosen, place, black=black)
    tree = Tree.of(place)
    chosen, note = _of_folder(place, tree)
    found = _read_folder(place, tree, chosen)
    found.notes.insert(0, note)
    return _set(found, chosen, place, black=black)


def _layouts() -> list[Layout]:
    return [LAYOUTS.load(name)(name) for name in LAYOUTS]


def _of_file(place: Path) -> Layout:
    for layout in _layouts():
        if place.suffix.casefold() in layout.endings:
            return layout
    known = ", ".join(f"{end} ({one.name})" for one in _layouts() for end in one.endings)
    raise DataError(f"{place}: no file that lists or holds forgeries; known: {known}, or a folder")


def _of_folder(place: Path, tree: Tree) -> tuple[Layout, str]:
    """Find the one layout that a folder has, and say it: of a set, else the first of any set.

    Raises:
        DataError: if it has none, or several.
    """
    layouts = _layouts()
    special = [one for one in layouts if not one.generic and one.tops(tree)]
    if len(special) > 1:
        names = ", ".join(one.name for one in special)
        raise DataError(f"{place}: the layouts {names} fit; say which")
    generic = (one for one in layouts if one.generic and one.tops(tree))
    chosen = special[0] if special else next(generic, None)
    if chosen is None:
        raise DataError(
            f"{place}: no known layout of forgeries; there are {shown(tree.top) or 'no files'} "
            "here. Any set can be read by a manifest.csv in its folder: image, mask and, if "
            "wanted, original, group, subset, method. Known layouts (trees: "
            f"docs/howto/forgeries.md): {', '.join(one.name for one in layouts)}"
        )
    return chosen, f"read as {chosen.name}: {chosen.facts.title}"


def _read_folder(place: Path, tree: Tree, layout: Layout) -> Found:
    found = layout.read(layout.open(tree))
    unread = [str(one.path.relative_to(place)) for one in tree.left_out]
    if unread:
        found.notes.append(
            f"{len(unread)} folders and links left out ("
            f"{', '.join(sorted({one.reason for one in tree.left_out}))}): {shown(unread)}"
        )
    return found


def _set(found: Found, layout: Layout, place: Path, *, black: bool) -> ForgerySet:
    items = sorted_unique([_printed(item) for item in found.items], place)
    if not items:
        left = "".join(f"; {one.name} left out: {one.reason}" for one in found.skipped[:1])
        raise DataError(f"{place}: no images{left}")
    if black:
        if not layout.any_set:
            raise DataError(
                f"{place}: the truths of {layout.facts.title} have a rule of their own; black is "
                "forged can be said of a manifest, list or folder of your own"
            )
        items = tuple(replace(item, truth="black") for item in items)
    notes = list(found.notes)
    if all(item.authentic for item in items):
        notes.append("only authentic images: false positives alone can be measured")
    elif not any(item.authentic for item in items):
        notes.append("no authentic images: neither image AUC nor false positives can be measured")
    return ForgerySet(
        items=items, layout=layout.name, notes=tuple(notes), skipped=tuple(found.skipped)
    )


def _printed(item: ForgeryItem) -> ForgeryItem:
    """Return an item whose words, which a stranger may have written, can be printed on a line."""
    words = (item.name, item.original, item.group, item.subset, item.method)
    if all(word.isprintable() for word in words):
        return item
    name, original, group, subset, method = map(printable, words)
    return replace(item, name=name, original=original, group=group, subset=subset, method=method)
