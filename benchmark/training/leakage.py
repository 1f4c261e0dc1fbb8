"""Digests of all test images, which are excluded from training (data leakage)."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from benchmark.core.images import center_square, fit
from benchmark.core.types import Pixels
from benchmark.datasets import open_dataset

SIDE = 256  # pixels; the size at which most programs write the test images
LIST = "refused.txt"


def digest_of(pixels: Pixels) -> str:
    """The first 32 digits of the SHA-256 of an image's size and pixels, (H, W, 3) uint8.

    Independent of the (lossless) file format.
    """
    found = hashlib.sha256(repr(pixels.shape).encode())
    found.update(pixels.tobytes())
    return found.hexdigest()[:32]


@cache
def refused_digests() -> Mapping[str, str]:
    """Digests of all test images, by digest the name of the image.

    The images of the data set `samples`, as stored, cropped to their center square, and at 256x256,
    as the benchmark uses them; and a list of images behind the results of the mini edition, which
    are not shipped.

    Raises:
        DataError: if the data set's images are not installed.
    """
    listed = files(__package__).joinpath(LIST).read_text(encoding="utf-8").splitlines()
    rows = [line.split(maxsplit=1) for line in listed if not line.startswith("#")]
    found = dict(rows)
    samples = open_dataset("samples", images=None, size=None)
    for name in samples.ids():
        pixels = samples.load(name)
        for form in (pixels, center_square(pixels), fit(pixels, SIDE)):
            found[digest_of(form)] = f"{name} of samples"
    return found
