"""What every registered inpainter must do. Registering a model is what adds its tests."""

from __future__ import annotations

import warnings
from functools import cache

import pytest
import torch
from torch import Tensor

from benchmark.core.errors import BadInput, SizeWarning, UnknownName
from benchmark.core.pixels import hole_blind
from benchmark.core.weights import mini_path
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter
from tests.small import small_weights

CARDS = {name: INPAINTERS.card(name) for name in sorted(INPAINTERS)}
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


def draw(height: int, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    """Smooth pictures on the 8-bit grid, each with a hole of its own."""
    generator = torch.Generator().manual_seed(height * 1000 + width)
    coarse = torch.rand(count, 3, 8, 8, generator=generator)
    images = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    masks = torch.zeros(count, 1, height, width)
    for row in range(count):
        top, left = height // 4 + 3 * row, width // 4 + row
        masks[row, :, top : top + height // 3, left : left + width // 3] = 1
    return (images * 255).round() / 255, masks


@pytest.mark.parametrize("size", [(64, 64), (70, 93), (96, 64)], ids=str)
def test_known_pixels_are_kept_bit_for_bit(inpainter: Inpainter, size: tuple[int, int]) -> None:
    images, masks = draw(*size)
    filled = inpainter.inpaint(images, masks)
    known = (masks == 0).expand_as(images)
    assert torch.equal(filled[known], images[known])
    assert filled.shape == images.shape
    assert filled.dtype == torch.float32
    assert 0 <= float(filled.min()) <= float(filled.max()) <= 1


def test_the_hole_is_painted(inpainter: Inpainter) -> None:
    images, masks = draw(64, 64)
    filled = inpainter.inpaint(images, masks)
    changed = bool(((filled != images) & masks.bool()).any())
    assert changed == inpainter.card.paints


def test_answer_is_independent_of_the_batch(inpainter: Inpainter) -> None:
    images, masks = draw(64, 64, count=3)
    alone = [
        inpainter.inpaint(image[None], mask[None])
        for image, mask in zip(images, masks, strict=True)
    ]
    together = inpainter.inpaint(images, masks)
    torch.testing.assert_close(together, torch.cat(alone), atol=2e-5, rtol=0)


def test_answer_is_independent_of_the_threads(inpainter: Inpainter) -> None:
    images, masks = draw(64, 64)
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = inpainter.inpaint(images, masks)
        torch.set_num_threads(2)
        two = inpainter.inpaint(images, masks)
    finally:
        torch.set_num_threads(threads)
    torch.testing.assert_close(one, two, atol=2e-5, rtol=0)


def test_same_seed_same_answer_and_inputs_unchanged(inpainter: Inpainter) -> None:
    images, masks = draw(64, 64)
    before = images.clone(), masks.clone()
    first = inpainter.inpaint(images, masks, seed=3)
    assert torch.equal(first, inpainter.inpaint(images, masks, seed=3))
    assert torch.equal(images, before[0])
    assert torch.equal(masks, before[1])


def test_what_is_in_the_hole_reaches_the_answer_only_where_the_card_says_so(
    inpainter: Inpainter,
) -> None:
    images, masks = draw(64, 64)
    other = images.clone()
    other[masks.bool().expand_as(images)] = 1 - images[masks.bool().expand_as(images)]
    same = torch.equal(
        inpainter.inpaint(images, masks)[masks.bool().expand_as(images)],
        inpainter.inpaint(other, masks)[masks.bool().expand_as(images)],
    )
    assert same != inpainter.card.sees_hole
    blind = [inpainter.inpaint(hole_blind(one, masks), masks) for one in (images, other)]
    assert torch.equal(*blind)


def test_a_size_that_the_authors_program_refuses_is_warned_of_once(inpainter: Inpainter) -> None:
    inpainter._warned = False
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            inpainter.inpaint(*draw(70, 93))
    found = [str(one.message) for one in said if one.category is SizeWarning]
    assert len(found) == (inpainter.card.name.removesuffix("+rwsa").split("-")[0] in EXTENDED)
    assert all(inpainter.card.name in text and "\n" not in text for text in found)


def test_nothing_to_paint_changes_nothing(inpainter: Inpainter) -> None:
    images, masks = draw(64, 64)
    assert torch.equal(inpainter.inpaint(images, torch.zeros_like(masks)), images)


def test_all_hole_gives_a_picture(inpainter: Inpainter) -> None:
    images, masks = draw(64, 64)
    filled = inpainter.inpaint(images, torch.ones_like(masks))
    assert torch.isfinite(filled).all()


def bad_inputs() -> dict[str, tuple[Tensor, Tensor, str]]:
    images, masks = draw(64, 64)
    broken = images.clone()
    broken[0, 0, 0, 0] = torch.nan
    return {
        "batch of zero": (images[:0], masks[:0], "batch of zero"),
        "grey": (images[:, :1], masks, r"\(N, 3, H, W\)"),
        "uint8": ((images * 255).byte(), masks, "float32"),
        "out of range": (images * 2, masks, r"\[0, 1\]"),
        "nan": (broken, masks, "nan"),
        "other size": (images, masks[:, :, :32], "as the images"),
        "other count": (images, masks.repeat(2, 1, 1, 1), "as the images"),
        "soft mask": (images, masks * 0.5, "only 0 and 1"),
        "no channel": (images, masks[:, 0], r"\(N, 1, H, W\)"),
    }


@pytest.mark.parametrize("case", bad_inputs())
def test_bad_input_is_refused_in_a_line(inpainter: Inpainter, case: str) -> None:
    images, masks, message = bad_inputs()[case]
    with pytest.raises(BadInput, match=message) as caught:
        inpainter.inpaint(images, masks)
    assert "\n" not in str(caught.value)


def test_too_small_a_picture_is_refused(inpainter: Inpainter) -> None:
    side = inpainter.card.min_side - 1
    if side < 1:
        pytest.skip(f"{inpainter.card.name} takes any size")
    with pytest.raises(BadInput, match=f"at least {side + 1}"):
        inpainter.inpaint(torch.zeros(1, 3, side, 64), torch.ones(1, 1, side, 64))


def test_unknown_latents_are_refused(inpainter: Inpainter) -> None:
    images, masks = draw(64, 64)
    with pytest.raises(BadInput, match="no latents named nonsense"):
        inpainter.inpaint(images, masks, latents={"nonsense": torch.zeros(1)})


@pytest.mark.parametrize("name", sorted(INPAINTERS))
def test_the_card_is_read_from_the_source(name: str) -> None:
    card = INPAINTERS.card(name)
    assert card == INPAINTERS.load(name).card
    assert card.name == name
    assert card.title


def test_an_unknown_name_offers_the_near_one() -> None:
    with pytest.raises(UnknownName, match="Did you mean 'safepaint'"):
        create_inpainter("safepiant")


def test_a_device_that_is_not_here_is_refused() -> None:
    with pytest.raises(BadInput, match="not on this machine"):
        create_inpainter("meanfill", device="cuda:63")


def test_weights_for_a_model_that_takes_none_are_refused() -> None:
    with pytest.raises(BadInput, match="takes no weights"):
        create_inpainter("telea", weights="mini")
