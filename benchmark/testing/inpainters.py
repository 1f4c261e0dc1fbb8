"""Contract checks of inpainters."""

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
    require,
    require_bad_input,
    require_close,
    sizes_for,
    threads,
)
from inpainters import INPAINTERS, create_inpainter
from inpainters.base import Inpainter


def check_inpainter(
    what: str | type[Inpainter] | Inpainter, *, weights: str | Path | None = None
) -> None:
    """Check that an inpainter meets the requirements of all inpainters.

    Args:
        what: a class, an instance, or a name as for `bench run --inpainter`.
        weights: as for `create_inpainter`.

    Raises:
        AssertionError: naming the requirement that is not met.
        BenchError: if it cannot be created.
    """
    if isinstance(what, str):
        kind = INPAINTERS.load(what)
        check_card(kind.card, name=what if ":" not in what else "")
        inpainter = create_inpainter(what, weights=weights)
    else:
        require(
            condition=isinstance(what, Inpainter)
            or (isinstance(what, type) and issubclass(what, Inpainter)),
            message=f"{what!r} is not an Inpainter: expected a subclass of inpainters.base."
            "Inpainter",
        )
        check_card(getattr(what, "card", None))
        inpainter = what if isinstance(what, Inpainter) else what(weights=weights)
    for check in INPAINTER_CHECKS.values():
        check(inpainter)


def draw(height: int, width: int, count: int = 1) -> tuple[Tensor, Tensor]:
    """Return smooth random images on the 8-bit grid, each with a different rectangular hole.

    Returns:
        Images (count, 3, height, width) float32 in [0, 1], and masks (count, 1, height, width)
        float32, 1 = hole.
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


def _inpaint(inpainter: Inpainter, images: Tensor, masks: Tensor, *, seed: int = 0) -> Tensor:
    try:
        return inpainter.inpaint(images, masks, seed=seed)
    except BadOutput as error:
        raise AssertionError(str(error)) from error


def known_pixels_are_kept(inpainter: Inpainter) -> None:
    """Known pixels are returned bit for bit, at any size, and all values are in [0, 1]."""
    name = inpainter.card.name
    for size in sizes_for(inpainter.card):
        images, masks = draw(*size)
        filled = _inpaint(inpainter, images, masks)
        require(
            condition=filled.shape == images.shape and filled.dtype == torch.float32,
            message=f"{name}: expected float32 of shape {tuple(images.shape)}, "
            f"got {filled.dtype} of shape {tuple(filled.shape)}",
        )
        known = (masks == 0).expand_as(images)
        changed = int((filled[known] != images[known]).sum())
        require(
            condition=not changed, message=f"{name}: {changed} known values changed at size {size}"
        )
        low, high = (float(value) for value in filled.aminmax())
        require(
            condition=0 <= low <= high <= 1,
            message=f"{name}: expected values in [0, 1], got [{low:.4g}, {high:.4g}]",
        )


def hole_is_inpainted(inpainter: Inpainter) -> None:
    """The hole changes, unless the card declares `paints=False`."""
    images, masks = _draw(inpainter)
    filled = _inpaint(inpainter, images, masks)
    changed = bool(((filled != images) & masks.bool()).any())
    require(
        condition=changed == inpainter.card.paints,
        message=f"{inpainter.card.name}: {'changes' if changed else 'does not change'} the hole, "
        f"but its card declares paints={inpainter.card.paints}",
    )


def output_is_independent_of_batch(inpainter: Inpainter) -> None:
    """The output for an image does not depend on the other images of the batch."""
    images, masks = _draw(inpainter, count=3)
    alone = [
        _inpaint(inpainter, image[None], mask[None])
        for image, mask in zip(images, masks, strict=True)
    ]
    together = _inpaint(inpainter, images, masks)
    require_close(inpainter.card.name, "the other images of the batch", together, torch.cat(alone))


def output_is_independent_of_threads(inpainter: Inpainter) -> None:
    """The output does not depend on the number of threads."""
    images, masks = _draw(inpainter)
    with threads(1):
        one = _inpaint(inpainter, images, masks)
    with threads(2):
        two = _inpaint(inpainter, images, masks)
    require_close(inpainter.card.name, "the number of threads", one, two)


def output_is_deterministic(inpainter: Inpainter) -> None:
    """Two calls with the same input and seed agree and do not modify the input."""
    images, masks = _draw(inpainter)
    before = images.clone(), masks.clone()
    name = inpainter.card.name
    first, second = (_inpaint(inpainter, images, masks, seed=3) for _ in range(2))
    require(
        condition=torch.equal(first, second),
        message=f"{name}: two calls with the same input and seed differ; derive randomness from "
        "`seed`",
    )
    require(
        condition=torch.equal(images, before[0]) and torch.equal(masks, before[1]),
        message=f"{name}: modifies its input",
    )


def hole_content_is_used_as_declared(inpainter: Inpainter) -> None:
    """The content of the hole affects the output only if the card declares `sees_hole`."""
    images, masks = _draw(inpainter)
    hole = masks.bool().expand_as(images)
    other = images.clone()
    other[hole] = 1 - images[hole]
    name, sees = inpainter.card.name, inpainter.card.sees_hole
    first, second = (_inpaint(inpainter, one, masks)[hole] for one in (images, other))
    depends = not torch.equal(first, second)
    require(
        condition=depends == sees,
        message=f"{name}: the output {'depends' if depends else 'does not depend'} on the content "
        f"of the hole, but its card declares sees_hole={sees}",
    )
    blind = [_inpaint(inpainter, hole_blind(one, masks), masks) for one in (images, other)]
    require(
        condition=torch.equal(*blind),
        message=f"{name}: the output depends on content of the hole that was overwritten",
    )


def empty_mask_changes_nothing(inpainter: Inpainter) -> None:
    """An image without a hole is returned unchanged."""
    images, masks = _draw(inpainter)
    filled = _inpaint(inpainter, images, torch.zeros_like(masks))
    require(
        condition=torch.equal(filled, images),
        message=f"{inpainter.card.name}: changes an image without a hole",
    )


def full_mask_gives_finite_values(inpainter: Inpainter) -> None:
    """An image without known pixels is inpainted without NaN or infinity."""
    images, masks = _draw(inpainter)
    filled = _inpaint(inpainter, images, torch.ones_like(masks))
    require(
        condition=bool(torch.isfinite(filled).all()),
        message=f"{inpainter.card.name}: returns NaN or infinity for an image without known pixels",
    )


def bad_input_is_rejected(inpainter: Inpainter) -> None:
    """Wrong shapes, dtypes and ranges raise BadInput with a one-line message."""
    images, masks = _draw(inpainter)
    broken = images.clone()
    broken[0, 0, 0, 0] = torch.nan
    cases: dict[str, tuple[Tensor, Tensor]] = {
        "an empty batch": (images[:0], masks[:0]),
        "a gray image": (images[:, :1], masks),
        "uint8": ((images * 255).byte(), masks),
        "values above 1": (images * 2, masks),
        "NaN": (broken, masks),
        "a mask of another size": (images, masks[:, :, :32]),
        "a wrong number of masks": (images, masks.repeat(2, 1, 1, 1)),
        "a soft mask": (images, masks * 0.5),
        "a mask without channel dimension": (images, masks[:, 0]),
    }
    for what, pair in cases.items():
        require_bad_input(inpainter.card.name, what, _call(inpainter, *pair))
    side = inpainter.card.min_side - 1
    if side >= 1:
        small = torch.zeros(1, 3, side, 64), torch.ones(1, 1, side, 64)
        require_bad_input(
            inpainter.card.name, "an image below the minimum size", _call(inpainter, *small)
        )
    extra = {"nonsense": torch.zeros(1)}
    require_bad_input(
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
            hole_is_inpainted,
            output_is_independent_of_batch,
            output_is_independent_of_threads,
            output_is_deterministic,
            hole_content_is_used_as_declared,
            empty_mask_changes_nothing,
            full_mask_gives_finite_values,
            bad_input_is_rejected,
        )
    }
)
