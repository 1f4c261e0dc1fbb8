"""Points at which a model's run is compared: inside its network (taps) and what comes out of it."""

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
Hear = Callable[[nn.Module, tuple[Any, ...], Any], None]  # of a module that has run
Pick = Callable[[nn.Module, tuple[Any, ...], Any], Any]  # of a module, what enters and leaves it
FIRST = 8  # values of a tensor that its summary holds


@dataclass(frozen=True, slots=True, kw_only=True)
class Tolerance:
    """How far a value may be from the expected one: the sum of three allowances.

    Attributes:
        absolute: for every value.
        relative: times the expected value's size, or `floor` where it is smaller.
        floor: see `relative`.
        largest: times the size of the largest finite value that is expected.
    """

    absolute: float = 0
    relative: float = 0
    floor: float = 0
    largest: float = 0

    def allowed(self, expected: Values) -> Values:
        """What is allowed at each of the expected values, of their shape."""
        size = np.abs(np.where(np.isfinite(expected), expected, 0))
        scaled = self.relative * np.maximum(size, self.floor)
        return np.asarray(self.absolute + scaled + self.largest * size.max(initial=0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Deviation:
    """How far one point is from what is expected, at its worst value.

    Attributes:
        point: its name.
        error: the difference there; infinite where a shape differs or only one is finite.
        allowed: what is allowed there.
    """

    point: str
    error: float
    allowed: float

    @property
    def share(self) -> float:
        """The error as a share of what is allowed; above 1 the point has moved."""
        if self.error == 0:
            return 0.0
        return self.error / self.allowed if self.allowed else float("inf")

    @property
    def moved(self) -> bool:
        """Whether it is more than what is allowed."""
        return self.share > 1


def deviation(
    point: str, actual: ArrayLike, expected: ArrayLike, tolerance: Tolerance
) -> Deviation:
    """Compare one point's values; a number and an array of one number are alike."""
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
    """A tensor's mean, standard deviation, minimum, maximum, and its first eight values."""
    flat = values.detach().double().cpu().numpy().ravel()
    numbers = np.array([flat.mean(), flat.std(), flat.min(), flat.max()])
    return np.concatenate([numbers, flat[:FIRST]])


def network_of(model: Inpainter | Detector) -> nn.Module:
    """The network that a model runs: the module, or the modules, among its attributes."""
    found = {name: part for name, part in vars(model).items() if isinstance(part, nn.Module)}
    return next(iter(found.values())) if len(found) == 1 else nn.ModuleDict(found)


@contextmanager
def listening(network: nn.Module, hear: Iterable[tuple[str, Hear]]) -> Iterator[None]:
    """Call back with (module, inputs, output) whenever one of the named modules has run."""
    handles = [
        network.get_submodule(name).register_forward_hook(callback) for name, callback in hear
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def tensor_or_number(values: object) -> Values:
    """A tensor or a number as an array."""
    if isinstance(values, Tensor):
        return values.detach().double().cpu().numpy()
    return np.asarray(values, dtype=np.float64)


def hole_tensor(mask: NDArray[Any]) -> Tensor:
    """(H, W), not 0 in the hole, as (1, 1, H, W) float32, 1 = hole."""
    return torch.from_numpy(mask > 0)[None, None].float()
