"""AOT-GAN: aggregated contextual transformations for inpainting (arXiv 2104.01431).

Written from the paper and a description of its published program. One stage: an encoder of three
convolutions, eight blocks of parallel dilated convolutions with a gated skip, and a decoder with
bilinear upsampling. Parameter names are those of the authors' checkpoint, `G0000000.pt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.load import (
    load_strict,
    part_of,
    read_checkpoint,
    read_sizes,
    refuse_unfit,
)
from benchmark.core.engines import ENGINES
from benchmark.core.errors import WeightsError
from benchmark.core.inference import optimize_for_inference
from benchmark.core.model import Engines
from benchmark.core.nnpack import nnpack_pays
from inpainters.base import Inpainter
from inpainters.rwsa import UNTRACED, EncoderRWSA, start_from_host

GENERATOR_FILES = "G*.pt"  # G and the iteration, seven digits
RATES = (1, 2, 4, 8)  # dilations of a block's branches
MULTIPLE = 4  # of the input's height and width
SMALLEST = 36  # reflection padding of 8 needs at least 9 pixels at a quarter of the size


@dataclass(frozen=True, slots=True, kw_only=True)
class AOTGANConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        width: channels at full resolution; twice as many at half, four times at a quarter.
        blocks: AOT blocks in the middle.
        rwsa: whether region-wise separated attention follows both strided layers (the variant of
            SafePaint's Table 6).
    """

    width: int = 64
    blocks: int = 8
    rwsa: bool = False


def standardize(planes: Tensor) -> Tensor:
    """Normalize each plane to mean -5 and standard deviation 10, for the gates of a block.

    The paper has a plain sigmoid; the published weights need the program's form.

    Args:
        planes: (N, C, h, w), at least two pixels each.

    Returns:
        (N, C, h, w) float32, as 1e-9 is not representable in half precision.
    """
    deviation, mean = torch.std_mean(planes.float(), dim=(2, 3), keepdim=True)  # divisor hw - 1
    # The 1e-9 is added to the deviation, not to the variance.
    return 5 * (2 * (planes.float() - mean) / (deviation + 1e-9) - 1)


class AOTBlock(nn.Module):
    """Parallel dilated convolutions, fused, and blended with the input by a gate per value.

    Args:
        channels: C, a multiple of the number of branches.
    """

    amplified = ("gate",)  # `standardize` multiplies its rounding errors

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.block00, self.block01, self.block02, self.block03 = (
            nn.Sequential(
                nn.ReflectionPad2d(rate),
                nn.Conv2d(channels, channels // len(RATES), 3, dilation=rate),
                nn.ReLU(),
            )
            for rate in RATES
        )
        self.fuse = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3))
        self.gate = nn.Sequential(nn.ReflectionPad2d(1), nn.Conv2d(channels, channels, 3))

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), h and w at least 9."""
        branches = (self.block00, self.block01, self.block02, self.block03)
        fused = self.fuse(torch.cat([branch(features) for branch in branches], dim=1))
        share = torch.sigmoid(standardize(self.gate(features)))
        mixed: Tensor = features * (1 - share) + fused * share
        return mixed


class UpConv(nn.Module):
    """Bilinear upsampling by 2 with aligned corners, then a convolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, out, 3, padding=1)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, out, 2h, 2w)."""
        large = F.interpolate(features, scale_factor=2, mode="bilinear", align_corners=True)
        output: Tensor = self.conv(large)
        return output


class Generator(nn.Module):
    """The generator of AOT-GAN, as in one generator checkpoint.

    Args:
        config: the network's sizes.
    """

    def __init__(self, config: AOTGANConfig) -> None:
        super().__init__()
        width = config.width
        self.encoder = nn.Sequential(
            nn.ReflectionPad2d(3),
            nn.Conv2d(4, width, 7),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1),
            nn.ReLU(),
        )
        self.rwsa = EncoderRWSA({4: 2 * width, 6: 4 * width} if config.rwsa else {})
        self.middle = nn.Sequential(*(AOTBlock(4 * width) for _ in range(config.blocks)))
        self.decoder = nn.Sequential(
            UpConv(4 * width, 2 * width),
            nn.ReLU(),
            UpConv(2 * width, width),
            nn.ReLU(),
            nn.Conv2d(width, 3, 3, padding=1),
        )

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Inpaint the holes.

        Args:
            images: (N, 3, H, W) in [-1, 1], H and W multiples of 4, at least 36; the content of the
                hole is ignored.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            (N, 3, H, W) in [-1, 1], the whole image.
        """
        white = images * (1 - masks) + masks
        features = self.rwsa.encode(self.encoder, torch.cat((white, masks), dim=1), masks)
        return torch.tanh(self.decoder(self.middle(features)))


class AOTGAN(Inpainter):
    """AOT-GAN, with the authors' checkpoint or a reduced-width variant of this project."""

    # No `multiple`: `_fill` pads to multiples of 4 with the edge repeated and a known border, which
    # suits the network better than reflecting the mask.
    card = Card(
        name="aotgan",
        title="AOT-GAN",
        paper="https://arxiv.org/abs/2104.01431",
        license="Apache-2.0",
        reported="AOT-GAN",
        checkpoints=(
            Checkpoint(
                file="G0000000.pt",
                url="https://drive.google.com/drive/folders/1bSOH-2nB3feFRyDEmiX81CEiWkghss3i",
                source="https://github.com/researchmm/AOT-GAN-for-Inpainting: Places2 at "
                "https://drive.google.com/drive/folders/1bSOH-2nB3feFRyDEmiX81CEiWkghss3i, "
                "CelebA-HQ at "
                "https://drive.google.com/drive/folders/1Zks5Hyb9WAEpupbTdBqsCafmb25yqsGJ",
                license="not stated; linked from the Apache-2.0 repository",
            ),
        ),
        mini="inpainters:mini/aotgan.safetensors",
        learner="inpainters.training.aotgan:AOTGANLearner",
        parameters=15_200_835,
        multiply_adds=72_876_032_000,
        sizes="multiples of 4 of at least 36 pixels a side in its authors' program; here others "
        "too: the edge is repeated at the right and bottom",
        rounding="cut",
    )
    engines: ClassVar[Engines] = (
        dict.fromkeys(
            ENGINES, "torch is faster here, as its convolutions on one thread are by NNPACK"
        )
        if nnpack_pays()
        else {"openvino": 1.11, "onnxruntime": 1.12}
    )

    def _load(self, path: Path) -> None:
        file = generator_file(path) if path.is_dir() else path
        network, self.untrained = load_generator(file, self.card.name)
        self.network = optimize_for_inference(
            network, self.device, channels_last=True, nnpack="one thread"
        )

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        height, width = images.shape[2:]
        border = (0, _allowed(width) - width, 0, _allowed(height) - height)
        if any(border):
            self._warn_size((height, width), f"its edge is repeated to multiples of {MULTIPLE}")
        raw: Tensor = self.network(
            F.pad(images * 2 - 1, border, mode="replicate"),
            F.pad(masks, border),  # the padding is known
        )
        return (raw[:, :, :height, :width] + 1) / 2


class AOTGANRWSA(AOTGAN):
    """AOT-GAN with region-wise separated attention (SafePaint, section 4.4, Table 6).

    No weights are published. The authors' checkpoint of the host loads, with the outputs of the
    host, but is not evaluated under this name.
    """

    card = Card(
        name="aotgan+rwsa",
        title="AOT-GAN + RWSA",
        paper="https://doi.org/10.1145/3664647.3681279",
        license="Apache-2.0 (AOT-GAN); RWSA by SafePaint: academic use only",
        reported="AOT-GAN+RWSA",
        mini="inpainters:mini/aotgan+rwsa.safetensors",
        learner="inpainters.training.aotgan:AOTGANLearner",
        parameters=18_363_787,
        multiply_adds=93_278_196_736,
        sizes="multiples of 4 of at least 36 pixels a side in its authors' program; here others "
        "too: the edge is repeated at the right and bottom",
        rounding="cut",
    )
    engines: ClassVar[Engines] = UNTRACED


def _allowed(side: int) -> int:
    """The smallest supported side that is not shorter than `side`."""
    return max(side + -side % MULTIPLE, SMALLEST)


def generator_file(folder: Path) -> Path:
    """Find the generator of the last iteration in a folder of the authors' program.

    Raises:
        WeightsError: if there is none.
    """
    files = sorted(folder.glob(GENERATOR_FILES))
    if not files:
        raise WeightsError(f"{folder}: expected a generator file {GENERATOR_FILES}, found none")
    return files[-1]


class LoadedGenerator(NamedTuple):
    """A generator with its weights.

    Attributes:
        network: on the CPU, in evaluation mode, without gradients.
        untrained: why it must not be evaluated, or "".
    """

    network: Generator
    untrained: str


def load_generator(file: Path, model: str = "aotgan") -> LoadedGenerator:
    """Build the generator of a checkpoint, and load it strictly.

    Args:
        file: the authors' `G0000000.pt` of any iteration, or a .safetensors file of this project,
            whose metadata has the sizes.
        model: "aotgan", or "aotgan+rwsa", for which a file of its host is accepted too.

    Returns:
        The generator.

    Raises:
        WeightsError: if the file is missing, damaged or of another model.
    """
    rwsa = model == "aotgan+rwsa"
    content, config = read_checkpoint(file), AOTGANConfig(rwsa=rwsa)
    if file.suffix == ".safetensors":
        config = read_sizes(file, model, AOTGANConfig, rwsa=rwsa)
        refuse_unfit(lambda: Generator(config), content, file)
    elif not all(isinstance(value, Tensor) for value in content.values()):
        found = ", ".join(sorted(map(str, content))[:5])
        raise WeightsError(f"{file}: expected the generator's tensors, found {found}")
    network = Generator(config)
    state = part_of({"generator": content}, "generator", file)
    if rwsa and file.suffix != ".safetensors":
        return LoadedGenerator(network, start_from_host(network, state, file))
    load_strict(network, state, file)
    return LoadedGenerator(network, "")
