"""The contract of detectors, for every registered one: registering a model adds its tests."""

from __future__ import annotations

from functools import cache

import pytest
import torch

from benchmark.core.checkpoints.resolve import mini_path
from benchmark.core.errors import BadInput, UnknownName
from benchmark.testing.detectors import DETECTOR_CHECKS, draw
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


SIZES = ((1, 1), (3, 50), (25, 25), (29, 29), (33, 47), (33, 70), (64, 48))  # height and width
WITH_CONFIDENCE = ("trufor",)


@pytest.fixture(params=[*CARDS, *SHIPPED])
def detector(request: pytest.FixtureRequest) -> Detector:
    return made(request.param)


@pytest.mark.parametrize("check", DETECTOR_CHECKS)
def test_it_keeps_the_contract(detector: Detector, check: str) -> None:
    DETECTOR_CHECKS[check](detector)


@pytest.mark.parametrize(
    ("name", "size"),
    [(name, size) for name in CARDS for size in SIZES if min(size) >= CARDS[name].min_side],
)
def test_outputs_have_the_size_of_the_images(name: str, size: tuple[int, int]) -> None:
    card, detection = CARDS[name], made(name).detect(draw(*size, count=2))
    assert detection.heatmap.shape == (2, *size)
    assert detection.score.shape == (2,)
    assert (detection.confidence is not None) == (name in WITH_CONFIDENCE)
    inner = [detection.heatmap]
    if detection.confidence is not None:
        assert detection.confidence.shape == (2, *size)
        inner.append(detection.confidence)
    if card.score_from == "head":
        inner.append(detection.score)
    for values in inner:
        low, high = float(values.min()), float(values.max())
        assert (0 < low <= high < 1) if not card.weightless else (0 <= low <= high <= 1)


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.min_side > 1])
def test_a_smaller_image_is_refused_with_its_size(name: str) -> None:
    least = CARDS[name].min_side
    for size in ((least - 1, 64), (64, least - 1)):
        message = f"sides of at least {least}, got {size[0]}x{size[1]}"
        with pytest.raises(BadInput, match=message):
            made(name).detect(draw(*size))


@pytest.mark.parametrize("name", CARDS)
def test_on_a_cpu_outputs_are_bit_identical_in_any_batch(name: str) -> None:
    images = draw(40, 56, count=3)
    together = made(name).detect(images)
    for row, image in enumerate(images):
        alone = made(name).detect(image[None])
        assert torch.equal(together.heatmap[row], alone.heatmap[0])
        assert torch.equal(together.score[row], alone.score[0])


@pytest.mark.parametrize("name", CARDS)
def test_the_memory_format_of_the_images_does_not_matter(name: str) -> None:
    images = draw(32, 48)
    other = images.contiguous(memory_format=torch.channels_last)
    assert torch.equal(made(name).detect(images).heatmap, made(name).detect(other).heatmap)


@pytest.mark.parametrize("level", [0.0, 1.0])
@pytest.mark.parametrize("name", CARDS)
def test_an_image_of_one_color_is_supported(name: str, level: float) -> None:
    detection = made(name).detect(torch.full((1, 3, 64, 48), level))
    assert detection.heatmap.shape == (1, 64, 48)


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.weightless])
def test_weights_for_a_detector_that_takes_none_are_refused(name: str) -> None:
    with pytest.raises(BadInput, match=f"{name} takes no weights, got 'mini'"):
        create_detector(name, weights="mini")


@pytest.mark.parametrize("name", sorted(DETECTORS.built_in))
def test_the_card_is_read_from_the_source(name: str) -> None:
    card = DETECTORS.card(name)
    assert card == DETECTORS.load(name).card
    check_card(card, name=name)


def test_an_unknown_name_offers_the_near_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'trufor'"):
        create_detector("trufro")
