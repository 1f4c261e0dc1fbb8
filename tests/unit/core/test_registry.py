"""Registries: schemes with the present and the earlier names of their class methods."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmark.core.registry import Registry
from inpainters.base import Inpainter

SOURCE = """
from dataclasses import replace
from benchmark.core.card import Card
from inpainters.base import Inpainter


class Base(Inpainter):
    card = Card(name="base", title="Base")

    @classmethod
    def {card_for}(cls, argument):
        return replace(super().{card_for}(argument), title=f"{{cls.__name__}} {{argument}}")

    @classmethod
    def {fingerprint}(cls, argument):
        return f"{{super().{fingerprint}(argument)}} of {{cls.__name__}}"

    def _fill(self, images, masks, *, seed):
        return images


class Heir(Base):
    pass


class Earlier(Base):
    @classmethod
    def described(cls, argument):
        return replace(super().described(argument), paper="p")

    @classmethod
    def decides(cls, argument):
        return f"{{super().decides(argument)}}!"
"""


@pytest.mark.parametrize(
    ("card_for", "fingerprint"), [("card_for", "fingerprint"), ("described", "decides")]
)
def test_a_scheme_may_have_the_earlier_names_of_its_methods(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, card_for: str, fingerprint: str
) -> None:
    """`described` and `decides` were what `card_for` and `fingerprint` are."""
    monkeypatch.syspath_prepend(tmp_path)
    module = f"scheme_with_{card_for}"
    source = SOURCE.format(card_for=card_for, fingerprint=fingerprint)
    (tmp_path / f"{module}.py").write_text(source)
    registry: Registry[type[Inpainter]] = Registry(
        "inpainter",
        {},
        base="inpainters.base:Inpainter",
        schemes={name.lower(): f"{module}:{name}" for name in ("Base", "Heir", "Earlier")},
    )
    assert registry.card("base:x").title == "Base x"
    assert registry.fingerprint("base:x") == "base:x of Base"
    assert registry.card("heir:x").title == "Heir x"
    assert registry.fingerprint("heir:x") == "heir:x of Heir"
    earlier = registry.card("earlier:x")
    assert (earlier.title, earlier.paper) == ("Earlier x", "p")
    assert registry.fingerprint("earlier:x") == "earlier:x of Earlier!"
    kind = registry.load("earlier:x")
    assert kind.described("x") == kind.card_for("x")
    assert kind.decides("x") == kind.fingerprint("x")
