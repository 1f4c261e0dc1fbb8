"""One answer per overlapping 70x70 patch, under spectral norm: of SafePaint and its relatives."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import spectral_norm

SLOPE = 0.2  # of the leaky ReLU


def spectral_conv(channels: int, out: int, stride: int) -> nn.Module:
    """A 4x4 convolution without bias under spectral norm, padded by one zero."""
    # The hook form keeps `weight_orig`, `weight_u` and `weight_v`, as the authors' checkpoints do.
    conv = nn.Conv2d(channels, out, 4, stride=stride, padding=1, bias=False)
    normed: nn.Module = spectral_norm(conv)
    return normed


def _layer(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(spectral_conv(channels, out, stride), nn.LeakyReLU(SLOPE))


class Discriminator(nn.Module):
    """Real or inpainted, patch by patch, for SafePaint (section 3.1), EdgeConnect and CTSDG.

    The first layer has two names, as in the authors' files; on loading `features.*` overwrites
    `conv1.*`. In training each forward pass does one power iteration.

    Args:
        width: channels of the first layer; the authors' is 64.
        channels: of the input: 3 of an image, 2 where it is edges and grey.
    """

    def __init__(self, width: int = 64, channels: int = 3) -> None:
        super().__init__()
        self.conv1 = self.features = _layer(channels, width, 2)
        self.conv2 = _layer(width, 2 * width, 2)
        self.conv3 = _layer(2 * width, 4 * width, 2)
        self.conv4 = _layer(4 * width, 8 * width, 1)
        self.conv5 = nn.Sequential(spectral_conv(8 * width, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Judge (N, channels, H, W) images in their model's range, H and W at least 24.

        Returns:
            (N, 1, H // 8 - 2, W // 8 - 2), before any sigmoid: positive where real.
        """
        return self.maps(images)[-1]

    def maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """What each of the five layers answers, the last as in `forward`; arguments as there.

        For EdgeConnect's feature matching; one pass, and so one power iteration, gives all five.
        """
        answers = [images]
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            answers.append(layer(answers[-1]))
        return tuple(answers[1:])
