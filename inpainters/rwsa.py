"""Region-wise separated attention (RWSA) of SafePaint, also as a plug-in for other generators.

Known region and hole have separate channel attention, the features of the hole pass two more
convolutions, and both are blended along a softened border (SafePaint, section 3.4). The inputs are
a feature map and the full-resolution mask, which is resized here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.checkpoints.load import load_strict

REDUCTION = 16  # reduction ratio of the attention's bottleneck
REACH = 2  # margin of the receptive field of two 3x3 convolutions, in pixels
BORDER = 5  # side of the smoothing kernel, in pixels of the feature map
# `Model.engines` of inpainters with RWSA
UNTRACED = dict.fromkeys(
    ("openvino", "onnxruntime"),
    "its attention computes the rectangle around the hole alone, and a converted network would "
    "keep one rectangle for all holes",
)


def mask_to_size(masks: Tensor, height: int) -> Tensor:
    """Resize masks to a feature map's size: 2x2 means, rounded half to even.

    The window is 2x2 at every stride, so at a quarter of the resolution only the upper left 2x2
    pixels of each 4x4 cell count.

    Args:
        masks: (N, 1, H, W) float32 in [0, 1], 1 = hole.
        height: the feature map's height h, which divides H.

    Returns:
        (N, 1, h, w) of 0 and 1; the masks unchanged if h = H.
    """
    if masks.shape[2] == height:
        return masks
    return F.avg_pool2d(masks, kernel_size=2, stride=masks.shape[2] // height).round()


def gaussian_kernel() -> Tensor:
    """The initial smoothing kernel, (1, 1, 5, 5), sum 1: exp(-(dx^2 + dy^2) / 4).

    The paper's sigma is 1; the program squares d / (2 sigma), so that sigma is sqrt(2).
    """
    offset = torch.arange(BORDER, dtype=torch.float32, device="cpu") - BORDER // 2
    line = torch.exp(-offset.square() / 4)
    kernel = line[:, None] * line
    return (kernel / kernel.sum())[None, None]


class GaussianMask(nn.Module):
    """Gaussian smoothing of masks; the kernel is a buffer, used as loaded from the checkpoint."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("weight", gaussian_kernel())

    def forward(self, masks: Tensor) -> Tensor:
        """Smooth (N, 1, h, w) masks with reflection padding, to (N, 1, h, w) in [0, 1]."""
        reach = BORDER // 2
        return F.conv2d(F.pad(masks, (reach,) * 4, mode="reflect"), self.weight)


class ChannelAttention(nn.Module):
    """Channel attention: a factor in (0, 1) per channel, from global mean and max pooling."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        bottleneck = max(channels // REDUCTION, 1)
        self.fc = nn.Sequential(
            nn.Linear(2 * channels, bottleneck),
            nn.ReLU(),
            nn.Linear(bottleneck, channels),
            nn.Sigmoid(),
        )

    def forward(self, pooled: Tensor) -> Tensor:
        """Pooled features (N, 2C), means then maxima, to factors (N, C, 1, 1)."""
        factors: Tensor = self.fc(pooled)
        return factors[:, :, None, None]


class Connection(nn.Module):
    """Two 3x3 convolutions that transform the features of the hole (the paper's LB)."""

    folds: ClassVar[dict[str, tuple[str, ...]]] = {"rbn1": ("rconv1",), "rbn2": ("rconv2",)}

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.rconv1 = nn.Conv2d(channels, 2 * channels, 3, padding=1, bias=False)
        self.rbn1 = nn.BatchNorm2d(2 * channels)
        self.rconv2 = nn.Conv2d(2 * channels, channels, 3, padding=1, bias=False)
        self.rbn2 = nn.BatchNorm2d(channels)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C, h, w)."""
        wide = F.elu(self.rbn1(self.rconv1(features)))  # (N, 2C, h, w)
        return F.elu(self.rbn2(self.rconv2(wide)))


class RWSA(nn.Module):
    """Region-wise separated attention on a feature map (SafePaint, section 3.4, equations 5 and 6).

    Args:
        channels: C, of the input and the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.connection = Connection(channels)
        self.background_attention = ChannelAttention(channels)
        self.mixed_attention = ChannelAttention(channels)
        self.spliced_attention = ChannelAttention(channels)
        self.gaussianMask = GaussianMask()
        self.fuser = nn.Conv2d(2 * channels, channels, kernel_size=1)
        self._folded = False

    def prepare(self) -> None:
        """Restrict the computation to the holes; called once batch norms are folded (inference)."""
        self._folded = True

    def forward(self, features: Tensor, masks: Tensor) -> Tensor:
        """Attend to known region and hole separately, and fuse both with the features.

        Args:
            features: (N, C, h, w), h and w at least 3.
            masks: (N, 1, H, W), 1 = hole, H and W the same integer multiple of h and w.

        Returns:
            (N, C, h, w).
        """
        hole = mask_to_size(masks, features.shape[2])
        # Both are smoothed, as the sum of a loaded kernel may differ from 1.
        border, known = self.gaussianMask(hole), self.gaussianMask(1 - hole)
        pooled = torch.cat((features.mean(dim=(2, 3)), features.amax(dim=(2, 3))), dim=1)  # (N, 2C)
        background = features * self.background_attention(pooled) * known
        attended = features * self.spliced_attention(pooled)
        mixed = features * self.mixed_attention(pooled)
        if not self._folded:  # in training, batch norm statistics are over the whole plane
            foreground = (self.connection(attended) + mixed) * border
        else:
            foreground = mixed * border
            self._add_spliced(foreground, attended, border)
        fused: Tensor = self.fuser(torch.cat((background + foreground, features), dim=1))
        return fused

    def _add_spliced(self, foreground: Tensor, attended: Tensor, border: Tensor) -> None:
        """Add transformed (N, C, h, w) features within the bounding box of all holes."""
        rows, columns = _span(border.any(dim=3)), _span(border.any(dim=2))
        if rows is None or columns is None:
            return
        height, width = border.shape[2:]
        top, left = max(rows[0] - REACH, 0), max(columns[0] - REACH, 0)
        bottom, right = min(rows[1] + REACH, height), min(columns[1] + REACH, width)
        spliced = self.connection(attended[:, :, top:bottom, left:right])
        inner = (slice(rows[0], rows[1]), slice(columns[0], columns[1]))
        spliced = spliced[
            :, :, rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left
        ]
        foreground[:, :, *inner] += spliced * border[:, :, *inner]

    @torch.no_grad()
    def pass_through(self) -> None:
        """Initialize as the exact identity on the features; training changes the fuser."""
        channels = self.fuser.out_channels
        nn.init.zeros_(self.fuser.weight)
        self.fuser.weight[:, channels:, 0, 0].copy_(torch.eye(channels))
        if self.fuser.bias is not None:
            nn.init.zeros_(self.fuser.bias)


def _span(marked: Tensor) -> tuple[int, int] | None:
    """First True index of (N, 1, L) bool, and one past the last; None if all are False."""
    places = marked.any(dim=0)[0].nonzero()
    return (int(places[0]), int(places[-1]) + 1) if len(places) else None


class EncoderRWSA(nn.ModuleDict):
    """RWSA between the layers of another generator's encoder (SafePaint, section 4.4, Table 6).

    A generator holds it as `rwsa`, next to its encoder, so that the parameters of the host keep
    their names; each module is named by the index of the layer that it follows.

    Args:
        channels: by index of a layer, its output channels; empty for the plain host.
    """

    def __init__(self, channels: Mapping[int, int]) -> None:
        super().__init__({str(index): RWSA(count) for index, count in channels.items()})

    def encode(self, encoder: nn.Sequential, inputs: Tensor, masks: Tensor) -> Tensor:
        """Run the encoder and the modules between its layers.

        Args:
            encoder: of the host.
            inputs: (N, C, H, W), inputs of the encoder.
            masks: (N, 1, H, W), 1 = hole.

        Returns:
            (N, C', h, w), the output of the last layer, or of the module after it.
        """
        features = inputs
        for index, layer in encoder.named_children():
            features = layer(features)
            if index in self:
                features = self[index](features, masks)
        return features


def start_from_host(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> str:
    """Load a generator with RWSA from its own checkpoint, or from one of its host.

    With a checkpoint of the host every RWSA is the identity, so that outputs equal the host's.

    Args:
        network: has an `EncoderRWSA` named `rwsa`.
        state: state dict of the generator or of the host, with the shapes of `network`.
        path: file of the state dict, for messages.

    Returns:
        Why the network must not be evaluated, or "" if RWSA is trained.

    Raises:
        WeightsError: if keys other than `rwsa.*` are missing, or on unexpected keys or shape
            mismatches.
    """
    for module in network.modules():
        if isinstance(module, RWSA):
            module.pass_through()
    own = {name: value for name, value in network.state_dict().items() if name.startswith("rwsa.")}
    given = [name for name in state if name in own]
    load_strict(network, dict(state) if given else {**own, **state}, path)
    return "" if given else f"{path}: a checkpoint of the host; RWSA was never trained"
