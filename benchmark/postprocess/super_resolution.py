"""`spandrel:FILE`: super-resolution or restoration by any network that spandrel knows."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmark.core.errors import BadInput, BadOutput, MissingWeights, WeightsError
from benchmark.core.external.files import digest_of
from benchmark.core.external.optional import importing, installed
from benchmark.core.image_open import MOST_PIXELS
from benchmark.core.paths import expand_home
from benchmark.core.types import Pixels
from benchmark.postprocess.base import Launder, eight_bits

HOW = "pip install spandrel"


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
        return f"{_library()} sha256:{self._digest()}"

    def check(self) -> None:
        """Load the network.

        Raises:
            ExternalError: if spandrel is not installed.
            WeightsError: if the file is missing, damaged, refused, or no such network.
        """
        _library()
        _load(self._path, self._digest())

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Enlarge the image and resize it back.

        Raises:
            BadOutput: if the network fails on the image, or the enlarged one is too large.
        """
        network = _load(self._path, self._digest())
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
        if not self._path.is_file():
            raise MissingWeights(f"post-processing {self.label}: no such file")
        return digest_of(self._path)


def _library() -> str:
    return installed("spandrel", how=HOW)


@lru_cache(maxsize=1)
def _load(path: Path, _digest: str) -> Any:  # noqa: ANN401 (spandrel's descriptor of any network)
    """Return a network for RGB images, in evaluation mode."""
    from benchmark.core.checkpoints.load import read_checkpoint

    content = read_checkpoint(path)
    with importing("spandrel", how=HOW):
        import spandrel
    try:
        network = spandrel.MAIN_REGISTRY.load(content)
    except spandrel.UnsupportedModelError:
        raise WeightsError(f"{path}: no network that {_library()} knows") from None
    except Exception as error:  # a library's code on weights of any names and shapes
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:150]
        raise WeightsError(f"{path}: cannot be loaded by {_library()} ({reason})") from error
    channels = network.input_channels, network.output_channels
    if not isinstance(network, spandrel.ImageModelDescriptor) or channels != (3, 3):
        raise WeightsError(
            f"{path}: {network.architecture.name} for {network.purpose}, {channels[0]} to "
            f"{channels[1]} channels; expected a network from RGB to RGB without a mask"
        )
    return network.cpu().float().eval()


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
