"""Lossy image formats by Pillow: encode and decode in memory."""

from __future__ import annotations

from abc import abstractmethod
from functools import cache
from io import BytesIO
from typing import Any, ClassVar

import numpy as np
from PIL import Image
from PIL import __version__ as pillow

from benchmark.core.errors import BadOutput, ExternalError
from benchmark.core.types import Pixels
from benchmark.postprocess.base import NumericLaunder, WholeLaunder

_FAILURES = (OSError, ValueError, KeyError, RuntimeError)  # of Pillow's encoders


class Codec(NumericLaunder):
    """A format of Pillow.

    Attributes:
        format: Pillow's name of the format.
        install: the command that installs the codec.
    """

    format: ClassVar[str]
    install: ClassVar[str] = "pip install --upgrade pillow"

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Return the arguments of `Image.save`."""

    def check(self) -> None:
        """Check that Pillow has the codec.

        Raises:
            ExternalError: if not.
        """
        reason = _missing(type(self), self.argument)
        if reason:
            raise ExternalError(
                f"post-processing {self.label}: Pillow {pillow} cannot write {self.format} here "
                f"({reason}); get it with {self.install}"
            )

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Encode and decode the image.

        Raises:
            BadOutput: if the codec does not take the size.
        """
        file = BytesIO()
        try:
            Image.fromarray(pixels).save(file, format=self.format, **self.options())
            with Image.open(file, formats=(self.format,)) as image:
                return np.asarray(image)
        except _FAILURES as error:
            size = f"{pixels.shape[1]}x{pixels.shape[0]}"
            raise BadOutput(f"{self.label}: cannot encode {size} pixels ({error})") from None


@cache
def _missing(kind: type[Codec], argument: str) -> str:
    """Return why a small image cannot be encoded, or ""."""
    try:
        kind(argument).apply(np.zeros((16, 16, 3), np.uint8), seed=0)
    except BadOutput as error:
        return str(error).rpartition("(")[2].rstrip(")") or "no such encoder"
    return ""


class _Quality(Codec, WholeLaunder):
    """A format with a quality of 1 to 100."""

    usage = "QUALITY"
    low, high = 1.0, 100.0
    expected = "a whole quality from 1 to 100"


class Jpeg(_Quality):
    """Compress as JPEG: Pillow (libjpeg-turbo), default tables, 4:2:0 subsampling."""

    kind, format = "jpeg", "JPEG"

    def options(self) -> dict[str, Any]:
        """Return the quality."""
        return {"quality": round(self.strength)}


class WebP(_Quality):
    """Compress as lossy WebP: Pillow (libwebp), method 4, 4:2:0 subsampling."""

    kind, format = "webp", "WEBP"

    def options(self) -> dict[str, Any]:
        """Return the quality and the effort."""
        return {"quality": round(self.strength), "lossless": False, "method": 4}


class Avif(_Quality):
    """Compress as AVIF: Pillow (libavif) with the encoder aom, speed 6, 4:2:0, one thread."""

    kind, format = "avif", "AVIF"
    install = "pip install 'pillow>=11.3'"

    def options(self) -> dict[str, Any]:
        """Return the quality, and everything that would depend on the machine."""
        quality = round(self.strength)
        fixed = {"subsampling": "4:2:0", "range": "full", "speed": 6, "max_threads": 1}
        return {"quality": quality, "codec": "aom", **fixed}


class Jpeg2000(Codec):
    """Compress as JPEG 2000 to about one RATIO-th: Pillow (OpenJPEG), the lossy 9/7 wavelet.

    RATIO is the raw size, 3 bytes a pixel, over the size that the encoder aims at.
    """

    kind, usage, format = "jpeg2000", "RATIO", "JPEG2000"
    low, high = 2.0, 500.0
    expected = "a compression ratio from 2 to 500"

    def options(self) -> dict[str, Any]:
        """Return the rate."""
        return {
            "irreversible": True, "quality_mode": "rates", "quality_layers": [self.strength],
        }  # fmt: skip
