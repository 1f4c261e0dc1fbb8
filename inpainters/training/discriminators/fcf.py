"""FcF's discriminator: one answer per picture, from residual blocks that halve the resolution."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inpainters.fcf import (
    FcFConfig,
    ScaledConv,
    ScaledLinear,
    group_deviation,
    smooth,
    smoothing_filter,
)


class Shortcut(nn.Module):
    """Half the resolution, then a 1x1 convolution scaled by its fan-in, without bias."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1))
        self.register_buffer("resample_filter", smoothing_filter())

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', h / 2, w / 2)."""
        kernel = self.get_buffer("resample_filter")
        features = smooth(F.pad(features, (1, 1, 1, 1)), kernel, stride=2)
        return F.conv2d(features, self.weight / math.sqrt(self.weight.shape[1]))


class Block(nn.Module):
    """One resolution; the first of them takes the picture itself."""

    def __init__(self, config: FcFConfig, side: int) -> None:
        super().__init__()
        width, below = config.channels(side), config.channels(side // 2)
        self.register_buffer("resample_filter", smoothing_filter())  # in the file, not used
        if side == config.resolution:
            self.fromrgb = ScaledConv(4, width, 1)
        self.conv0 = ScaledConv(width, width)
        self.conv1 = ScaledConv(width, below, down=True)
        self.skip = Shortcut(width, below)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, h, w) to (N, C', h / 2, w / 2)."""
        if hasattr(self, "fromrgb"):
            features = self.fromrgb(features)
        # Scaled after the clamp, which comes to the program's clamp at 256 times this.
        answer: Tensor = (self.skip(features) + self.conv1(self.conv0(features))) * math.sqrt(0.5)
        return answer


class Epilogue(nn.Module):
    """From the last features, 4 x 4, to the answer."""

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        width = config.channels(4)
        self.conv = ScaledConv(width + 1, width)
        self.fc = ScaledLinear(16 * width, width)
        self.out = ScaledLinear(width, 1, active=False)

    def forward(self, features: Tensor) -> Tensor:
        """(N, C, 4, 4) to (N, 1)."""
        features = self.conv(torch.cat((features, group_deviation(features)), dim=1))
        answer: Tensor = self.out(self.fc(features.flatten(1)))
        return answer


class Discriminator(nn.Module):
    """Real or painted, blocks `b<side>` down to 8 and `b4` (specification of FcF, section 3).

    Args:
        config: sizes of the generator; resolution and widths are the discriminator's too.
    """

    def __init__(self, config: FcFConfig) -> None:
        super().__init__()
        for side in config.sides()[::-1]:
            self.add_module(f"b{side}", Block(config, side))
        self.b4 = Epilogue(config)

    def forward(self, pictures: Tensor, masks: Tensor) -> Tensor:
        """Judge pictures whose holes may be painted.

        Args:
            pictures: (N, 3, R, R) in [-1, 1], composites or untouched; N at most 4, or a
                multiple of it.
            masks: (N, 1, R, R), 1 = hole.

        Returns:
            (N, 1), before any sigmoid: positive where real.

        Raises:
            BadInput: if N is neither.
        """
        answer = torch.cat((0.5 - masks, pictures), dim=1)
        for block in self.children():
            answer = block(answer)
        return answer
