"""`spandrel:FILE`: super-resolution or restoration by any network that spandrel knows."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.core.errors import BadInput, BadOutput, WeightsError
from benchmark.core.external.optional import warn_of_version
from benchmark.core.external.spandrel_networks import (
    EXPECTED,
    HOW,
    SpandrelNetwork,
    digest_of_network,
    library,
    read_network,
)
from benchmark.core.image_open import MOST_PIXELS
from benchmark.core.paths import expand_home
from benchmark.core.types import Pixels
from benchmark.postprocess.base import Launder, eight_bits


class SuperResolution(Launder):
    """Enlarge by a network read from FILE (.safetensors or .pth), and resize to the size before.

    The network is found by spandrel from the names and shapes of the weights; nothing in the file
    is executed. Its output is rounded to 8 bits and resized by Pillow's bicubic filter, so that
    heatmaps and ground truth keep their size; a network of scale 1 (restoration) needs no resizing.
    Runs on the CPU in float32. The key contains the file's SHA-256 and the version of spandrel.
    """

    kind, usage = "spandrel", "FILE"

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        if not self.argument:
            raise BadInput("expected spandrel:FILE with a .safetensors or .pth file")
        self._path = expand_home(Path(self.argument))

    @property
    def name(self) -> str:
        """The step with the file's name in place of its path."""
        return f"{self.kind}:{self._path.stem}"

    @property
    def reads_files(self) -> bool:
        """Whether the argument names files: yes."""
        return True

    @property
    def key(self) -> str:
        """The library's version and the file's hash, not its path."""
        digest = self._digest()
        return f"{_libraries(self._path, digest)} sha256:{digest}"

    def check(self) -> None:
        """Load the network.

        Raises:
            ExternalError: if spandrel is not installed.
            WeightsError: if the file is missing, damaged, refused, or no such network.
        """
        library()
        _load(self._path, self._digest())
        warn_of_version("spandrel", expected=EXPECTED, how=HOW)

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Enlarge the image and resize it back.

        Raises:
            BadOutput: if the network fails on the image, or the enlarged one is too large.
        """
        network = _load(self._path, self._digest()).descriptor
        height, width = pixels.shape[:2]
        if network.scale**2 * height * width > MOST_PIXELS:
            raise BadOutput(
                f"{self.name}: {network.scale} times {width}x{height} pixels are more than "
                f"{MOST_PIXELS // 10**6} million"
            )
        large = _run(network, pixels, self.name)
        if large.shape == pixels.shape:
            return large
        return np.asarray(Image.fromarray(large).resize((width, height), Image.Resampling.BICUBIC))

    def _digest(self) -> str:
        return digest_of_network(self._path)


@lru_cache(maxsize=64)
def _libraries(path: Path, digest: str) -> str:
    """Return the versions of the libraries that a network comes from, without keeping it."""
    return _load(path, digest).libraries


@lru_cache(maxsize=1)
def _load(path: Path, _digest: str) -> SpandrelNetwork:
    """Return a network that takes an image alone."""
    network = read_network(path)
    if network.fills:
        raise WeightsError(
            f"{path}: {network.architecture} fills holes; use it as --inpainter spandrel:FILE"
        )
    return network


def _run(network: Any, pixels: Pixels, name: str) -> Pixels:  # noqa: ANN401 (as above)
    """Run a network on (H, W, 3) uint8; returns (scale H, scale W, 3) uint8."""
    import torch

    image = torch.from_numpy(pixels.astype(np.float32) / 255).permute(2, 0, 1)[None]
    try:
        with torch.random.fork_rng(devices=[]):  # a few networks draw noise
            torch.manual_seed(0)
            output = network(image)[0].permute(1, 2, 0).numpy()
    except (RuntimeError, ValueError, AssertionError) as error:  # such as too small an image
        reason = str(error).splitlines()[0][:150] if str(error) else type(error).__name__
        raise BadOutput(f"{name}: {reason}") from None
    expected = (network.scale * pixels.shape[0], network.scale * pixels.shape[1], 3)
    if output.shape != expected or not np.isfinite(output).all():
        raise BadOutput(f"{name}: expected finite {expected}, got {output.shape}")
    return eight_bits(255 * output)
