"""What the checks of inpainters and detectors share: demands, threads, cards, bad input."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.errors import BadInput
from benchmark.core.external.spec import is_label

TOLERANCE = 2e-5  # kernels for other batches and threads add in another order
SIDE = 64


def demand(*, held: bool, said: str) -> None:
    """Raise AssertionError with `said` unless `held`."""
    if not held:
        raise AssertionError(said)


def sizes_for(card: Card) -> list[tuple[int, int]]:
    """Heights and widths to ask about: square, odd on both sides, taller than wide."""
    side = max(SIDE, card.min_side)
    return [(side, side), (side + 6, side + 29), (side + 32, side)]


def check_card(card: object, *, name: str = "") -> Card:
    """Check a card: its name, its title, and that it is the name of the registry.

    Raises:
        AssertionError: saying what is wrong.
    """
    if not isinstance(card, Card):
        raise AssertionError(f"`card` is {card!r}: expected `card = Card(...)` in the class")
    demand(
        held=is_label(card.name),
        said=f"the card's name {card.name!r} cannot stand in tables and file names: letters, "
        "digits and ._+- alone",
    )
    demand(held=bool(card.title), said=f"the card of {card.name} has no title")
    demand(held=card.revision >= 1, said=f"{card.name}: its card's revision is below 1")
    demand(
        held=not name or card.name == name,
        said=f"the card's name is {card.name!r}, the entry point's {name!r}: they must be the same",
    )
    return card


@contextmanager
def threads(count: int) -> Iterator[None]:
    """Let torch use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def demand_near(model: str, what: str, first: Tensor, second: Tensor) -> None:
    """Raise AssertionError unless two answers agree to float32's rounding."""
    apart = float((first - second).abs().max())
    demand(
        held=apart <= TOLERANCE,
        said=f"{model}: its answer depends on {what}: it moves by {apart:.3g} "
        f"(at most {TOLERANCE:g} is rounding)",
    )


def demand_refused(model: str, what: str, call: Callable[[], object]) -> None:
    """Raise AssertionError unless bad input is refused with a BadInput of one line."""
    try:
        call()
    except BadInput as error:
        demand(held="\n" not in str(error), said=f"{model}: {what} is refused in more than a line")
        return
    raise AssertionError(f"{model}: expected BadInput for {what}, it answered")
