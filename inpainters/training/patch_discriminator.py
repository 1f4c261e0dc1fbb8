"""PatchGAN discriminator (70x70) with spectral norm, of SafePaint, EdgeConnect and CTSDG."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.utils import spectral_norm

SLOPE = 0.2  # of the leaky ReLU


def spectral_conv(channels: int, out: int, stride: int) -> nn.Module:
    """A 4x4 convolution without bias, with spectral norm and zero padding of 1."""
    # The hook-based form has `weight_orig`, `weight_u` and `weight_v`, as in the authors' files.
    conv = nn.Conv2d(channels, out, 4, stride=stride, padding=1, bias=False)
    normed: nn.Module = spectral_norm(conv)
    return normed


def _layer(channels: int, out: int, stride: int) -> nn.Sequential:
    return nn.Sequential(spectral_conv(channels, out, stride), nn.LeakyReLU(SLOPE))


class Discriminator(nn.Module):
    """PatchGAN discriminator: classifies overlapping patches as real or inpainted.

    The first layer has two names, as in the authors' files; on loading `features.*` overwrites
    `conv1.*`. In training mode each forward pass does one power iteration. Source: EdgeConnect
    (arXiv 1901.00212) and its authors' program, which SafePaint and CTSDG reuse.

    Args:
        width: channels of the first layer; the authors' is 64.
        channels: of the input: 3 for images, 2 for edges and gray.
    """

    def __init__(self, width: int = 64, channels: int = 3) -> None:
        super().__init__()
        self.conv1 = self.features = _layer(channels, width, 2)
        self.conv2 = _layer(width, 2 * width, 2)
        self.conv3 = _layer(2 * width, 4 * width, 2)
        self.conv4 = _layer(4 * width, 8 * width, 1)
        self.conv5 = nn.Sequential(spectral_conv(8 * width, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Classify (N, channels, H, W) images in the range of their model, H and W at least 24.

        Returns:
            (N, 1, H // 8 - 2, W // 8 - 2) logits, positive where real.
        """
        return self.maps(images)[-1]

    def maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """Activations (N, C, h, w) of all five layers; arguments and last item as in `forward`.

        For EdgeConnect's feature matching: a single pass does a single power iteration.
        """
        activations = [images]
        for layer in (self.conv1, self.conv2, self.conv3, self.conv4, self.conv5):
            activations.append(layer(activations[-1]))
        return tuple(activations[1:])
