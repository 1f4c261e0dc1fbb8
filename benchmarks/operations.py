"""What a network's time goes into, and how near that is to what the processor can do.

Every operation of a forward pass is timed on one thread, together with its products
(multiplications and additions, as if convolutions were computed directly) and the bytes that it
must at least move (inputs and outputs, once each). Two measured rates bound it: float32 products (a
2048x2048 matrix product) and memory (the sum of two arrays of 64 MB). An operation's bound is the
longer of the two times; where that is the bytes', memory limits it. A network's bound is the sum
over its operations; NNPACK, which needs fewer products, can be below it.

    python -m benchmarks.operations --models fcf,psccnet
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import conv_flop_count, flop_registry

from benchmarks.models import NETWORKS, weights_of

SIDE = 2048  # of the matrices whose product gives the rate of products
ROUNDS = 5
SHOWN = 8  # kinds of operations in a table


@dataclass(slots=True)
class Kind:
    """Operations of one name in one forward pass.

    Attributes:
        calls: their number.
        seconds: their time.
        products: multiplications and additions.
        bound: the sum of their bounds, in seconds.
        memory: the part of `bound` that belongs to operations limited by memory.
    """

    calls: int = 0
    seconds: float = 0.0
    products: float = 0.0
    bound: float = 0.0
    memory: float = 0.0


class Timed(TorchDispatchMode):
    """Times every operation that is called inside it.

    Args:
        products: float32 products a second.
        moved: bytes a second.

    Attributes:
        kinds: what was measured, by the operation's name.
    """

    def __init__(self, products: float, moved: float) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._products, self._moved = products, moved
        self.kinds: dict[str, Kind] = defaultdict(Kind)

    def __torch_dispatch__(
        self,
        func: Any,
        types: object,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        start = time.perf_counter()
        out = func(*args, **(kwargs or {}))
        seconds = time.perf_counter() - start
        kind = self.kinds[func.overloadpacket.__name__]
        kind.calls += 1
        kind.seconds += seconds
        if any(part in func.name() for part in ("view", "empty", "permute", "slice", "expand")):
            return out  # moves nothing
        products = count_products(func, args, kwargs or {}, out)
        by_products = products / self._products
        by_memory = sum(map(size, tree_leaves((args, kwargs, out)))) / self._moved
        kind.products += products
        kind.bound += max(by_products, by_memory)
        kind.memory += by_memory if by_memory > by_products else 0
        return out


def size(value: object) -> int:
    """Return the bytes of a tensor, 0 for anything else."""
    return value.numel() * value.element_size() if isinstance(value, Tensor) else 0


def count_products(func: Any, args: Any, kwargs: Any, out: Any) -> float:
    """Return an operation's multiplications and additions, 0 if it is not a sum of products."""
    name = func.overloadpacket.__name__
    if name in ("matmul", "linear"):
        return 2.0 * float(out.numel()) * int(args[0].shape[-1])
    if name in ("conv2d", "_nnpack_spatial_convolution", "conv_transpose2d"):
        shapes = args[0].shape, args[1].shape, out.shape
        return float(conv_flop_count(*shapes, transposed=name == "conv_transpose2d"))
    if name == "scaled_dot_product_attention":
        queries, keys, values = (one.shape for one in args[:3])
        return float(2 * math.prod(queries[:-1]) * keys[-2] * (queries[-1] + values[-1]))
    counted = flop_registry.get(func.overloadpacket)
    return float(counted(*args, **kwargs, out_val=out)) if counted else 0.0


def rates() -> tuple[float, float]:
    """Return float32 products and bytes a second on one thread, each the best of some rounds."""
    left, right = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    first, second = torch.rand(2**24), torch.rand(2**24)
    out = torch.empty_like(first)
    products = best(lambda: left @ right)
    moved = best(lambda: torch.add(first, second, out=out))
    return 2 * SIDE**3 / products, 3 * out.element_size() * out.numel() / moved


def best(call: Callable[[], object]) -> float:
    """Return the shortest of some rounds, in seconds."""
    found = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        found.append(time.perf_counter() - start)
    return min(found)


def forward(name: str, weights: str) -> Callable[[], object]:
    """Return a call of a model, as a run loads it, on one image of 256x256."""
    from detectors import create_detector
    from inpainters import INPAINTERS, create_inpainter

    torch.manual_seed(0)
    image, mask = torch.rand(1, 3, 256, 256), torch.zeros(1, 1, 256, 256)
    mask[:, :, 64:192, 64:192] = 1
    if name in INPAINTERS:
        inpainter = create_inpainter(name, weights=weights or None)
        return lambda: inpainter.inpaint(image, mask)
    detector = create_detector(name, weights=weights or None)
    return lambda: detector.detect(image)


def measure(call: Callable[[], object], products: float, moved: float) -> dict[str, Kind]:
    """Return the operations of the fastest of some forward passes, by name."""
    call()
    passes = []
    for _ in range(ROUNDS):
        with Timed(products, moved) as timed:
            call()
        passes.append(timed.kinds)
    return min(passes, key=lambda kinds: sum(kind.seconds for kind in kinds.values()))


def lines(name: str, kinds: dict[str, Kind], rate: float) -> Iterator[str]:
    """Yield a Markdown table of one network, longest operations first."""
    every = kinds.values()
    seconds, bound = sum(one.seconds for one in every), sum(one.bound for one in every)
    share = sum(one.products for one in every) / rate / seconds
    memory = sum(one.memory for one in every) / bound
    yield (
        f"{name}: {seconds:.3f} s, {100 * share:.0f} % of the rate of products; bound "
        f"{bound:.3f} s ({100 * bound / seconds:.0f} % of the time), of which "
        f"{100 * memory:.0f} % is memory"
    )
    yield ""
    yield "| operation | calls | % of the time | % of the rate of products | bound, % of its time |"
    yield "| --- | --- | --- | --- | --- |"
    ordered = sorted(kinds.items(), key=lambda item: -item[1].seconds)
    for operation, one in ordered[:SHOWN]:
        rated = f"{100 * one.products / rate / one.seconds:.0f}" if one.products else ""
        yield (
            f"| {operation} | {one.calls} | {100 * one.seconds / seconds:.0f} | {rated} | "
            f"{100 * one.bound / one.seconds:.0f} |"
        )
    yield ""


def show(names: Iterable[str]) -> None:
    """Print the rates and a table for each model."""
    products, moved = rates()
    print(f"{products / 1e9:.0f} G products/s, {moved / 1e9:.1f} GB/s on one thread\n")
    for name in names:
        with weights_of(name) as weights:
            kinds = measure(forward(name, weights), products, moved)
        print("\n".join(lines(name, kinds, products)), flush=True)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", default=",".join(NETWORKS))
    options = parser.parse_args()
    torch.set_num_threads(1)
    show(options.models.split(","))


if __name__ == "__main__":
    main()
