"""Compare activations and outputs with expected values, within tolerances."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor, nn

from detectors.base import Detector
from inpainters.base import Inpainter

Values = NDArray[np.float64]
Hook = Callable[[nn.Module, tuple[Any, ...], Any], None]  # called with (module, inputs, output)
Pick = Callable[[nn.Module, tuple[Any, ...], Any], Any]  # selects from (module, inputs, output)
FIRST = 8  # leading values of a tensor in its summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """The allowed error of a value: the sum of three parts.

    Attributes:
        absolute: for every value.
        relative: times the magnitude of the expected value, or `floor` if that is smaller.
        floor: see `relative`.
        largest: times the magnitude of the largest finite expected value.
    """

    absolute: float = 0
    relative: float = 0
    floor: float = 0
    largest: float = 0

    def allowed(self, expected: Values) -> Values:
        """The allowed error at each expected value, of the same shape."""
        size = np.abs(np.where(np.isfinite(expected), expected, 0))
        scaled = self.relative * np.maximum(size, self.floor)
        return np.asarray(self.absolute + scaled + self.largest * size.max(initial=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """The deviation of one point from its expected values, at the worst value.

    Attributes:
        point: its name.
        error: the difference; infinite if shapes differ or only one value is finite.
        allowed: the allowed error.
    """

    point: str
    error: float
    allowed: float

    @property
    def share(self) -> float:
        """The ratio of the error to the allowed error; above 1 the point is out of tolerance."""
        if self.error == 0:
            return 0.0
        return self.error / self.allowed if self.allowed else float("inf")

    @property
    def moved(self) -> bool:
        """Whether the point is out of tolerance."""
        return self.share > 1


def deviation(
    point: str, actual: ArrayLike, expected: ArrayLike, tolerance: Tolerance
) -> Deviation:
    """Compare the values of one point, arrays of any shape; a scalar equals a one-element array."""
    ours, theirs = (
        np.atleast_1d(np.asarray(actual, float)),
        np.atleast_1d(np.asarray(expected, float)),
    )
    if ours.shape != theirs.shape:
        return Deviation(point=point, error=float("inf"), allowed=0.0)
    allowed = tolerance.allowed(theirs)
    with np.errstate(invalid="ignore", divide="ignore"):
        same = (ours == theirs) | (np.isnan(ours) & np.isnan(theirs))
        off = np.where(same, 0.0, np.abs(ours - theirs))
        off = np.where(np.isnan(off), np.inf, off)
        share = np.where(off == 0, 0.0, off / allowed)
    worst = np.unravel_index(int(share.argmax()), share.shape)
    return Deviation(point=point, error=float(off[worst]), allowed=float(allowed[worst]))


def summary(values: Tensor) -> Values:
    """Mean, standard deviation, minimum, maximum and the first eight values of a tensor, flat."""
    flat = values.detach().double().cpu().numpy().ravel()
    numbers = np.array([flat.mean(), flat.std(), flat.min(), flat.max()])
    return np.concatenate([numbers, flat[:FIRST]])


def network_of(model: Inpainter | Detector) -> nn.Module:
    """The network of a model: the module, or modules, among its attributes."""
    found = {name: part for name, part in vars(model).items() if isinstance(part, nn.Module)}
    return next(iter(found.values())) if len(found) == 1 else nn.ModuleDict(found)


@contextmanager
def forward_hooks(network: nn.Module, hooks: Iterable[tuple[str, Hook]]) -> Iterator[None]:
    """Register forward hooks on named modules; removed at the end of the context."""
    handles = [
        network.get_submodule(name).register_forward_hook(callback) for name, callback in hooks
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def tensor_or_number(values: object) -> Values:
    """A tensor or number as a float64 array."""
    if isinstance(values, Tensor):
        return values.detach().double().cpu().numpy()
    return np.asarray(values, dtype=np.float64)


def mask_tensor(mask: NDArray[Any]) -> Tensor:
    """An (H, W) mask, nonzero = hole, as a (1, 1, H, W) float32 tensor, 1 = hole."""
    return torch.from_numpy(mask > 0)[None, None].float()
