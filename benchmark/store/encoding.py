"""Outputs as the store keeps them: images as PNG, heatmaps as .npy, numbers in the row."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.arrays import decode_array
from benchmark.core.errors import OutputError
from benchmark.core.types import Mask, Pixels
from benchmark.store.row import StoredRow

_DEFLATE = 1032  # the highest compression ratio of PNG
_WHITE = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredOutput:
    """The output of a job, encoded for the store.

    Attributes:
        key: the job's key.
        suffix: ".png" of an image, ".npy" of a heatmap, "" without a file.
        content: the file's bytes.
        score: a detector's score in [0, 1], or None.
        numbers: (K,) float64 values of a metric.
    """

    key: str
    suffix: str = ""
    content: bytes = b""
    score: float | None = None
    numbers: tuple[float, ...] = ()

    @property
    def row(self) -> StoredRow:
        """The row to store with the file."""
        file = f"{self.suffix}:{digest_of(self.content)}" if self.suffix else ""
        numbers = np.asarray(self.numbers, dtype="<f8").tobytes()
        return StoredRow(self.key, self.score, numbers, file)


def digest_of(content: bytes) -> str:
    """Return the digest of a file's content: 128 bits, as 32 hexadecimal digits."""
    return blake2b(content, digest_size=16).hexdigest()


def decode_image(content: bytes) -> Pixels | None:
    """Decode a PNG file to (H, W, 3) uint8 RGB; return None if it is not valid."""
    bgr = _decoded(content, cv2.IMREAD_COLOR, channels=3)
    return (
        None if bgr is None else cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
    )


def decode_mask(content: bytes) -> Mask | None:
    """Decode a black-and-white PNG file to (H, W) bool; return None if it is not valid."""
    gray = _decoded(content, cv2.IMREAD_GRAYSCALE, channels=1)
    return None if gray is None else gray > _WHITE // 2


def _decoded(content: bytes, flag: int, *, channels: int) -> NDArray[Any] | None:
    width, height = (int.from_bytes(content[at : at + 4], "big") for at in (16, 20))
    if channels * width * height > _DEFLATE * len(content):
        return None  # do not allocate the size that a damaged header claims
    try:
        return cv2.imdecode(np.frombuffer(content, dtype=np.uint8), flag)
    except cv2.error:
        return None


def decode_heatmap(content: bytes) -> NDArray[np.float16] | None:
    """Decode a .npy file to (H, W) float16; return None if it is not valid."""
    logits = decode_array(content)
    return logits if logits is not None and logits.dtype == np.float16 else None


def image_output(key: str, pixels: Pixels) -> StoredOutput:
    """Encode an image, (H, W, 3) uint8 RGB, without loss."""
    return _png(key, cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))


def mask_output(key: str, mask: Mask) -> StoredOutput:
    """Encode a mask, (H, W) bool, as a black-and-white image: white = hole."""
    return _png(key, mask * np.uint8(_WHITE))


def _png(key: str, pixels: NDArray[Any]) -> StoredOutput:
    # on images, smaller files and twice as fast as the default
    fast = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_STRATEGY, cv2.IMWRITE_PNG_STRATEGY_RLE]
    done, content = cv2.imencode(".png", pixels, fast)
    if not done:
        raise OutputError("an image could not be encoded as PNG")
    return StoredOutput(key=key, suffix=".png", content=content.tobytes())


def heatmap_output(key: str, logits: NDArray[np.float16], score: float) -> StoredOutput:
    """Encode a detector's heatmap, (H, W) float16 logits, and its score in [0, 1]."""
    file = BytesIO()
    np.save(file, logits, allow_pickle=False)
    return StoredOutput(key=key, suffix=".npy", content=file.getvalue(), score=score)


def metric_output(key: str, row: NDArray[np.float64]) -> StoredOutput:
    """Encode a metric's values of one sample: (K,) float64."""
    return StoredOutput(key=key, numbers=tuple(map(float, row)))
