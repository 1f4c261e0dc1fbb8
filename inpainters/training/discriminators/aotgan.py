"""AOT-GAN's discriminator: which patches of a picture were painted."""

from __future__ import annotations

from torch import Tensor, nn

from inpainters.training.discriminators.patch import SLOPE, spectral_conv


class Discriminator(nn.Module):
    """Four convolutions under spectral norm, a plain one with bias (specification, section 3.2).

    The architecture of `patch.Discriminator` under other names, but for the last layer. In training
    each forward pass does one power iteration.

    Args:
        width: channels of the first layer; the authors' is 64.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        sizes = ((3, width, 2), (width, 2 * width, 2), (2 * width, 4 * width, 2))
        layers: list[nn.Module] = []
        for channels, out, stride in (*sizes, (4 * width, 8 * width, 1)):
            layers += [spectral_conv(channels, out, stride), nn.LeakyReLU(SLOPE)]
        self.conv = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, padding=1))

    def forward(self, images: Tensor) -> Tensor:
        """Judge (N, 3, H, W) images in [-1, 1], H and W at least 24.

        Returns:
            (N, 1, H // 8 - 2, W // 8 - 2), of any value; what is wanted is the loss's to say.
        """
        answers: Tensor = self.conv(images)
        return answers
