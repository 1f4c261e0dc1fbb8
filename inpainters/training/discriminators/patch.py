"""SafePaint's discriminator: one answer per overlapping 70x70 patch, under spectral norm."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import spectral_norm

SLOPE = 0.2  # of the leaky ReLU


def _conv(channels: int, out: int, stride: int) -> nn.Module:
    # The hook form keeps `weight_orig`, `weight_u` and `weight_v`, as the authors' checkpoint does.
    conv = nn.Conv2d(channels, out, 4, stride=stride, padding=1, bias=False)
    normed: nn.Module = spectral_norm(conv)
    return normed


def _layer(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(_conv(channels, out, stride), nn.LeakyReLU(SLOPE))


class Discriminator(nn.Module):
    """Real or painted, patch by patch (specification of SafePaint, section 3.5).

    The first layer has two names, as in the authors' file; on loading `features.*` overwrites
    `conv1.*`. In training each forward pass does one power iteration.

    Args:
        width: channels of the first layer; the authors' is 64.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.conv1 = self.features = _layer(3, width, 2)
        self.conv2 = _layer(width, 2 * width, 2)
        self.conv3 = _layer(2 * width, 4 * width, 2)
        self.conv4 = _layer(4 * width, 8 * width, 1)
        self.conv5 = nn.Sequential(_conv(8 * width, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Judge (N, 3, H, W) images in [0, 1].

        Returns:
            (N, 1, H / 8 - 2, W / 8 - 2), before any sigmoid: positive where real.
        """
        features = self.conv3(self.conv2(self.conv1(images)))  # (N, 4 * width, H / 8, W / 8)
        logits: Tensor = self.conv5(self.conv4(features))
        return logits
