"""What every registered inpainter must do. Registering a model is what adds its tests."""

from __future__ import annotations

import warnings
from functools import cache

import pytest

from benchmark.core.checkpoints.resolve import mini_path
from benchmark.core.errors import BadInput, SizeWarning, UnknownName
from benchmark.testing.inpainters import INPAINTER_CHECKS, draw
from benchmark.testing.models import check_card
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter
from tests.small import small_weights

CARDS = {name: INPAINTERS.card(name) for name in sorted(INPAINTERS.ours)}
SHIPPED = [f"{name} (mini)" for name, card in CARDS.items() if mini_path(card)]


@cache
def made(label: str) -> Inpainter:
    """A model without weights, a tiny one with seeded weights, or the mini edition."""
    name, _, mini = label.partition(" ")
    if mini:
        return create_inpainter(name, weights="mini")
    weights = None if CARDS[name].weightless else small_weights(name)
    return create_inpainter(name, weights=weights)


@pytest.fixture(params=[*CARDS, *SHIPPED])
def inpainter(request: pytest.FixtureRequest) -> Inpainter:
    return made(request.param)


EXTENDED = ("safepaint", "edgeconnect", "madf", "ctsdg", "aotgan", "fcf")  # by a rule of ours


@pytest.mark.parametrize("check", INPAINTER_CHECKS)
def test_it_keeps_the_contract(inpainter: Inpainter, check: str) -> None:
    INPAINTER_CHECKS[check](inpainter)


def test_a_size_that_the_authors_program_refuses_is_warned_of_once(inpainter: Inpainter) -> None:
    inpainter._size_warned = False
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            inpainter.inpaint(*draw(70, 93))
    found = [str(one.message) for one in said if one.category is SizeWarning]
    assert len(found) == (inpainter.card.name.removesuffix("+rwsa").split("-")[0] in EXTENDED)
    assert all(inpainter.card.name in text and "\n" not in text for text in found)


@pytest.mark.parametrize("name", sorted(INPAINTERS.ours))
def test_the_card_is_read_from_the_source(name: str) -> None:
    card = INPAINTERS.card(name)
    assert card == INPAINTERS.load(name).card
    check_card(card, name=name)


def test_an_unknown_name_offers_the_near_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'safepaint'"):
        create_inpainter("safepiant")


def test_a_device_that_is_not_here_is_refused() -> None:
    with pytest.raises(BadInput, match="not on this machine"):
        create_inpainter("meanfill", device="cuda:63")


def test_weights_for_a_model_that_takes_none_are_refused() -> None:
    with pytest.raises(BadInput, match="takes no weights"):
        create_inpainter("telea", weights="mini")
