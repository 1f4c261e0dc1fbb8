"""LaMa: large-mask inpainting with Fourier convolutions (WACV 2022), the released "big-lama".

Written from the paper and a description of its published program. One deterministic network:
the residual blocks split channels into local and global ones, and the global branch convolves
spectra, whose receptive field is the whole image. Parameter names are those of the authors'
checkpoint, `best.ckpt`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.legacy_formats import read_archive
from benchmark.core.checkpoints.load import load_strict, read_checkpoint, read_sizes, refuse_unfit
from benchmark.core.inference import optimize_for_inference
from benchmark.core.model import Engines
from inpainters.base import Inpainter
from inpainters.fourier import from_spectrum, to_spectrum

CHECKPOINT = Path("models", "best.ckpt")  # in the authors' folder
MULTIPLE = 8  # the network downsamples by 2 three times


@dataclass(frozen=True, slots=True, kw_only=True)
class LaMaConfig:
    """Sizes of the network; the defaults are the authors'.

    Attributes:
        width: channels at full resolution, even; eight times as many in the middle.
        blocks: residual blocks in the middle.
    """

    width: int = 64
    blocks: int = 18


class Features(NamedTuple):
    """Local and global features: a quarter and three quarters of the channels.

    Attributes:
        near: (N, C, h, w), local features.
        far: (N, 3C, h, w), global features, which are convolved in the spectral domain.
    """

    near: Tensor
    far: Tensor


def _conv(inputs: int, outputs: int, *, stride: int = 1) -> nn.Conv2d:
    """A 3x3 convolution with reflection padding."""
    return nn.Conv2d(
        inputs, outputs, 3, stride=stride, padding=1, padding_mode="reflect", bias=False
    )


class FourierUnit(nn.Module):
    """A 1x1 convolution of the spectrum."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {"bn": ("conv_layer",)}

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv_layer = nn.Conv2d(2 * channels, 2 * channels, 1, bias=False)
        self.bn = nn.BatchNorm2d(2 * channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        planes = F.relu(self.bn(self.conv_layer(to_spectrum(features))))
        return from_spectrum(planes, features.shape[-1])


class SpectralTransform(nn.Module):
    """A Fourier unit with a skip connection, between two 1x1 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        half = channels // 2
        self.conv1 = nn.Sequential(
            nn.Conv2d(channels, half, 1, bias=False), nn.BatchNorm2d(half), nn.ReLU()
        )
        self.fu = FourierUnit(half)
        self.conv2 = nn.Conv2d(half, channels, 1, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to the same."""
        reduced = self.conv1(features)
        output: Tensor = self.conv2(reduced + self.fu(reduced))
        return output


class NearUnit(nn.Module):
    """An FFC unit with local features only: convolution, batch norm, ReLU."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {"bn_l": ("ffc.convl2l",)}

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.ffc = nn.ModuleDict({"convl2l": conv})
        self.bn_l = nn.BatchNorm2d(conv.out_channels)

    def forward(self, near: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', h', w')."""
        return F.relu(self.bn_l(self.ffc["convl2l"](near)))


class SplitUnit(nn.Module):
    """An FFC unit from local to local and global features, at half the size."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {
        "bn_l": ("ffc.convl2l",),
        "bn_g": ("ffc.convl2g",),
    }

    def __init__(self, inputs: int, near: int, far: int) -> None:
        super().__init__()
        self.ffc = nn.ModuleDict(
            {"convl2l": _conv(inputs, near, stride=2), "convl2g": _conv(inputs, far, stride=2)}
        )
        self.bn_l = nn.BatchNorm2d(near)
        self.bn_g = nn.BatchNorm2d(far)

    def forward(self, near: Tensor) -> Features:
        """(N, C, h, w) to features of size (h / 2, w / 2)."""
        return Features(
            near=F.relu(self.bn_l(self.ffc["convl2l"](near))),
            far=F.relu(self.bn_g(self.ffc["convl2g"](near))),
        )


class FFCUnit(nn.Module):
    """An FFC unit: both outputs depend on both inputs, global to global in the spectral domain."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {
        "bn_l": ("ffc.convl2l", "ffc.convg2l"),
        "bn_g": ("ffc.convl2g", "ffc.convg2g.conv2"),
    }

    def __init__(self, near: int, far: int) -> None:
        super().__init__()
        self.ffc = nn.ModuleDict(
            {
                "convl2l": _conv(near, near),
                "convl2g": _conv(near, far),
                "convg2l": _conv(far, near),
                "convg2g": SpectralTransform(far),
            }
        )
        self.bn_l = nn.BatchNorm2d(near)
        self.bn_g = nn.BatchNorm2d(far)

    def forward(self, features: Features) -> Features:
        """Local (N, C, h, w) and global (N, 3C, h, w) features to the same shapes."""
        ffc = self.ffc
        near = ffc["convl2l"](features.near) + ffc["convg2l"](features.far)
        far = ffc["convl2g"](features.near) + ffc["convg2g"](features.far)
        return Features(near=F.relu(self.bn_l(near)), far=F.relu(self.bn_g(far)))


class ResidualBlock(nn.Module):
    """Two FFC units with a skip connection; no activation after the sum."""

    def __init__(self, near: int, far: int) -> None:
        super().__init__()
        self.conv1 = FFCUnit(near, far)
        self.conv2 = FFCUnit(near, far)

    def forward(self, features: Features) -> Features:
        """Local (N, C, h, w) and global (N, 3C, h, w) to the same shapes, h and w at least 2."""
        change = self.conv2(self.conv1(features))
        return Features(near=features.near + change.near, far=features.far + change.far)


class Join(nn.Module):
    """Concatenates local and global features, in this order."""

    def forward(self, features: Features) -> Tensor:
        """Local (N, C, h, w) and global (N, 3C, h, w) to (N, 4C, h, w)."""
        return torch.cat(features, dim=1)


def _upsample(channels: int) -> list[nn.Module]:
    """Twice the size, half the channels."""
    half = channels // 2
    conv = nn.ConvTranspose2d(channels, half, 3, stride=2, padding=1, output_padding=1)
    return [conv, nn.BatchNorm2d(half), nn.ReLU()]


class Generator(nn.Module):
    """The network: one sequence, whose indices are part of the parameter names.

    Args:
        config: the network's sizes.
    """

    def __init__(self, config: LaMaConfig) -> None:
        super().__init__()
        width = config.width
        near, far = 2 * width, 6 * width
        self.model = nn.Sequential(
            nn.ReflectionPad2d(3),
            NearUnit(nn.Conv2d(4, width, 7, bias=False)),
            NearUnit(_conv(width, 2 * width, stride=2)),
            NearUnit(_conv(2 * width, 4 * width, stride=2)),
            SplitUnit(4 * width, near, far),
            *(ResidualBlock(near, far) for _ in range(config.blocks)),
            Join(),
            *_upsample(8 * width),
            *_upsample(4 * width),
            *_upsample(2 * width),
            nn.ReflectionPad2d(3),
            nn.Conv2d(width, 3, 7),
            nn.Sigmoid(),
        )

    def forward(self, images: Tensor, masks: Tensor) -> Tensor:
        """Inpaint the holes.

        Args:
            images: (N, 3, H, W) in [0, 1], H and W multiples of 8, at least 16; the content of the
                hole is ignored.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            (N, 3, H, W) in [0, 1], the whole image.
        """
        output: Tensor = self.model(torch.cat((images * (1 - masks), masks), dim=1))
        return output


class LaMa(Inpainter):
    """big-lama, with the authors' checkpoint or a reduced-width variant of this project."""

    card = Card(
        name="lama",
        title="LaMa",
        paper="https://arxiv.org/abs/2109.07161",
        license="Apache-2.0",
        reported="Lama",
        checkpoints=(
            Checkpoint(
                file="best.ckpt",
                url="https://huggingface.co/smartywu/big-lama/resolve/main/big-lama.zip",
                source="https://github.com/advimman/lama",
                license="none stated in the README; the model card is reported to say Apache-2.0; "
                "trained on Places2 (research use)",
                sha256="fccb7adffd53ec0974ee5503c3731c2c2f1e7e07856fd9228cdcc0b46fd5d423",
                size=410_046_389,
                archive="sha256:f1b358ca24093b93a106183b98a3dea6e8ed09f3b43ea7251eb2c81e7b4575f6",
                member="models/best.ckpt",
            ),
        ),
        mini="inpainters:mini/lama.safetensors",
        learner="inpainters.training.lama:LaMaLearner",
        parameters=50_975_875,
        multiply_adds=55_060_725_760,
        sizes="any of at least 9 pixels a side, mirrored to multiples of 8 as its authors do it",
        min_side=9,
        rounding="cut",
    )
    engines: ClassVar[Engines] = {
        "openvino": 1.02,
        "onnxruntime": "its Fourier transforms cannot be converted",
    }

    def _load(self, path: Path) -> None:
        file = path / CHECKPOINT if path.is_dir() else path
        self.network = optimize_for_inference(
            load_generator(file), self.device, channels_last=True, nnpack="one thread"
        )

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        # Not padded by the card's `multiple`: the authors' padding repeats the edge, see below.
        output: Tensor = self.network(pad_symmetric(images), pad_symmetric(masks))
        return output


def pad_symmetric(planes: Tensor) -> Tensor:
    """Pad (N, C, H, W) at the bottom and right to multiples of 8, as np.pad(mode="symmetric").

    a b c becomes a b c c b a: the edge is repeated, unlike in the network's reflection padding. H
    and W are at least 7.
    """
    down, right = -planes.shape[2] % MULTIPLE, -planes.shape[3] % MULTIPLE
    if down:
        planes = torch.cat((planes, planes[:, :, -down:].flip(2)), dim=2)
    if right:
        planes = torch.cat((planes, planes[:, :, :, -right:].flip(3)), dim=3)
    return planes


def load_generator(file: Path) -> Generator:
    """Build the generator of a checkpoint, and load it strictly.

    Args:
        file: the authors' Lightning checkpoint `best.ckpt`, a TorchScript export of the model, or a
            .safetensors file of this project, whose metadata has the sizes. No code in it is run.

    Returns:
        The generator on the CPU, in evaluation mode, without gradients.

    Raises:
        WeightsError: if the file is missing, damaged or of another model.
    """
    if file.suffix == ".safetensors":
        state = read_checkpoint(file)
        config = read_sizes(file, "lama", LaMaConfig)
        refuse_unfit(lambda: Generator(config), state, file)
    else:
        state = read_archive(file, prefixes=("generator.", "model.generator."))
        config = LaMaConfig()
    network = Generator(config)
    load_strict(network, state, file)
    return network
