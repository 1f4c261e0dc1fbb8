"""Helpers of the contract checks: requirements, image sizes, cards, threads, bad input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.errors import BadInput
from benchmark.core.external.spec import is_label

TOLERANCE = 2e-5  # batch size and threads change the order of floating-point sums
SIDE = 64


def require(*, condition: bool, message: str) -> None:
    """Raise AssertionError with the message unless the condition holds."""
    if not condition:
        raise AssertionError(message)


def sizes_for(card: Card) -> list[tuple[int, int]]:
    """Return (height, width) of test images: square, odd on both sides, taller than wide."""
    side = max(SIDE, card.min_side)
    return [(side, side), (side + 6, side + 29), (side + 32, side)]


def check_card(card: object, *, name: str = "") -> Card:
    """Check the name, title and revision of a card.

    Args:
        card: the card.
        name: the name that it is registered under, if any.

    Raises:
        AssertionError: naming the requirement that is not met.
    """
    if not isinstance(card, Card):
        raise AssertionError(f"expected `card = Card(...)` in the class, got {card!r}")
    require(
        condition=is_label(card.name),
        message=f"the card's name {card.name!r} is not usable in tables and file names: use only "
        "letters, digits and ._+-",
    )
    require(condition=bool(card.title), message=f"the card of {card.name} has no title")
    require(
        condition=card.revision >= 1,
        message=f"{card.name}: expected revision >= 1, got {card.revision}",
    )
    require(
        condition=not name or card.name == name,
        message=f"the card's name {card.name!r} differs from the entry point's name {name!r}",
    )
    return card


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Run a block with this number of torch threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def require_close(model: str, what: str, first: Tensor, second: Tensor) -> None:
    """Raise AssertionError unless two outputs agree up to float32 rounding."""
    apart = float((first - second).abs().max())
    require(
        condition=apart <= TOLERANCE,
        message=f"{model}: the output depends on {what}: maximum difference {apart:.3g} "
        f"(tolerance {TOLERANCE:g})",
    )


def require_bad_input(model: str, what: str, call: Callable[[], object]) -> None:
    """Raise AssertionError unless a call raises BadInput with a one-line message."""
    try:
        call()
    except BadInput as error:
        require(
            condition="\n" not in str(error),
            message=f"{model}: the message for {what} has more than one line",
        )
        return
    raise AssertionError(f"{model}: expected BadInput for {what}, got an output")
