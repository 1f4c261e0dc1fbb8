"""The contract of inpainters, for every registered one: registering a model adds its tests."""

from __future__ import annotations

import math
import warnings
from functools import cache

import pytest
import torch
from torch import Tensor

from benchmark.core.checkpoints.resolve import mini_path
from benchmark.core.errors import BadInput, SizeWarning, UnknownName
from benchmark.testing.inpainters import INPAINTER_CHECKS, draw
from benchmark.testing.models import TOLERANCE, check_card
from inpainters import INPAINTERS, create_inpainter, ctsdg
from inpainters.base import Inpainter
from tests.small import small_weights

CARDS = {name: INPAINTERS.card(name) for name in sorted(INPAINTERS.built_in)}
SHIPPED = [f"{name} (mini)" for name, card in CARDS.items() if mini_path(card)]


@cache
def made(label: str) -> Inpainter:
    """A model without weights, a tiny one with seeded weights, or the mini edition."""
    name, _, mini = label.partition(" ")
    if INPAINTERS.lacking(name):
        pytest.skip(INPAINTERS.lacking(name))
    if mini:
        return create_inpainter(name, weights="mini")
    weights = None if CARDS[name].weightless else small_weights(name)
    return create_inpainter(name, weights=weights)


Size = tuple[int, int]  # height and width
# Odd and even, narrow, tiny, and larger than the networks' own sizes; each model is tested at those
# that it supports.
SIZES: tuple[Size, ...] = (
    (1, 1), (5, 7), (8, 8), (9, 9), (12, 12), (13, 30), (32, 16), (32, 40), (33, 47), (33, 50),
    (35, 50), (36, 36), (37, 50), (40, 56), (40, 64), (64, 40), (64, 64), (70, 31), (9, 128),
    (70, 93),
)  # fmt: skip
HOLE_SIZES: tuple[Size, ...] = (
    (33, 40), (40, 43), (40, 44), (40, 56), (50, 77), (64, 64), (128, 128)
)  # fmt: skip
CLAMPED = ("fcf",)  # under seeded weights many outputs are outside of [0, 1]
BATCH_SIZES: tuple[Size, ...] = ((32, 40), (33, 47), (40, 45), (40, 52), (64, 64), (64, 72))


SLOW = ("criminisi", "patchmatch")  # they search the image for every patch: sizes up to 33x50


def at(sizes: tuple[Size, ...], names: list[str]) -> list[tuple[str, Size]]:
    """All pairs of a model and a size that it supports."""
    return [
        (name, size)
        for name in names
        for size in sizes
        if min(size) >= CARDS[name].min_side and (name not in SLOW or math.prod(size) <= 1650)
    ]


def noisy(height: int, width: int, count: int = 2) -> tuple[Tensor, Tensor]:
    """Noise on the 8-bit grid, and a different hole of at least one pixel per image."""
    generator = torch.Generator().manual_seed(height * 1000 + width)
    images = torch.rand(count, 3, height, width, generator=generator)
    masks = torch.zeros(count, 1, height, width)
    for row in range(count):
        masks[row, :, height // 4 : height // 2 + row + 1, width // 3 : 2 * width // 3 + 1] = 1
    return (images * 255).round() / 255, masks


@pytest.fixture
def small_squares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let CTSDG resize unsupported sizes to 32x32 instead of 256x256, which is much faster."""
    monkeypatch.setattr(ctsdg, "SIDE", 32)


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


@pytest.mark.usefixtures("small_squares")
@pytest.mark.filterwarnings("ignore::benchmark.core.errors.SizeWarning")
@pytest.mark.parametrize(("name", "size"), at(SIZES, list(CARDS)))
def test_holes_of_any_size_are_inpainted_and_known_pixels_kept(name: str, size: Size) -> None:
    images, masks = noisy(*size)
    filled = made(name).inpaint(images, masks)
    hole = masks.bool().expand_as(images)
    assert filled.shape == images.shape
    assert torch.equal(filled[~hole], images[~hole])
    changed = (filled != images)[hole]
    if CARDS[name].weightless or name in CLAMPED:
        assert changed.any() == CARDS[name].paints
    else:
        assert changed.all()


@pytest.mark.usefixtures("small_squares")
@pytest.mark.filterwarnings("ignore::benchmark.core.errors.SizeWarning")
@pytest.mark.parametrize(
    ("name", "size"), at(HOLE_SIZES, [name for name, card in CARDS.items() if not card.sees_hole])
)
def test_the_content_of_the_hole_is_ignored_at_any_size(name: str, size: Size) -> None:
    images, masks = noisy(*size)
    filled = made(name).inpaint(images, masks)
    for other in (torch.full_like(images, 0.7), images.flip(2)):
        again = made(name).inpaint(torch.where(masks.bool(), other, images), masks)
        assert torch.equal(again, filled)


@pytest.mark.usefixtures("small_squares")
@pytest.mark.filterwarnings("ignore::benchmark.core.errors.SizeWarning")
@pytest.mark.parametrize(("name", "size"), at(BATCH_SIZES, list(CARDS)))
def test_the_output_does_not_depend_on_the_batch_at_any_size(name: str, size: Size) -> None:
    images, masks = noisy(*size, count=3)
    pairs = zip(images, masks, strict=True)
    alone = torch.cat([made(name).inpaint(image[None], mask[None]) for image, mask in pairs])
    together = made(name).inpaint(images, masks)
    atol = 0 if CARDS[name].weightless else TOLERANCE if name in CLAMPED else 1e-5
    torch.testing.assert_close(together, alone, rtol=0, atol=atol)


@pytest.mark.usefixtures("small_squares")
@pytest.mark.filterwarnings("ignore::benchmark.core.errors.SizeWarning")
@pytest.mark.parametrize("value", [0.0, 1.0])
@pytest.mark.parametrize("name", CARDS)
def test_all_known_and_all_hole_are_supported(name: str, value: float) -> None:
    side = max(16, CARDS[name].min_side)
    images, _ = noisy(side, side + 4)
    filled = made(name).inpaint(images, torch.full((2, 1, side, side + 4), value))
    assert torch.isfinite(filled).all()
    assert torch.equal(filled, images) == (value == 0 or not CARDS[name].paints)


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.min_side > 1])
def test_a_smaller_image_is_refused_with_its_size(name: str) -> None:
    least = CARDS[name].min_side
    for size in ((least - 1, 64), (64, least - 1)):
        with pytest.raises(BadInput, match=f"at least {least}, got {size[0]}x{size[1]}"):
            made(name).inpaint(*noisy(*size))


@pytest.mark.parametrize("name", sorted(INPAINTERS.built_in))
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


@pytest.mark.parametrize("name", [name for name, card in CARDS.items() if card.weightless])
def test_weights_for_a_model_that_takes_none_are_refused(name: str) -> None:
    made(name)  # skipped without its package
    with pytest.raises(BadInput, match=f"{name} takes no weights, got 'mini'"):
        create_inpainter(name, weights="mini")
