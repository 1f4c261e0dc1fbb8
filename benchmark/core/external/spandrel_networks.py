"""Networks of spandrel, read from one file; nothing in the file is executed.

Files are read by `read_checkpoint`, as all others are: .safetensors, or a file of torch.save that
holds nothing but tensors. spandrel's own loader, which would run a TorchScript file, is not used.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from benchmark.core.errors import MissingWeights, WeightsError
from benchmark.core.external.files import digest_of
from benchmark.core.external.optional import importing, install_line, installed

HOW = install_line("spandrel")
EXPECTED = "0.4.2"
EXTRA = "spandrel_extra_arches"  # more architectures, several under non-commercial terms
EXTRA_HOW = f"pip install {EXTRA}"


class SpandrelNetwork(NamedTuple):
    """A network with what is known of it.

    Attributes:
        descriptor: spandrel's descriptor, which runs it; on the CPU, float32, in evaluation mode.
        architecture: the name of its architecture, such as "LaMa".
        fills: whether it takes an image and a mask; otherwise an image alone.
        libraries: the installed version of the libraries that it comes from.
    """

    descriptor: Any
    architecture: str
    fills: bool
    libraries: str


def library() -> str:
    """Return spandrel's version, as "spandrel 0.4.2".

    Raises:
        ExternalError: if it is not installed.
    """
    return installed("spandrel", how=HOW)


def digest_of_network(path: Path) -> str:
    """Return the SHA-256 of a network's file.

    Raises:
        MissingWeights: if there is no such file.
    """
    if not path.is_file():
        raise MissingWeights(f"spandrel:{path}: no such file")
    return digest_of(path)


def read_network(path: Path) -> SpandrelNetwork:
    """Read a network from RGB to RGB, with or without a mask.

    Raises:
        ExternalError: if spandrel is not installed, or cannot be imported.
        WeightsError: if the file is damaged, refused, or no such network.
    """
    from benchmark.core.checkpoints.load import read_checkpoint
    from benchmark.core.external.global_random import seeded  # loads torch

    content = read_checkpoint(path)
    with importing("spandrel", how=HOW, expected=EXPECTED):
        import spandrel
    try:
        with seeded(0):  # MAT draws its latents when it is built
            found, extra = _load(content)
    except spandrel.UnsupportedModelError:
        more = "" if find_spec(EXTRA) else f"; {EXTRA} knows more, such as MAT: {EXTRA_HOW}"
        raise WeightsError(f"{path}: no network that {library()} knows{more}") from None
    except Exception as error:  # a library's code on weights of any names and shapes
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:150]
        raise WeightsError(f"{path}: cannot be loaded by {library()} ({reason})") from error
    channels = found.input_channels, found.output_channels
    if channels != (3, 3):
        raise WeightsError(
            f"{path}: {found.architecture.name} for {found.purpose}, {channels[0]} to "
            f"{channels[1]} channels; expected a network from RGB to RGB"
        )
    libraries = f"{library()} {installed(EXTRA, how=EXTRA_HOW)}" if extra else library()
    return SpandrelNetwork(
        descriptor=found.cpu().float().eval(),
        architecture=str(found.architecture.name),
        fills=isinstance(found, spandrel.MaskedImageModelDescriptor),
        libraries=libraries,
    )


def _load(content: dict[str, Any]) -> tuple[Any, bool]:
    """Return the descriptor of a network, and whether its architecture is one of the extra ones."""
    import spandrel

    try:
        return spandrel.MAIN_REGISTRY.load(content), False
    except spandrel.UnsupportedModelError:
        if find_spec(EXTRA) is None:
            raise
    with importing(EXTRA, how=EXTRA_HOW):
        import spandrel_extra_arches
    return spandrel_extra_arches.EXTRA_REGISTRY.load(content), True
