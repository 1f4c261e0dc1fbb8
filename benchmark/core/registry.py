"""Registries of models, metrics and data sets; listing names and cards imports no model."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from benchmark.core.card import Card, read_card
from benchmark.core.errors import BenchError, ExternalError, RetiredName, UnknownName
from benchmark.core.external.imports import (
    import_class,
    last_line,
    module_file,
    source_hash,
    warn_about_copies,
)
from benchmark.core.external.optional import lacking
from benchmark.core.external.spec import (
    RegistryEntry,
    default_label,
    distribution_of,
    is_class,
    is_label,
    plugins,
    split_label,
)
from benchmark.core.inspecting import is_inspecting

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """A removed model: what is still needed to read its runs and stores.

    Attributes:
        card: its card.
        mini: SHA-256 of its shipped mini weights, which is part of its outputs' keys.
        last: the last commit that has the model.
        page: documentation page on its removal.
    """

    card: Card
    mini: str
    last: str
    page: str

    def error(self) -> RetiredName:
        """Return an error that says why it cannot be used."""
        return RetiredName(
            f"{self.card.name!r} was retired and cannot be run or trained any more: commit "
            f"{self.last} still has it, {self.page} explains why; remove it from the plan or recipe"
        )


class Registry(Generic[T]):
    """A lazy table of classes of one kind: built in, installed plugins, or named by path.

    Args:
        kind: what its entries are called in messages, such as "inpainter".
        table: built-in classes, as name to "module:Class".
        base: "module:Class" that every external class must be a subclass of.
        group: entry point group of plugins.
        schemes: classes that take an argument, as scheme to "module:Class"; None if neither schemes
            nor classes by path are supported.
        retired: removed models by name; they have cards, but cannot be loaded and are not listed.
        packages: optional packages that built-in models need, as name to requirement.
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
        packages: Mapping[str, str] | None = None,
    ) -> None:
        self.kind = kind
        self._table = dict(table)
        self._base = base
        self._group = group
        self._schemes = schemes
        self._retired = dict(retired or {})
        self._packages = dict(packages or {})
        self._cards: dict[str, Card] = {}  # by entry; parsing a source takes 10 ms
        self._labels: dict[str, Card] = {}  # external models' cards, from specifiers and records
        self._stand_ins: dict[str, T] = {}  # substitutes for external classes in inspection mode

    def __iter__(self) -> Iterator[str]:
        """Built-in names in the table's order, then plugins."""
        found = dict.fromkeys((*self._table, *(one.name for one in plugins(self._group))))
        return iter(found)

    def __len__(self) -> int:
        return len(list(iter(self)))

    def __contains__(self, name: object) -> bool:
        return name in self._table or any(one.name == name for one in plugins(self._group))

    @property
    def built_in(self) -> tuple[str, ...]:
        """Names in this project's own table."""
        return tuple(self._table)

    def usable(self) -> Iterator[str]:
        """Names whose cards can be read; broken plugins are skipped, `card` raises why."""
        for name in self:
            try:
                self.card(name)
            except ExternalError:
                continue
            yield name

    def find(self, word: str) -> RegistryEntry:
        """Resolve a specifier: a name, "scheme:argument" or "module:Class".

        Raises:
            UnknownName: with the nearest known name.
            ExternalError: if the name is ambiguous.
            BadInput: if its label is invalid.
        """
        if ":" not in word:
            return self._find_by_name(word)
        label, rest = split_label(word)
        head, _, argument = rest.partition(":")
        if self._schemes is None:
            return self._find_by_name(word)
        if head in self._schemes:
            label = self._unique_label(label or default_label(head, argument), word)
            target = self._schemes[head]
            return RegistryEntry(name=label, target=target, argument=argument, scheme=head)
        if is_class(rest):
            label = self._unique_label(label or argument, word)
            installed = "" if is_inspecting() else distribution_of(head)
            return RegistryEntry(name=label, target=rest, distribution=installed)
        known = (*self, *(f"{name}:..." for name in self._schemes), "package.module:Class")
        raise UnknownName(self.kind, word, known)

    def entry(self, name: str) -> str:
        """Return the "module:Class" of a specifier.

        Raises:
            BenchError: as `find`.
        """
        return self.find(name).target

    def card(self, name: str) -> Card:
        """Return the card of a specifier, or of the label of an external model seen before.

        The card is read from the class's source; if an external card is not literal, its module is
        imported. External cards get the name that tables use. In inspection mode, external cards
        are known only through `remember_card`.

        Raises:
            BenchError: as `find`, or if there is no card.
        """
        if name in self._labels and name not in self:
            return self._labels[name]
        found = self.find(name)
        if found.retired:
            return self._retired[found.name].card
        if is_inspecting() and not found.built_in:
            if found.name in self._labels:
                return self._labels[found.name]
            raise self._not_imported(found)
        if found.argument is not None:  # a scheme's card may change with the files it names
            kind: Any = self._load_external(found)
            card: Card = kind.card_for(found.argument)
        else:
            if found.target not in self._cards:
                self._cards[found.target] = self._read_card(found)
            card = self._cards[found.target]
        if found.built_in:
            return card
        self._labels[found.name] = replace(card, name=found.name)
        return self._labels[found.name]

    def retired(self, word: str) -> Retired | None:
        """Return the entry of a removed model; None for all other models.

        Raises:
            BenchError: as `find`.
        """
        found = self.find(word)
        return self._retired[found.name] if found.retired else None

    def package(self, name: str) -> str:
        """Return the optional package that a built-in model needs, with its versions, or ""."""
        return self._packages.get(name, "") if name in self._table else ""

    def lacking(self, name: str) -> str:
        """Return which package a built-in model needs that is not here, in a line, or ""."""
        needed = self.package(name)
        reason = lacking(needed) if needed else ""
        return f"{name}: {reason}" if reason else ""

    def remember_card(self, card: Card) -> None:
        """Register the card of a run's external model, for reading the run's files."""
        self._labels[card.name] = card

    def register_stand_in(self, name: str, kind: T) -> None:
        """Register a substitute for a run's external class in inspection mode."""
        if name not in self._table:
            self._stand_ins[name] = kind

    def load(self, name: str) -> T:
        """Import the class of a specifier, or return its substitute in inspection mode.

        Raises:
            BenchError: as `find`, or if the model was removed, or an external class cannot be
                used.
        """
        found = self.find(name)
        if found.retired:
            raise self._retired[found.name].error()
        if found.built_in:
            return cast(T, _attribute(found.target))
        if is_inspecting() and found.name in self._stand_ins:
            return self._stand_ins[found.name]
        return cast(T, self._load_external(found))

    def fingerprint(self, name: str) -> str:
        """Return what an external model's output depends on besides its card and weights.

        Returns:
            The class, its distribution and the hash of its source, or the scheme's own fingerprint
            of its argument; "" for built-in models.

        Raises:
            BenchError: as `load`.
        """
        found = self.find(name)
        if found.built_in:
            return ""
        if found.argument is not None:
            kind: Any = self._load_external(found)
            return f"{found.scheme}:{kind.fingerprint(found.argument)}"
        if is_inspecting():
            raise self._not_imported(found)
        module = found.target.partition(":")[0]
        warn_about_copies(module)
        file = module_file(module)
        source = source_hash(file) if file else ""
        return " ".join(filter(None, (found.target, found.distribution, source)))

    def _find_by_name(self, name: str) -> RegistryEntry:
        found = [one for one in plugins(self._group) if one.name == name]
        if name in self._table and not found:
            return _own_entry(name, self._table[name])
        if len(found) == 1 and name not in self._table:
            (one,) = found
            if not is_label(name) or not is_class(one.target):
                raise ExternalError(
                    f"the {self.kind} {name!r} of {one.distribution}: expected an entry point "
                    f"NAME = package.module:Class, got {one.target!r}"
                )
            return RegistryEntry(name=name, target=one.target, distribution=one.distribution)
        if not found and (name in self._labels or (is_inspecting() and name in self._stand_ins)):
            return RegistryEntry(name=name, target="")  # known from a run's files only
        if not found and name in self._retired:
            return RegistryEntry(name=name, target="", built_in=True, retired=True)
        if not found:
            raise UnknownName(self.kind, name, self)
        owners = [*(["this project"] if name in self._table else []), *_owners(found)]
        hint = "; choose one as NAME=package.module:Class" if self._schemes is not None else ""
        raise ExternalError(
            f"two {self.kind}s are named {name!r}: {' and '.join(owners)} have one{hint}"
        )

    def _unique_label(self, label: str, word: str) -> str:
        if label in self:
            raise ExternalError(
                f"{word!r}: {label!r} is the name of another {self.kind}; choose a label: LABEL=..."
            )
        return label

    def _read_card(self, found: RegistryEntry) -> Card:
        if found.built_in:
            return read_card(found.target)
        try:
            return read_card(found.target)
        except (BenchError, SyntaxError, TypeError):  # missing or not literal
            card = getattr(self._load_external(found), "card", None)
        if not isinstance(card, Card):
            raise ExternalError(f"{found.target} has no `card = Card(...)`")
        return card

    def _not_imported(self, found: RegistryEntry) -> ExternalError:
        return ExternalError(
            f"the {self.kind} {found.name!r} is not of this project, and its code is not imported "
            "when a run is only inspected; use 'bench run' with the run's plan.toml"
        )

    def _load_external(self, found: RegistryEntry) -> type:
        if is_inspecting():
            raise self._not_imported(found)
        if not found.target:
            raise UnknownName(self.kind, found.name, self)
        if found.argument is None:
            warn_about_copies(found.target.partition(":")[0])
        kind = import_class(found.target)
        base = _attribute(self._base)
        if not issubclass(kind, base):
            raise ExternalError(f"{found.target} is no {base.__name__}: expected a subclass of it")
        missing = sorted(getattr(kind, "__abstractmethods__", ()))
        if missing:
            raise ExternalError(f"{found.target}: {', '.join(missing)} is not implemented")
        return kind


def create(registry: Registry[Any], word: str, *, weights: str | Path | None, device: str) -> Any:  # noqa: ANN401 (an Inpainter or a Detector: the registry's kind)
    """Construct the model of a specifier, with the name that tables use.

    Raises:
        BenchError: as `Registry.load`, or if its weights cannot be used, an optional package that
            it needs is missing, or the constructor of an external model fails.
    """
    found = registry.find(word)
    arguments = () if found.argument is None else (found.argument,)
    kind = registry.load(word)
    if found.built_in:
        reason = registry.lacking(found.name)
        if reason:
            raise ExternalError(reason)
        return kind(*arguments, weights=weights, device=device)
    try:
        model = kind(*arguments, weights=weights, device=device)
    except BenchError:
        raise
    except (Exception, SystemExit) as error:
        raise ExternalError(f"{found.target}: cannot be constructed: {last_line(error)}") from error
    model.card = registry.card(word)
    return model


@cache
def _own_entry(name: str, target: str) -> RegistryEntry:
    return RegistryEntry(name=name, target=target, built_in=True)


def _attribute(target: str) -> Any:  # noqa: ANN401 (any attribute of a module)
    module, _, name = target.partition(":")
    return getattr(importlib.import_module(module), name)


def _owners(found: list[Any]) -> list[str]:
    return [one.distribution for one in found]
