"""Contract checks of all registered detectors: registering a model adds its tests."""

from __future__ import annotations

from functools import cache

import pytest

from benchmark.core.checkpoints.resolve import mini_path
from benchmark.core.errors import UnknownName
from benchmark.testing.detectors import DETECTOR_CHECKS
from benchmark.testing.models import check_card
from detectors import DETECTORS, create_detector
from detectors.base import Detector
from tests.small import small_weights

CARDS = {name: DETECTORS.card(name) for name in sorted(DETECTORS.built_in)}
SHIPPED = [f"{name} (mini)" for name, card in CARDS.items() if mini_path(card)]


@cache
def made(label: str) -> Detector:
    """A model without weights, a tiny one with seeded weights, or the mini edition."""
    name, _, mini = label.partition(" ")
    if mini:
        return create_detector(name, weights="mini")
    weights = None if CARDS[name].weightless else small_weights(name)
    return create_detector(name, weights=weights)


@pytest.fixture(params=[*CARDS, *SHIPPED])
def detector(request: pytest.FixtureRequest) -> Detector:
    return made(request.param)


@pytest.mark.parametrize("check", DETECTOR_CHECKS)
def test_it_keeps_the_contract(detector: Detector, check: str) -> None:
    DETECTOR_CHECKS[check](detector)


@pytest.mark.parametrize("name", sorted(DETECTORS.built_in))
def test_the_card_is_read_from_the_source(name: str) -> None:
    card = DETECTORS.card(name)
    assert card == DETECTORS.load(name).card
    check_card(card, name=name)


def test_an_unknown_name_offers_the_near_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'trufor'"):
        create_detector("trufro")
