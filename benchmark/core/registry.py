"""A registry is a table one can read; reading it imports nothing."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from typing import Generic, TypeVar, cast

from benchmark.core.card import Card, read_card
from benchmark.core.errors import UnknownName

T = TypeVar("T")


class Registry(Generic[T]):
    """Names of one kind of thing, and where each is: "module:Class"."""

    def __init__(self, kind: str, table: Mapping[str, str]) -> None:
        self.kind = kind
        self._table = dict(table)
        self._cards: dict[str, Card] = {}  # by entry; parsing a source takes 10 ms

    def __iter__(self) -> Iterator[str]:
        return iter(self._table)

    def __len__(self) -> int:
        return len(self._table)

    def __contains__(self, name: object) -> bool:
        return name in self._table

    def entry(self, name: str) -> str:
        """Where `name` is, as "module:Class".

        Raises:
            UnknownName: with the nearest known name.
        """
        if name not in self._table:
            raise UnknownName(self.kind, name, self._table)
        return self._table[name]

    def card(self, name: str) -> Card:
        """The card of `name`, without importing its module."""
        entry = self.entry(name)
        if entry not in self._cards:
            self._cards[entry] = read_card(entry)
        return self._cards[entry]

    def load(self, name: str) -> T:
        """Import `name` and return it."""
        module, _, attribute = self.entry(name).partition(":")
        return cast(T, getattr(importlib.import_module(module), attribute))
