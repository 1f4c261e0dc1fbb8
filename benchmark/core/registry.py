"""A registry is a table one can read; reading it imports nothing."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from benchmark.core.card import Card, read_card
from benchmark.core.errors import BenchError, ExternalError, RetiredName, UnknownName
from benchmark.core.external.imports import (
    import_class,
    last_line,
    module_file,
    source_hash,
    tell_copies,
)
from benchmark.core.external.spec import (
    Entry,
    default_label,
    distribution_of,
    is_class,
    is_label,
    plugins,
    split_label,
)
from benchmark.core.looking import is_looking

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """A model that the registry had once: what reading its runs and stores still needs.

    Attributes:
        card: its card.
        mini: SHA-256 of the mini weights that it shipped with; keys of its answers hold it.
        last: the last commit that has the model.
        page: where it is told what became of it.
    """

    card: Card
    mini: str
    last: str
    page: str

    def error(self) -> RetiredName:
        """Why it cannot be used, in a line."""
        return RetiredName(
            f"{self.card.name!r} was retired and cannot be run or trained any more: commit "
            f"{self.last} still has it, {self.page} says why; take it out of the plan or recipe"
        )


class Registry(Generic[T]):
    """Names of one kind of thing, and where each is: in our table, or brought by a user.

    Args:
        kind: what a thing of it is called.
        table: ours, as name to "module:Class".
        base: "module:Class" of which everything brought must be a subclass.
        group: the group of entry points by which other distributions add to it.
        schemes: what takes an argument, as scheme to "module:Class"; None where neither schemes nor
            classes named by hand are taken.
        retired: names that were in the table once; they are found and have cards, but cannot be
            loaded, and are listed nowhere.
    """

    def __init__(
        self,
        kind: str,
        table: Mapping[str, str],
        *,
        base: str = "",
        group: str = "",
        schemes: Mapping[str, str] | None = None,
        retired: Mapping[str, Retired] | None = None,
    ) -> None:
        self.kind = kind
        self._table = dict(table)
        self._base = base
        self._group = group
        self._schemes = schemes
        self._retired = dict(retired or {})
        self._cards: dict[str, Card] = {}  # by entry; parsing a source takes 10 ms
        self._labels: dict[str, Card] = {}  # of what a run brought, for those who read its files
        self._stand_ins: dict[str, T] = {}  # likewise, in place of a class that is not imported

    def __iter__(self) -> Iterator[str]:
        """Ours in the table's order, then the plugins'."""
        found = dict.fromkeys((*self._table, *(one.name for one in plugins(self._group))))
        return iter(found)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in self._table or any(one.name == name for one in plugins(self._group))

    @property
    def ours(self) -> tuple[str, ...]:
        """The names in this project's own table."""
        return tuple(self._table)

    def usable(self) -> Iterator[str]:
        """The names whose cards can be read; a broken plugin is left out, and `card` says why."""
        for name in self:
            try:
                self.card(name)
            except ExternalError:
                continue
            yield name

    def find(self, word: str) -> Entry:
        """Where the thing is that a word names: a name, "scheme:argument" or "module:Class".

        Raises:
            UnknownName: with the nearest known name.
            ExternalError: if two things have the name.
            BadInput: if its label cannot be one.
        """
        label, rest = split_label(word)
        head, colon, argument = rest.partition(":")
        if not colon or self._schemes is None:
            return self._named(word)
        if head in self._schemes:
            label = self._free(label or default_label(head, argument), word)
            target = self._schemes[head]
            return Entry(name=label, target=target, argument=argument, scheme=head)
        if is_class(rest):
            label = self._free(label or argument, word)
            installed = "" if is_looking() else distribution_of(head)
            return Entry(name=label, target=rest, distribution=installed)
        known = (*self, *(f"{name}:..." for name in self._schemes), "package.module:Class")
        raise UnknownName(self.kind, word, known)

    def entry(self, name: str) -> str:
        """Where the thing is that a word names, as "module:Class".

        Raises:
            BenchError: as `find`.
        """
        return self.find(name).target

    def card(self, name: str) -> Card:
        """The card of what a word names, or of what was brought under a label before.

        The card of a class is read from its source; where somebody else's is not written as
        literals its module is imported. The card has the name that tables use. While a run is only
        looked at, of what was brought only remembered cards are known.

        Raises:
            BenchError: as `find`, or if there is no card.
        """
        if name in self._labels and name not in self:
            return self._labels[name]
        found = self.find(name)
        if found.retired:
            return self._retired[found.name].card
        if is_looking() and not found.ours:
            if found.name in self._labels:
                return self._labels[found.name]
            raise self._not_imported(found)
        if found.argument is not None:  # a scheme's card may change with the files it names
            kind: Any = self._foreign(found)
            card: Card = kind.described(found.argument)
        else:
            if found.target not in self._cards:
                self._cards[found.target] = self._read(found)
            card = self._cards[found.target]
        if found.ours:
            return card
        self._labels[found.name] = replace(card, name=found.name)
        return self._labels[found.name]

    def retired(self, word: str) -> Retired | None:
        """What is known of a model that was retired; None for every other.

        Raises:
            BenchError: as `find`.
        """
        found = self.find(word)
        return self._retired[found.name] if found.retired else None

    def remember(self, card: Card) -> None:
        """Know the card of what a run brought, for those who read the run's files."""
        self._labels[card.name] = card

    def stand_in(self, name: str, kind: T) -> None:
        """Know what stands for a class that a run brought, while the run is only looked at."""
        if name not in self._table:
            self._stand_ins[name] = kind

    def load(self, name: str) -> T:
        """Import what a word names and return its class, or what stands for it.

        Raises:
            BenchError: as `find`, or if it was retired, or somebody else's class cannot be used,
                in a line.
        """
        found = self.find(name)
        if found.retired:
            raise self._retired[found.name].error()
        if found.ours:
            return cast(T, _attribute(found.target))
        if is_looking() and found.name in self._stand_ins:
            return self._stand_ins[found.name]
        return cast(T, self._foreign(found))

    def decides(self, name: str) -> str:
        """What decides the answer of what was brought, besides its card and its weights.

        Returns:
            Where it is and what it is made of: a class's distribution and the hash of its source, a
            scheme's own word on its argument. "" for what is ours.

        Raises:
            BenchError: as `load`.
        """
        found = self.find(name)
        if found.ours:
            return ""
        if found.argument is not None:
            kind: Any = self._foreign(found)
            return f"{found.scheme}:{kind.decides(found.argument)}"
        if is_looking():
            raise self._not_imported(found)
        module = found.target.partition(":")[0]
        tell_copies(module)
        file = module_file(module)
        source = source_hash(file) if file else ""
        return " ".join(filter(None, (found.target, found.distribution, source)))

    def _named(self, name: str) -> Entry:
        found = [one for one in plugins(self._group) if one.name == name]
        if name in self._table and not found:
            return Entry(name=name, target=self._table[name], ours=True)
        if len(found) == 1 and name not in self._table:
            (one,) = found
            if not is_label(name) or not is_class(one.target):
                raise ExternalError(
                    f"the {self.kind} {name!r} of {one.distribution}: expected an entry point "
                    f"NAME = package.module:Class, got {one.target!r}"
                )
            return Entry(name=name, target=one.target, distribution=one.distribution)
        if not found and (name in self._labels or (is_looking() and name in self._stand_ins)):
            return Entry(name=name, target="")  # known from a run's files alone
        if not found and name in self._retired:
            return Entry(name=name, target="", ours=True, retired=True)
        if not found:
            raise UnknownName(self.kind, name, self)
        owners = [*(["this project"] if name in self._table else []), *_owners(found)]
        hint = "; take one as NAME=package.module:Class" if self._schemes is not None else ""
        raise ExternalError(
            f"two {self.kind}s are named {name!r}: {' and '.join(owners)} have one{hint}"
        )

    def _free(self, label: str, word: str) -> str:
        if label in self:
            raise ExternalError(
                f"{word!r}: {label!r} is the name of another {self.kind}; put a label of your own "
                "before it: LABEL=..."
            )
        return label

    def _read(self, found: Entry) -> Card:
        if found.ours:
            return read_card(found.target)
        try:
            return read_card(found.target)
        except (BenchError, SyntaxError, TypeError):  # written otherwise, or not at all
            card = getattr(self._foreign(found), "card", None)
        if not isinstance(card, Card):
            raise ExternalError(f"{found.target} has no `card = Card(...)`")
        return card

    def _not_imported(self, found: Entry) -> ExternalError:
        return ExternalError(
            f"the {self.kind} {found.name!r} is not of this project, and its code is not imported "
            "to look at a run; 'bench run' with the run's plan.toml does that"
        )

    def _foreign(self, found: Entry) -> type:
        if is_looking():
            raise self._not_imported(found)
        if not found.target:
            raise UnknownName(self.kind, found.name, self)
        if found.argument is None:
            tell_copies(found.target.partition(":")[0])
        kind = import_class(found.target)
        base = _attribute(self._base)
        if not issubclass(kind, base):
            raise ExternalError(
                f"{found.target} is no {base.__name__}: it must be a subclass of it"
            )
        missing = sorted(getattr(kind, "__abstractmethods__", ()))
        if missing:
            raise ExternalError(f"{found.target}: {', '.join(missing)} is not written yet")
        return kind


def create(registry: Registry[Any], word: str, *, weights: str | Path | None, device: str) -> Any:  # noqa: ANN401 (an Inpainter or a Detector: the registry's kind)
    """Make the model that a word names, under the name that tables use.

    Raises:
        BenchError: as `Registry.load`, or if its weights cannot be used, or what a user brought
            fails to be made.
    """
    found = registry.find(word)
    arguments = () if found.argument is None else (found.argument,)
    kind = registry.load(word)
    if found.ours:
        return kind(*arguments, weights=weights, device=device)
    try:
        model = kind(*arguments, weights=weights, device=device)
    except BenchError:
        raise
    except (Exception, SystemExit) as error:
        raise ExternalError(f"{found.target}: cannot be made: {last_line(error)}") from error
    model.card = registry.card(word)
    return model


def _attribute(target: str) -> Any:  # noqa: ANN401 (whatever the table says)
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def _owners(found: list[Any]) -> list[str]:
    return [one.distribution for one in found]
