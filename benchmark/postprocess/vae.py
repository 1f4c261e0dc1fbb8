"""`vae:ID_OR_FOLDER`: a round trip through an autoencoder of diffusers."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.core.errors import BadInput, BadOutput, WeightsError
from benchmark.core.external.files import digest_of
from benchmark.core.external.hub import find_local
from benchmark.core.external.optional import importing, install_line, installed
from benchmark.core.types import Pixels
from benchmark.core.untrusted import read_json
from benchmark.postprocess.base import Launder, eight_bits

CLASS = "AutoencoderKL"
_LARGEST = 2**20  # bytes of config.json


class VaeRoundTrip(Launder):
    """Encode and decode by the autoencoder (`AutoencoderKL`) of a latent diffusion model.

    A folder of diffusers, or an ID in the hub's local cache; a pipeline's own autoencoder is its
    folder `vae`. Nothing is downloaded, and only .safetensors are read. The latents are the mode of
    the encoder's distribution, unscaled; the image is extended by mirroring to a multiple of the
    network's stride and cut back. Runs on the CPU in float32. The key contains the hash of the
    autoencoder's files and the version of diffusers.
    """

    kind, usage = "vae", "ID_OR_FOLDER"

    def __init__(self, argument: str) -> None:
        super().__init__(argument)
        if not self.argument:
            raise BadInput("expected vae:ID_OR_FOLDER with an autoencoder of diffusers")

    @property
    def name(self) -> str:
        """The step with the folder's name in place of its path."""
        return f"{self.kind}:{Path(self.argument).name}"

    @property
    def reads_files(self) -> bool:
        """Whether the argument names files: yes."""
        return True

    @property
    def key(self) -> str:
        """The library's version and the hash of the files, not their path."""
        return f"{self.kind} {_library()} sha256:{digest_of(_find(self.argument))}"

    def check(self) -> None:
        """Load the autoencoder.

        Raises:
            ExternalError: if diffusers is not installed.
            WeightsError: if the files are missing or damaged, or no such autoencoder.
        """
        _library()
        _load(self.argument, self.key)

    def apply(self, pixels: Pixels, *, seed: int) -> Pixels:
        """Encode and decode the image.

        Raises:
            BadOutput: if the output is not finite.
        """
        import torch

        network = _load(self.argument, self.key)
        height, width = pixels.shape[:2]
        stride = 2 ** (len(network.config.block_out_channels) - 1)
        edges = (0, -height % stride), (0, -width % stride), (0, 0)
        wide = np.pad(pixels, edges, mode="reflect").astype(np.float32)
        image = torch.from_numpy(wide / 127.5 - 1).permute(2, 0, 1)[None]
        with torch.inference_mode():
            latents = network.encode(image).latent_dist.mode()
            output = network.decode(latents).sample[0].permute(1, 2, 0).numpy()
        if output.shape != wide.shape or not np.isfinite(output).all():
            raise BadOutput(f"{self.name}: expected finite {wide.shape}, got {output.shape}")
        return eight_bits(127.5 * (output[:height, :width] + 1))


def _library() -> str:
    return installed("diffusers", how=install_line("diffusers"))


def _find(argument: str) -> Path:
    """Return the folder of the autoencoder's own files.

    Raises:
        MissingWeights: if it is neither a folder nor in the hub's local cache.
    """
    folder = find_local(argument, how=install_line("diffusers"))
    return folder / "vae" if (folder / "vae").is_dir() else folder


@lru_cache(maxsize=1)
def _load(argument: str, _key: str) -> Any:  # noqa: ANN401 (a network of diffusers)
    folder = _find(argument)
    try:
        config = read_json(folder / "config.json", _LARGEST)
    except (OSError, ValueError) as error:
        raise WeightsError(f"{folder / 'config.json'}: cannot be read ({error})") from None
    found = config.get("_class_name") if isinstance(config, dict) else None
    if found != CLASS:
        raise WeightsError(f"{folder}: expected an {CLASS} of diffusers, got {found!r:.80}")
    with importing("diffusers", how=install_line("diffusers")):
        from diffusers import AutoencoderKL
    try:
        network = AutoencoderKL.from_pretrained(
            str(folder), local_files_only=True, use_safetensors=True, low_cpu_mem_usage=False
        )
    except Exception as error:  # a library's code on files of any content
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:150]
        raise WeightsError(f"{folder}: cannot be loaded by {_library()} ({reason})") from error
    if (network.config.in_channels, network.config.out_channels) != (3, 3):
        raise WeightsError(f"{folder}: expected an autoencoder of RGB images")
    return network.float().eval().requires_grad_(requires_grad=False)
