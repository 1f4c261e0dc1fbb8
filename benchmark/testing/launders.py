"""Contract checks of post-processing steps."""

from __future__ import annotations

import re

import numpy as np

from benchmark.core.errors import BadInput
from benchmark.core.types import Pixels
from benchmark.postprocess import LAUNDERS, Launder
from benchmark.testing.models import require

SIZES = ((64, 64), (70, 93), (96, 64))  # (height, width): square, odd, taller than wide
_KIND = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def check_launder(what: str | type[Launder], argument: str = "") -> None:
    """Check that a post-processing step meets the requirements of all, and can be applied here.

    Args:
        what: the class, or the name of a registered step.
        argument: an argument for which it is checked.

    Raises:
        AssertionError: naming the requirement that is not met.
    """
    kind = LAUNDERS.load(what) if isinstance(what, str) else what
    name = getattr(kind, "kind", "")
    require(
        condition=bool(_KIND.fullmatch(name)),
        message=f"{kind.__name__}: expected a `kind` of letters, digits and ._-, got {name!r}",
    )
    require(
        condition=not isinstance(what, str) or name == what,
        message=f"expected a class with kind {what!r}, got {name!r}",
    )
    require(
        condition=kind.revision >= 1,
        message=f"{name}: expected revision >= 1, got {kind.revision}",
    )
    step = kind(argument)
    argument_is_canonical(step)
    step.check()
    for height, width in SIZES:
        sizes_agree(step, height, width)
        result_is_repeatable(step, height, width)


def argument_is_canonical(step: Launder) -> None:
    """The label makes an equal step, has no "+", "," or unprintable characters, and one line."""
    again = type(step)(step.argument)
    require(
        condition=again.label == step.label and again.key == step.key,
        message=f"{step.label}: its argument {step.argument!r} makes another step, {again.label}",
    )
    require(
        condition=not set("+,") & set(step.label) and step.label.isprintable(),
        message=f'{step.label!r}: a label must not contain "+", "," or unprintable characters',
    )
    try:
        type(step)("\u2603 no argument")
    except BadInput as error:
        require(
            condition="\n" not in str(error),
            message=f"{step.label}: the message for a bad argument has more than one line",
        )


def sizes_agree(step: Launder, height: int, width: int) -> None:
    """`apply`, `resized` and `truth` return arrays of the size that `size` promises."""
    pixels, mask = draw(height, width), np.zeros((height, width), np.bool_)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    size = step.size(height, width)
    for what, found, expected in (
        ("apply", step.apply(pixels, seed=0), (*size, 3)),
        ("resized", step.resized(pixels), (*size, 3)),
        ("truth", step.truth(mask), size),
    ):
        dtype = np.dtype(np.bool_ if what == "truth" else np.uint8)
        require(
            condition=found.shape == expected and found.dtype == dtype,
            message=f"{step.label}: expected {expected} {dtype} from {what} for {height}x{width} "
            f"pixels, got {found.shape} {found.dtype}",
        )


def result_is_repeatable(step: Launder, height: int, width: int) -> None:
    """The same image and seed give the same result; only a random step depends on the seed."""
    pixels = draw(height, width)
    before = pixels.copy()
    first, second = step.apply(pixels, seed=1), step.apply(pixels, seed=1)
    require(
        condition=np.array_equal(pixels, before),
        message=f"{step.label}: apply changes the image that it is given",
    )
    require(
        condition=np.array_equal(first, second),
        message=f"{step.label}: two calls with the same seed return different images",
    )
    depends = not np.array_equal(first, step.apply(pixels, seed=2))
    require(
        condition=depends == step.is_random,
        message=f"{step.label}: is_random is {step.is_random}, but the result "
        f"{'depends' if depends else 'does not depend'} on the seed",
    )


def draw(height: int, width: int) -> Pixels:
    """Return an image of smooth random colors, (H, W, 3) uint8."""
    generator = np.random.default_rng(height * width)
    small = generator.integers(0, 256, (height // 8 + 1, width // 8 + 1, 3), dtype=np.uint8)
    return np.repeat(np.repeat(small, 8, axis=0), 8, axis=1)[:height, :width].copy()
