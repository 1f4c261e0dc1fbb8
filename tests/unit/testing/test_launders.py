"""`check_launder` names the requirement that a step does not meet."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.core.types import Pixels
from benchmark.postprocess import Launder
from benchmark.testing import check_launder


class Fine(Launder):
    kind = "fine"

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        return 255 - pixels


class Smaller(Fine):
    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        return pixels[1:]


class Floats(Fine):
    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        return pixels / 2  # type: ignore[return-value]


class Secret(Fine):
    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        return pixels + np.uint8(seed)


class Loud(Fine):
    is_random = True


class InPlace(Fine):
    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        pixels[0] = 0
        return pixels


class Plus(Fine):
    def __init__(self, argument: str) -> None:
        super().__init__(argument or "a+b")


class Nameless(Fine):
    kind = "a b"


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (Smaller, "from apply for 64x64 pixels, got"),
        (Floats, "uint8 from apply"),
        (Secret, "is_random is False, but the result depends on the seed"),
        (Loud, "is_random is True, but the result does not depend"),
        (InPlace, "apply changes the image that it is given"),
        (Plus, "must not contain"),
        (Nameless, "expected a `kind` of letters"),
    ],
)
def test_what_a_step_breaks_is_named(kind: type[Launder], said: str) -> None:
    check_launder(Fine)
    with pytest.raises(AssertionError, match=said):
        check_launder(kind)
