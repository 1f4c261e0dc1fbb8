"""What every registered detector must do. Registering a model is what adds its tests."""

from __future__ import annotations

from functools import cache

import pytest
import torch
from torch import Tensor

from benchmark.core.errors import BadInput, UnknownName
from benchmark.core.weights import mini_path
from detectors import DETECTORS, create_detector
from detectors.base import Detector
from tests.small import small_weights

CARDS = {name: DETECTORS.card(name) for name in sorted(DETECTORS)}
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


def draw(height: int, width: int, count: int = 1) -> Tensor:
    """Noisy pictures on the 8-bit grid."""
    generator = torch.Generator().manual_seed(height * 1000 + width)
    return (torch.rand(count, 3, height, width, generator=generator) * 255).round() / 255


@pytest.mark.parametrize("size", [(64, 64), (70, 93), (96, 64)], ids=str)
def test_heatmap_and_score_have_their_shapes_and_ranges(
    detector: Detector, size: tuple[int, int]
) -> None:
    detection = detector.detect(draw(*size, count=2))
    assert detection.heatmap.shape == (2, *size)
    assert detection.score.shape == (2,)
    maps = [detection.heatmap, detection.score]
    if detection.confidence is not None:
        assert detection.confidence.shape == (2, *size)
        maps.append(detection.confidence)
    for values in maps:
        assert values.dtype == torch.float32
        assert 0 <= float(values.min()) <= float(values.max()) <= 1


def test_answer_is_independent_of_the_batch(detector: Detector) -> None:
    images = draw(64, 64, count=3)
    together = detector.detect(images)
    for row, image in enumerate(images):
        alone = detector.detect(image[None])
        torch.testing.assert_close(together.heatmap[row], alone.heatmap[0], atol=2e-5, rtol=0)
        torch.testing.assert_close(together.score[row], alone.score[0], atol=2e-5, rtol=0)


def test_answer_is_independent_of_the_threads(detector: Detector) -> None:
    images = draw(64, 64)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = detector.detect(images)
        torch.set_num_threads(2)
        two = detector.detect(images)
    finally:
        torch.set_num_threads(threads)
    torch.testing.assert_close(one.heatmap, two.heatmap, atol=2e-5, rtol=0)
    torch.testing.assert_close(one.score, two.score, atol=2e-5, rtol=0)


def test_the_same_picture_gets_the_same_answer(detector: Detector) -> None:
    images = draw(64, 64)
    before = images.clone()
    first, second = detector.detect(images), detector.detect(images)
    assert torch.equal(first.heatmap, second.heatmap)
    assert torch.equal(first.score, second.score)
    assert torch.equal(images, before)


def bad_inputs() -> dict[str, tuple[Tensor, str]]:
    images = draw(64, 64)
    broken = images.clone()
    broken[0, 0, 0, 0] = torch.nan
    return {
        "batch of zero": (images[:0], "batch of zero"),
        "grey": (images[:, :1], r"\(N, 3, H, W\)"),
        "uint8": ((images * 255).byte(), "float32"),
        "out of range": (images * 2, r"\[0, 1\]"),
        "nan": (broken, "nan"),
        "no batch": (images[0], r"\(N, 3, H, W\)"),
    }


@pytest.mark.parametrize("case", bad_inputs())
def test_bad_input_is_refused_in_a_line(detector: Detector, case: str) -> None:
    images, message = bad_inputs()[case]
    with pytest.raises(BadInput, match=message) as caught:
        detector.detect(images)
    assert "\n" not in str(caught.value)


def test_too_small_a_picture_is_refused(detector: Detector) -> None:
    side = detector.card.min_side - 1
    if side < 1:
        pytest.skip(f"{detector.card.name} takes any size")
    with pytest.raises(BadInput, match=f"at least {side + 1}"):
        detector.detect(torch.zeros(1, 3, side, 64))


@pytest.mark.parametrize("name", sorted(DETECTORS))
def test_the_card_is_read_from_the_source(name: str) -> None:
    card = DETECTORS.card(name)
    assert card == DETECTORS.load(name).card
    assert card.name == name
    assert card.title


def test_an_unknown_name_offers_the_near_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'trufor'"):
        create_detector("trufro")
