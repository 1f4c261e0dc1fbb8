"""Products counted by `benchmarks/operations.py`, against counts by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from benchmarks.operations import Timed, lines

IMAGE, ROWS = torch.zeros(1, 3, 16, 16), torch.zeros(1, 2, 16, 8)


@pytest.mark.parametrize(
    ("call", "products"),
    [
        (lambda: nn.functional.conv2d(IMAGE, torch.zeros(4, 3, 3, 3)), 2 * 4 * 14 * 14 * 27),
        (
            lambda: nn.functional.conv_transpose2d(IMAGE, torch.zeros(3, 4, 2, 2), stride=2),
            2 * 256 * 3 * 16,
        ),
        (lambda: torch.zeros(4, 5) @ torch.zeros(5, 6), 2 * 4 * 5 * 6),
        (lambda: nn.functional.linear(ROWS, torch.zeros(6, 8)), 2 * 32 * 6 * 8),
        (
            lambda: nn.functional.scaled_dot_product_attention(ROWS, ROWS, ROWS),
            2 * 2 * 2 * 16**2 * 8,
        ),
        (lambda: IMAGE + 1, 0),
    ],
)
def test_products_are_counted(call: Callable[[], Tensor], products: int) -> None:
    with Timed(1e9, 1e9) as timed, torch.inference_mode():
        call()
    assert sum(kind.products for kind in timed.kinds.values()) == products


def test_the_bound_is_the_longer_of_products_and_memory() -> None:
    with Timed(1e12, 1e6) as timed, torch.inference_mode():
        IMAGE.relu()
    kind = timed.kinds["relu"]
    assert kind.bound == kind.memory == pytest.approx(2 * 4 * 3 * 16 * 16 / 1e6)
    assert "100 % is memory" in next(iter(lines("x", timed.kinds, 1e12)))
