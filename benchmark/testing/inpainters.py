"""What every inpainter must do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.core.errors import BadOutput
from benchmark.core.tensors import hole_blind
from benchmark.testing.models import (
    check_card,
    demand,
    demand_near,
    demand_refused,
    sizes_for,
    threads,
)
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter


def check_inpainter(
    what: str | type[Inpainter] | Inpainter, *, weights: str | Path | None = None
) -> None:
    """Check that an inpainter does what every inpainter must do.

    Args:
        what: its class, an inpainter, or its name as for `bench run --inpainter`.
        weights: as for `create_inpainter`.

    Raises:
        AssertionError: saying in plain words what it does not do.
        BenchError: if it cannot be made.
    """
    if isinstance(what, str):
        kind = INPAINTERS.load(what)
        check_card(kind.card, name=what if ":" not in what else "")
        inpainter = create_inpainter(what, weights=weights)
    else:
        demand(
            held=isinstance(what, Inpainter)
            or (isinstance(what, type) and issubclass(what, Inpainter)),
            said=f"{what!r} is no Inpainter: expected a subclass of inpainters.base.Inpainter",
        )
        check_card(getattr(what, "card", None))
        inpainter = what if isinstance(what, Inpainter) else what(weights=weights)
    for check in INPAINTER_CHECKS.values():
        check(inpainter)


def draw(height: int, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    """Smooth images on the 8-bit grid, each with a hole of its own.

    Returns:
        (count, 3, height, width) in [0, 1] and (count, 1, height, width) of 0 and 1.
    """
    generator = torch.Generator().manual_seed(height * 1000 + width)
    coarse = torch.rand(count, 3, 8, 8, generator=generator)
    images = F.interpolate(coarse, (height, width), mode="bilinear")
    masks = torch.zeros(count, 1, height, width)
    for row in range(count):
        top, left = height // 4 + 3 * row, width // 4 + row
        masks[row, :, top : top + height // 3, left : left + width // 3] = 1
    return (images * 255).round() / 255, masks


def _draw(inpainter: Inpainter, count: int = 1) -> tuple[Tensor, Tensor]:
    return draw(*sizes_for(inpainter.card)[0], count=count)


def _painted(inpainter: Inpainter, images: Tensor, masks: Tensor, *, seed: int = 0) -> Tensor:
    try:
        return inpainter.inpaint(images, masks, seed=seed)
    except BadOutput as error:
        raise AssertionError(str(error)) from error


def known_pixels_are_kept(inpainter: Inpainter) -> None:
    """Known pixels come back bit for bit, at any size, in [0, 1]."""
    name = inpainter.card.name
    for size in sizes_for(inpainter.card):
        images, masks = draw(*size)
        filled = _painted(inpainter, images, masks)
        demand(
            held=filled.shape == images.shape and filled.dtype == torch.float32,
            said=f"{name}: expected float32 of shape {tuple(images.shape)}, "
            f"it answered {filled.dtype} of shape {tuple(filled.shape)}",
        )
        known = (masks == 0).expand_as(images)
        changed = int((filled[known] != images[known]).sum())
        demand(held=not changed, said=f"{name}: {changed} known values changed at size {size}")
        low, high = (float(value) for value in filled.aminmax())
        demand(
            held=0 <= low <= high <= 1,
            said=f"{name}: it answered values in [{low:.4g}, {high:.4g}]",
        )


def the_hole_is_painted(inpainter: Inpainter) -> None:
    """Something in the hole changes, unless the card says that it does not paint."""
    images, masks = _draw(inpainter)
    filled = _painted(inpainter, images, masks)
    changed = bool(((filled != images) & masks.bool()).any())
    demand(
        held=changed == inpainter.card.paints,
        said=f"{inpainter.card.name}: it {'changed' if changed else 'left'} the hole "
        f"{'' if changed else 'as it was '}and its card says inpaints={inpainter.card.paints}",
    )


def the_batch_changes_nothing(inpainter: Inpainter) -> None:
    """An image's answer does not depend on the images beside it."""
    images, masks = _draw(inpainter, count=3)
    alone = [
        _painted(inpainter, image[None], mask[None])
        for image, mask in zip(images, masks, strict=True)
    ]
    together = _painted(inpainter, images, masks)
    demand_near(inpainter.card.name, "the images beside it", together, torch.cat(alone))


def threads_change_nothing(inpainter: Inpainter) -> None:
    """The answer does not depend on the number of threads."""
    images, masks = _draw(inpainter)
    with threads(1):
        one = _painted(inpainter, images, masks)
    with threads(2):
        two = _painted(inpainter, images, masks)
    demand_near(inpainter.card.name, "the number of threads", one, two)


def the_same_seed_gives_the_same_answer(inpainter: Inpainter) -> None:
    """The same call answers the same, and leaves its input as it was."""
    images, masks = _draw(inpainter)
    before = images.clone(), masks.clone()
    name = inpainter.card.name
    first, second = (_painted(inpainter, images, masks, seed=3) for _ in range(2))
    demand(
        held=torch.equal(first, second),
        said=f"{name}: the same image and seed got two answers; draw from `seed` alone",
    )
    demand(
        held=torch.equal(images, before[0]) and torch.equal(masks, before[1]),
        said=f"{name}: it changed the image or the mask that it was given",
    )


def the_hole_is_looked_into_as_the_card_says(inpainter: Inpainter) -> None:
    """What the image shows inside the hole reaches the answer only where the card says so."""
    images, masks = _draw(inpainter)
    hole = masks.bool().expand_as(images)
    other = images.clone()
    other[hole] = 1 - images[hole]
    name, sees = inpainter.card.name, inpainter.card.sees_hole
    first, second = (_painted(inpainter, one, masks)[hole] for one in (images, other))
    looked = not torch.equal(first, second)
    demand(
        held=looked == sees,
        said=f"{name}: its answer {'depends' if looked else 'does not depend'} on what the image "
        f"shows inside the hole, and its card says sees_hole={sees}",
    )
    blind = [_painted(inpainter, hole_blind(one, masks), masks) for one in (images, other)]
    demand(
        held=torch.equal(*blind), said=f"{name}: it finds the hole's content although it is gone"
    )


def nothing_to_paint_changes_nothing(inpainter: Inpainter) -> None:
    """An image without a hole comes back as it is."""
    images, masks = _draw(inpainter)
    filled = _painted(inpainter, images, torch.zeros_like(masks))
    demand(
        held=torch.equal(filled, images),
        said=f"{inpainter.card.name}: it changed an image without a hole",
    )


def all_hole_gives_a_picture(inpainter: Inpainter) -> None:
    """An image of which nothing is known gets an answer without NaN."""
    images, masks = _draw(inpainter)
    filled = _painted(inpainter, images, torch.ones_like(masks))
    demand(
        held=bool(torch.isfinite(filled).all()),
        said=f"{inpainter.card.name}: it answered NaN where nothing is known",
    )


def bad_input_is_refused(inpainter: Inpainter) -> None:
    """Other shapes, types and ranges are refused in a line."""
    images, masks = _draw(inpainter)
    broken = images.clone()
    broken[0, 0, 0, 0] = torch.nan
    cases: dict[str, tuple[Tensor, Tensor]] = {
        "a batch of zero": (images[:0], masks[:0]),
        "a grey image": (images[:, :1], masks),
        "uint8": ((images * 255).byte(), masks),
        "values above 1": (images * 2, masks),
        "NaN": (broken, masks),
        "a mask of another size": (images, masks[:, :, :32]),
        "masks of another count": (images, masks.repeat(2, 1, 1, 1)),
        "a soft mask": (images, masks * 0.5),
        "a mask without its channel": (images, masks[:, 0]),
    }
    for what, pair in cases.items():
        demand_refused(inpainter.card.name, what, _call(inpainter, *pair))
    side = inpainter.card.min_side - 1
    if side >= 1:
        small = torch.zeros(1, 3, side, 64), torch.ones(1, 1, side, 64)
        demand_refused(inpainter.card.name, "too small an image", _call(inpainter, *small))
    extra = {"nonsense": torch.zeros(1)}
    demand_refused(
        inpainter.card.name,
        "unknown latents",
        lambda: inpainter.inpaint(images, masks, latents=extra),
    )


def _call(inpainter: Inpainter, images: Tensor, masks: Tensor) -> Callable[[], Tensor]:
    return lambda: inpainter.inpaint(images, masks)


INPAINTER_CHECKS: Mapping[str, Callable[[Inpainter], None]] = MappingProxyType(
    {
        check.__name__: check
        for check in (
            known_pixels_are_kept,
            the_hole_is_painted,
            the_batch_changes_nothing,
            threads_change_nothing,
            the_same_seed_gives_the_same_answer,
            the_hole_is_looked_into_as_the_card_says,
            nothing_to_paint_changes_nothing,
            all_hole_gives_a_picture,
            bad_input_is_refused,
        )
    }
)
