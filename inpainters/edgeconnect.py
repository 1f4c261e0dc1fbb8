"""EdgeConnect: an edge generator, then an image generator (arXiv 1901.00212).

Written from the paper and a description of its published program. Stage I completes the Canny edges
of the known region, stage II inpaints the image, conditioned on these edges. Parameter names are
those of the authors' checkpoints, `EdgeModel_gen.pth` and `InpaintingModel_gen.pth`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.color import rgb2gray
from skimage.feature import canny
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import spectral_norm

from benchmark.core.card import Card, Checkpoint
from benchmark.core.checkpoints.load import (
    load_strict,
    part_of,
    read_checkpoint,
    read_sizes,
    refuse_unfit,
)
from benchmark.core.errors import WeightsError
from benchmark.core.inference import optimize_for_inference
from benchmark.core.model import Engines
from benchmark.core.tensors import to_images, to_pixels
from benchmark.core.types import Mask, Pixels
from inpainters.base import Inpainter
from inpainters.rwsa import UNTRACED, EncoderRWSA, start_from_host

EDGE_FILE = "EdgeModel_gen.pth"
INPAINT_FILE = "InpaintingModel_gen.pth"
SIGMA = 2.0  # of Canny's Gaussian blur, in pixels
THRESHOLDS = (0.1, 0.2)  # of Canny's hysteresis, on gradients of gray in [0, 1]
MULTIPLE = 4  # of the input's height and width

Wrap = Callable[[nn.Module], nn.Module]


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConnectConfig:
    """Sizes of both networks; the defaults are the authors'.

    Attributes:
        width: channels at full resolution; twice as many at half, four times at a quarter.
        blocks: residual blocks in the middle of each.
        rwsa: whether region-wise separated attention follows both strided layers of the image
            generator (the variant of SafePaint's Table 6).
    """

    width: int = 64
    blocks: int = 8
    rwsa: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeConnectOutput:
    """Outputs of both generators for N images.

    Attributes:
        edges: (N, 1, H, W) in [0, 1], the completed edges of the whole image.
        raw: (N, 3, H, W) in [0, 1], the whole image.
    """

    edges: Tensor
    raw: Tensor


def gray_levels(pixels: Pixels) -> NDArray[np.float64]:
    """Luminance of (N, H, W, 3) uint8 pixels, (N, H, W) in [0, 1].

    0.2125 R + 0.7154 G + 0.0721 B in float64, because float32 rounding moves edge pixels.
    """
    return np.asarray(rgb2gray(pixels), dtype=np.float64)


def canny_edges(gray: NDArray[np.float64], known: Mask) -> Mask:
    """Canny edges of the known region, without those along its border and the image border.

    Args:
        gray: (N, H, W) float64 in [0, 1].
        known: (N, H, W) bool, True outside the hole; the content of the hole is ignored.

    Returns:
        (N, H, W) bool, True on an edge.
    """
    low, high = THRESHOLDS
    found = [
        canny(levels, SIGMA, low, high, mask=valid)  # type: ignore[no-untyped-call]
        for levels, valid in zip(gray, known, strict=True)
    ]
    return np.stack(found)


def _plain(layer: nn.Module) -> nn.Module:
    return layer


def _spectral(layer: nn.Module) -> nn.Module:
    # The hook-based form has `weight_orig`, `weight_u` and `weight_v`, as the authors' checkpoint.
    normed: nn.Module = spectral_norm(layer)
    return normed


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions, the first dilated, with a skip; no activation after the sum.

    Args:
        channels: C, of input and output.
        wrap: applied to each convolution at construction.
        bias: whether the convolutions have a bias.
    """

    def __init__(self, channels: int, wrap: Wrap, *, bias: bool) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(2),
            wrap(nn.Conv2d(channels, channels, 3, dilation=2, bias=bias)),
            nn.InstanceNorm2d(channels),
            nn.ReLU(),
            nn.ReflectionPad2d(1),
            wrap(nn.Conv2d(channels, channels, 3, bias=bias)),
            nn.InstanceNorm2d(channels),
        )

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w), h and w at least 3."""
        output: Tensor = features + self.conv_block(features)
        return output


def _encoder(channels: int, width: int, wrap: Wrap) -> nn.Sequential:
    """(N, channels, H, W) to (N, 4 * width, H / 4, W / 4)."""
    return nn.Sequential(
        nn.ReflectionPad2d(3),
        wrap(nn.Conv2d(channels, width, 7)),
        nn.InstanceNorm2d(width),
        nn.ReLU(),
        wrap(nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)),
        nn.InstanceNorm2d(2 * width),
        nn.ReLU(),
        wrap(nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1)),
        nn.InstanceNorm2d(4 * width),
        nn.ReLU(),
    )


def _middle(config: EdgeConnectConfig, wrap: Wrap, *, bias: bool) -> nn.Sequential:
    channels = 4 * config.width
    return nn.Sequential(*(ResidualBlock(channels, wrap, bias=bias) for _ in range(config.blocks)))


def _decoder(width: int, channels: int, wrap: Wrap) -> nn.Sequential:
    """(N, 4 * width, H / 4, W / 4) to (N, channels, H, W); the last layer is never wrapped."""
    return nn.Sequential(
        wrap(nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1)),
        nn.InstanceNorm2d(2 * width),
        nn.ReLU(),
        wrap(nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)),
        nn.InstanceNorm2d(width),
        nn.ReLU(),
        nn.ReflectionPad2d(3),
        nn.Conv2d(width, channels, 7),
    )


class EdgeGenerator(nn.Module):
    """Stage I: completes edges; spectral norm on all layers except the last.

    Args:
        config: the network's sizes.
    """

    def __init__(self, config: EdgeConnectConfig) -> None:
        super().__init__()
        self.encoder = _encoder(3, config.width, _spectral)
        self.middle = _middle(config, _spectral, bias=False)
        self.decoder = _decoder(config.width, 1, _spectral)

    def forward(self, gray: Tensor, edges: Tensor, masks: Tensor) -> Tensor:
        """Complete the edges.

        Args:
            gray: (N, 1, H, W) in [0, 1], H and W multiples of 4, at least 12.
            edges: (N, 1, H, W), 1 on an edge. The content of the hole is ignored in both.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            (N, 1, H, W) in [0, 1], over the whole image.
        """
        white = gray * (1 - masks) + masks
        inputs = torch.cat((white, edges * (1 - masks), masks), dim=1)
        return torch.sigmoid(self.decoder(self.middle(self.encoder(inputs))))


class InpaintGenerator(nn.Module):
    """Stage II: inpaints the image, conditioned on its edges.

    Args:
        config: the network's sizes.
    """

    def __init__(self, config: EdgeConnectConfig) -> None:
        super().__init__()
        width = config.width
        self.encoder = _encoder(4, width, _plain)
        self.rwsa = EncoderRWSA({6: 2 * width, 9: 4 * width} if config.rwsa else {})
        self.middle = _middle(config, _plain, bias=True)
        self.decoder = _decoder(width, 3, _plain)

    def forward(self, images: Tensor, edges: Tensor, masks: Tensor) -> Tensor:
        """Inpaint the hole.

        Args:
            images: (N, 3, H, W) in [0, 1]; the content of the hole is ignored.
            edges: (N, 1, H, W) in [0, 1], of the whole image.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            (N, 3, H, W) in [0, 1], the whole image.
        """
        white = images * (1 - masks) + masks
        features = self.rwsa.encode(self.encoder, torch.cat((white, edges), dim=1), masks)
        return (torch.tanh(self.decoder(self.middle(features))) + 1) / 2


class EdgeConnectNetwork(nn.Module):
    """Both generators, which the authors publish in separate files.

    Args:
        config: their sizes.
    """

    def __init__(self, config: EdgeConnectConfig) -> None:
        super().__init__()
        self.edge = EdgeGenerator(config)
        self.inpaint = InpaintGenerator(config)

    def forward(
        self, images: Tensor, gray: Tensor, edges: Tensor, masks: Tensor
    ) -> EdgeConnectOutput:
        """Complete the edges and inpaint.

        Args:
            images: (N, 3, H, W) in [0, 1], H and W multiples of 4, at least 12.
            gray: (N, 1, H, W) in [0, 1], their luminance.
            edges: (N, 1, H, W), 1 on a Canny edge of the known region.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            Completed edges, and the image. Canny edges are not put back around the hole, as in the
            authors' test program; their training does it.
        """
        completed = self.edge(gray, edges, masks)
        return EdgeConnectOutput(edges=completed, raw=self.inpaint(images, completed, masks))


class EdgeConnect(Inpainter):
    """EdgeConnect, with the authors' checkpoints or a reduced-width variant of this project."""

    # No `multiple`: `_fill` pads to multiples of 4, as edges must be computed before padding, and
    # the padding must be known, unlike in a reflected mask.
    card = Card(
        name="edgeconnect",
        title="EdgeConnect",
        paper="https://arxiv.org/abs/1901.00212",
        license="CC BY-NC 4.0, non-commercial",
        reported="EdgeConnect",
        checkpoints=(
            Checkpoint(
                file="EdgeModel_gen.pth",
                url="https://drive.google.com/drive/folders/158ch9Psjop0mQEdeIp9DKjrYIGTDsZKN",
                source="https://github.com/knazeri/edge-connect: Places2 at "
                "https://drive.google.com/drive/folders/158ch9Psjop0mQEdeIp9DKjrYIGTDsZKN, "
                "CelebA at "
                "https://drive.google.com/drive/folders/13JgMA5sKMYgRwHBp4f7PBc5orNJ_Cv-p, "
                "Paris StreetView at "
                "https://drive.google.com/drive/folders/1hMGVz6Ck3erpP3BRNzG90HNCJl85kveN",
                license="not stated; CC BY-NC 4.0 as its repository",
            ),
            Checkpoint(
                file="InpaintingModel_gen.pth",
                url="https://drive.google.com/drive/folders/158ch9Psjop0mQEdeIp9DKjrYIGTDsZKN",
                source="the same folders as EdgeModel_gen.pth",
                license="not stated; CC BY-NC 4.0 as its repository",
            ),
        ),
        mini="inpainters:mini/edgeconnect.safetensors",
        learner="inpainters.training.edgeconnect:EdgeConnectLearner",
        parameters=21_535_684,
        multiply_adds=96_750_010_368,
        sizes="multiples of 4 of at least 12 pixels a side in its authors' program; here others "
        "too: extended at the right and bottom, what is added is known",
        min_side=12,
        rounding="cut",
    )
    engines: ClassVar[Engines] = {
        "openvino": "its output differs by 7e-4 from torch's",
        "onnxruntime": "its output differs by 8e-5 from torch's",
    }

    def _load(self, path: Path) -> None:
        network, self.untrained = load_networks(path, self.card.name)
        self.network = optimize_for_inference(network, self.device, nnpack="any threads")

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        height, width = images.shape[2:]
        if height % MULTIPLE or width % MULTIPLE:
            self._warn_size((height, width), f"it is extended to multiples of {MULTIPLE}")
        pixels = to_pixels(images)  # as in the program; edges depend on it
        gray = gray_levels(pixels)
        edges = canny_edges(gray, masks[:, 0].cpu().numpy() == 0)
        painted: EdgeConnectOutput = self.network(
            self._to_multiple(to_images(pixels), mode="reflect"),
            self._to_multiple(_planes(gray), mode="reflect"),
            self._to_multiple(_planes(edges), mode="constant"),
            self._to_multiple(masks, mode="constant"),
        )
        return painted.raw

    def _to_multiple(self, planes: Tensor, *, mode: str) -> Tensor:
        """Pad (N, C, H, W) at the right and bottom, and move it to the device."""
        height, width = planes.shape[2:]
        border = (0, -width % MULTIPLE, 0, -height % MULTIPLE)
        return F.pad(planes.to(self.device), border, mode=mode)


class EdgeConnectRWSA(EdgeConnect):
    """EdgeConnect with region-wise separated attention (SafePaint, section 4.4, Table 6).

    No weights are published. The authors' checkpoint of the host loads, with the outputs of the
    host, but is not evaluated under this name.
    """

    card = Card(
        name="edgeconnect+rwsa",
        title="EdgeConnect + RWSA",
        paper="https://doi.org/10.1145/3664647.3681279",
        license="CC BY-NC 4.0, non-commercial (EdgeConnect); RWSA by SafePaint: academic use only",
        reported="EdgeConnect+RWSA",
        mini="inpainters:mini/edgeconnect+rwsa.safetensors",
        learner="inpainters.training.edgeconnect:EdgeConnectLearner",
        parameters=24_698_636,
        multiply_adds=117_152_175_104,
        sizes="multiples of 4 of at least 12 pixels a side in its authors' program; here others "
        "too: extended at the right and bottom, what is added is known",
        min_side=12,
        rounding="cut",
    )
    engines: ClassVar[Engines] = UNTRACED


def _planes(values: NDArray[Any]) -> Tensor:
    """(N, H, W) to (N, 1, H, W) float32."""
    return torch.from_numpy(values[:, None].astype(np.float32))


class LoadedNetworks(NamedTuple):
    """Both generators with their weights.

    Attributes:
        network: on the CPU, in evaluation mode, without gradients.
        untrained: why it must not be evaluated, or "".
    """

    network: EdgeConnectNetwork
    untrained: str


def load_networks(path: Path, model: str = "edgeconnect") -> LoadedNetworks:
    """Build the networks of a checkpoint, and load them strictly.

    Args:
        path: a folder with the authors' `EdgeModel_gen.pth` and `InpaintingModel_gen.pth`, or a
            .safetensors file of this project, whose metadata has the sizes.
        model: "edgeconnect", or "edgeconnect+rwsa", for which a folder of its host is accepted too.

    Returns:
        Both generators.

    Raises:
        WeightsError: if a file is missing, damaged or of another model.
    """
    rwsa = model == "edgeconnect+rwsa"
    if not path.is_dir():
        return LoadedNetworks(_load_file(path, model, rwsa=rwsa), "")
    network, untrained = EdgeConnectNetwork(EdgeConnectConfig(rwsa=rwsa)), ""
    for part, name in ((network.edge, EDGE_FILE), (network.inpaint, INPAINT_FILE)):
        file = path / name
        state = part_of(read_checkpoint(file), "generator", file)
        if rwsa and part is network.inpaint:
            untrained = start_from_host(part, state, file)
        else:
            load_strict(part, state, file)
    return LoadedNetworks(network.eval(), untrained)


def _load_file(file: Path, model: str, *, rwsa: bool) -> EdgeConnectNetwork:
    content = read_checkpoint(file)
    if file.suffix != ".safetensors":
        found = ", ".join(sorted(map(str, content))[:5])
        raise WeightsError(
            f"{file}: expected the folder that holds {EDGE_FILE} and {INPAINT_FILE}, "
            f"or a .safetensors file, found {found or 'nothing'}"
        )
    config = read_sizes(file, model, EdgeConnectConfig, rwsa=rwsa)
    refuse_unfit(lambda: EdgeConnectNetwork(config), content, file)
    network = EdgeConnectNetwork(config)
    load_strict(network, content, file)
    return network
