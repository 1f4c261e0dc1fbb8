"""What a layout of a set of forgeries is: facts about it, and how its items are found."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import ClassVar, Literal

from benchmark.core.errors import DataError
from benchmark.core.filenames import printable
from benchmark.forgeries.item import FileBytes, ForgeryItem, Skipped, TruthRule
from benchmark.forgeries.tree import Tree

Tried = Literal["made-up trees", "real files"]
_SHOWN = 3  # names that a count shows


@dataclass(frozen=True, slots=True)
class Reader:
    """A published reader or listing, which says how the files of a set are called.

    Attributes:
        repository: where it is, as "owner/name" on GitHub, or an address.
        path: its file there.
        commit: the version that was read.
    """

    repository: str
    path: str
    commit: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known about a published set and its layout.

    Attributes:
        title: what the set is called.
        paper: authors and year, or "".
        url: where the set comes from; "" for a form of any set.
        terms: the set's license or terms as its source states them, or that none were found; ""
            for a form of any set.
        readers: published readers and listings that the layout follows; none for a form of this
            project's own.
        tree: the tree that is expected, in one line.
        tried: what this reader was run on.
    """

    title: str
    paper: str = ""
    url: str = ""
    terms: str = ""
    readers: tuple[Reader, ...] = ()
    tree: str
    tried: Tried = "made-up trees"


@dataclass(slots=True)
class Found:
    """What a layout found: items, notes and what it left out; filled step by step."""

    items: list[ForgeryItem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)

    def skip(self, names: Collection[str], reason: str) -> None:
        """Leave something out: each by its name, and all of them in a note."""
        self.skipped += [Skipped(name=printable(name), reason=reason) for name in names]
        if names:
            self.notes.append(f"{len(names)} left out, {reason}: {shown(names)}")

    def skip_shared(self, shared: Mapping[str, Collection[str]]) -> None:
        """Leave out images that have one truth by name, as nothing tells which of them it is of.

        Args:
            shared: names of the images by the name of the truth.
        """
        fits = {truth: f"the truth {truth} fits {' and '.join(shared[truth])}" for truth in shared}
        self.skipped += [
            Skipped(name=printable(name), reason=printable(fits[truth]))
            for truth, names in shared.items()
            for name in names
        ]
        if fits:
            count = sum(map(len, shared.values()))
            self.notes.append(
                f"{count} left out, one truth fits several images: {shown(fits.values())}"
            )

    def note_missing_truth(self) -> None:
        """Note how many forged images have no truth."""
        missing = [item.name for item in self.items if not item.has_truth]
        if missing:
            self.notes.append(
                f"{len(missing)} of {sum(not item.authentic for item in self.items)} forged images "
                f"have no truth: {shown(missing)}"
            )

    def note_own_groups(self) -> None:
        """Note how many forged images are groups of their own for want of a known original."""
        count = sum(not item.authentic and item.group == item.name for item in self.items)
        if count:
            self.notes.append(
                f"the originals of {count} forged images are not known; each counts as a "
                "photograph of its own"
            )


class Layout(ABC):
    """The tree of files in which a set of forgeries is published.

    Attributes:
        facts: where the set comes from, its terms, the reader that is followed.
        needs: files and folders that lie at the set's top; "a|b" for either.
        generic: whether the tree is a form for any set: then a layout of one set that fits too is
            preferred.
        endings: endings of a single file that the layout takes in place of a folder.
        absent: what a folder without the set lacks, where `needs` does not say it.
    """

    facts: ClassVar[Facts]
    needs: ClassVar[tuple[str, ...]] = ()
    generic: ClassVar[bool] = False
    endings: ClassVar[tuple[str, ...]] = ()
    absent: ClassVar[str] = "no such tree"

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def any_set(self) -> bool:
        """Whether the layout is a form for any set, and not that of one set."""
        return self.generic or not self.facts.readers

    def tops(self, tree: Tree) -> list[str]:
        """Return the folders of a tree at which the set may begin, the highest ones alone."""
        starts = [folder for folder in tree.folders.values() if self._begins(tree, folder)]
        depth = min((len(PurePosixPath(one).parts) for one in starts), default=0)
        return sorted(one for one in starts if len(PurePosixPath(one).parts) == depth)

    def _begins(self, tree: Tree, folder: str) -> bool:
        return bool(self.needs) and not self._lacks(tree, folder)

    def _lacks(self, tree: Tree, folder: str) -> list[str]:
        start = f"{folder}/" if folder else ""
        return [
            need
            for need in self.needs
            if not any(tree.has(f"{start}{name}") for name in need.split("|"))
        ]

    def open(self, tree: Tree) -> Tree:
        """Return the files of the set in a folder, by their paths from the set's top.

        Raises:
            DataError: if they are not there, or are there twice; the message says what is missing,
                what was expected, where it comes from and its terms.
        """
        tops = self.tops(tree)
        if len(tops) > 1:
            raise DataError(
                f"{tree.folder}: {self.facts.title} is there {len(tops)} times, in "
                f"{', '.join(repr(one) for one in tops[:_SHOWN])}; give one of these folders"
            )
        if not tops:
            lacking = ", ".join(one.replace("|", " or ") for one in self._lacks(tree, ""))
            raise self.refused(tree.folder, f"missing: {lacking}" if lacking else self.absent)
        return tree.below(tops[0])

    def refused(self, path: Path, reason: str) -> DataError:
        """Return the error for a folder or file that does not hold the set."""
        facts = self.facts
        source = f", from {facts.url} (terms: {facts.terms})" if facts.url else ""
        return DataError(f"{path}: no {facts.title}, {reason}; expected {facts.tree}{source}")

    @abstractmethod
    def read(self, tree: Tree) -> Found:
        """Find the items.

        Args:
            tree: the set's files, as `open` returns them.

        Raises:
            DataError: if there are none.
        """

    def read_file(self, path: Path, *, outside: bool) -> Found:
        """Find the items that a single file names or holds; for a layout that has `endings`.

        Args:
            path: the file.
            outside: whether it may name files outside of its own folder.

        Raises:
            DataError: if it cannot be read, or what it names is not there.
        """
        raise self.refused(path, "a single file")


def shown(names: Collection[str]) -> str:
    """Return the first of some names, for a message."""
    first = [printable(name) for name in list(names)[:_SHOWN]]
    return ", ".join(first) + (", ..." if len(names) > _SHOWN else "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Details:
    """What a layout knows of some images besides their truth, by the path of the image.

    Attributes:
        groups: what identifies the original; else it is the item's own name.
        originals: names of the originals.
        subsets: of each image, or one of all.
        methods: of each image, or one of all.
    """

    groups: Mapping[str, str] = field(default_factory=dict)
    originals: Mapping[str, str] = field(default_factory=dict)
    subsets: Mapping[str, str] | str = ""
    methods: Mapping[str, str] | str = ""

    @staticmethod
    def of(told: Mapping[str, str] | str, path: str) -> str:
        """Return what is told of one image, or of all of them."""
        return told if isinstance(told, str) else told.get(path, "")


def forged_items(
    images: Mapping[str, Path],
    names: Mapping[str, str],
    masks: Mapping[str, Path],
    details: Details,
    truth: TruthRule = "white",
) -> list[ForgeryItem]:
    """Make items of the files of forged images.

    Args:
        images: files by path in the set.
        names: the items' names by the image's path, as `tree.item_names` gives them.
        masks: the truth's files by the image's path; an image that is not there has no truth.
        details: what else is known.
        truth: how the truths mark the forged pixels.
    """
    return [
        ForgeryItem(
            name=names[path],
            image=FileBytes(file),
            mask=FileBytes(masks[path]) if path in masks else None,
            original=details.originals.get(path, ""),
            group=details.groups.get(path, names[path]),
            subset=details.of(details.subsets, path),
            method=details.of(details.methods, path),
            truth=truth,
        )
        for path, file in images.items()
    ]


def authentic_items(
    images: Mapping[str, Path], names: Mapping[str, str], details: Details | None = None
) -> list[ForgeryItem]:
    """Make items of the files of authentic images; arguments as `forged_items` has them."""
    told = details or Details()
    return [
        ForgeryItem(
            name=names[path],
            image=FileBytes(file),
            authentic=True,
            group=told.groups.get(path, names[path]),
            subset=told.of(told.subsets, path),
        )
        for path, file in images.items()
    ]


def sorted_unique(items: Sequence[ForgeryItem], place: Path) -> tuple[ForgeryItem, ...]:
    """Return items in the order of their names.

    Raises:
        DataError: if two have the same name.
    """
    twice = [name for name, times in Counter(item.name for item in items).items() if times > 1]
    if twice:
        raise DataError(f"{place}: two images are called {twice[0]!r}; rename one")
    return tuple(sorted(items, key=lambda item: item.name))
