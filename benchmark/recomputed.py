"""Recomputed outputs compared with the stored ones: the same, within rounding, or different."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmark.store.check import StoreFinding
from benchmark.store.encoding import StoredOutput, decode_heatmap, decode_image

LEVELS = 2  # of 255: tolerance of an image, for another processor or number of threads
SHARE = 0.01  # of an image's values that may differ by so much
LOGIT = 0.05  # tolerance of a heatmap
NUMBER = 1e-3  # tolerance of a score; of a metric's value relative to it
FROM_MAP = 0.01  # of a metric made from a map: of one that is nearly constant, rounding decides

State = Literal["same", "near", "other"]


class Comparison(NamedTuple):
    """A recomputed output compared with the stored one.

    Attributes:
        state: "same" to the bit, "near" within rounding, or "other".
        finding: the finding of "other", else None.
        key: the output's key.
    """

    state: State
    finding: StoreFinding | None
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recomputed:
    """The result of recomputing outputs.

    Attributes:
        tried: number of recomputed outputs.
        same: number that are the same to the bit.
        near: number that differ by no more than another machine's rounding.
        findings: one for each that differs.
        left: number of chosen outputs that could not be recomputed, by the reason.
        agreed: keys of the outputs that are the same or near.
    """

    tried: int
    same: int
    near: int
    findings: tuple[StoreFinding, ...]
    left: Mapping[str, int]
    agreed: frozenset[str] = frozenset()

    def document(self, seed: int) -> dict[str, object]:
        """Return the result as plain values for JSON."""
        others = len(self.findings)
        return {
            "seed": seed, "tried": self.tried, "same": self.same, "near": self.near,
            "other": others, "left": dict(self.left),
        }  # fmt: skip

    def lines(self, seed: int) -> Iterator[str]:
        """Yield the result as lines for the user.

        Args:
            seed: seed of the random choice.
        """
        yield (
            f"Recomputed {self.tried} outputs (seed {seed}): {self.same} identical, "
            f"{self.near} within rounding, {len(self.findings)} different."
        )
        for reason, count in self.left.items():
            yield f"Not recomputed: {count} ({reason})."


def compare_images(old: NDArray[np.uint8], new: StoredOutput) -> State:
    """Compare a stored image, (H, W, 3) uint8, with a recomputed one."""
    made = decode_image(new.content)
    if made is None or made.shape != old.shape:
        return "other"
    difference = np.abs(made.astype(np.int16) - old.astype(np.int16))
    if not difference.any():
        return "same"
    return "near" if difference.max() <= LEVELS and (difference > 0).mean() <= SHARE else "other"


def compare_detections(old: NDArray[np.float16], new: StoredOutput, score: float | None) -> State:
    """Compare a stored detection, (H, W) float16 logits and a score, with a recomputed one."""
    made = decode_heatmap(new.content)
    if made is None or made.shape != old.shape or score is None or new.score is None:
        return "other"
    if np.array_equal(made, old) and new.score == score:
        return "same"
    close = np.allclose(made.astype(np.float32), old.astype(np.float32), atol=LOGIT, rtol=1e-2)
    return "near" if close and abs(new.score - score) <= NUMBER else "other"


def differ(old: Sequence[float], again: Sequence[float]) -> bool:
    """Return whether values of a metric differ by more than `FROM_MAP`."""
    same = len(old) == len(again)
    return not (same and np.allclose(old, again, rtol=0, atol=FROM_MAP, equal_nan=True))


def compare_numbers(old: NDArray[np.float64] | None, new: NDArray[np.float64]) -> State:
    """Compare a metric's stored values, (K,), with recomputed ones."""
    if old is None or old.shape != new.shape:
        return "other"
    if np.array_equal(old, new, equal_nan=True):
        return "same"
    close = np.allclose(old, new, rtol=NUMBER, atol=NUMBER, equal_nan=True)
    return "near" if close else "other"
