"""LaMa's discriminator: one answer per overlapping patch, with batch normalisation."""

from __future__ import annotations

from torch import Tensor, nn

SLOPE = 0.2  # of the leaky ReLU


def _conv(channels: int, out: int, stride: int) -> nn.Conv2d:
    return nn.Conv2d(channels, out, 4, stride=stride, padding=2)


def _layer(channels: int, out: int, stride: int) -> nn.Sequential:
    normed = nn.BatchNorm2d(out)
    return nn.Sequential(_conv(channels, out, stride), normed, nn.LeakyReLU(SLOPE))


class Discriminator(nn.Module):
    """Real or painted, patch by patch (specification of LaMa, section 3, "Discriminator").

    Args:
        width: channels of the first layer; the authors' is 64.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.model0 = nn.Sequential(_conv(3, width, 2), nn.LeakyReLU(SLOPE))
        self.model1 = _layer(width, 2 * width, 2)
        self.model2 = _layer(2 * width, 4 * width, 2)
        self.model3 = _layer(4 * width, 8 * width, 2)
        self.model4 = _layer(8 * width, 8 * width, 1)
        self.model5 = nn.Sequential(_conv(8 * width, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        """Judge (N, 3, H, W) images in [0, 1].

        Returns:
            (N, 1, h, w), before any sigmoid: positive where real; h is (H - 2) // 16 + 4.
        """
        return self.maps(images)[-1]

    def maps(self, images: Tensor) -> tuple[Tensor, ...]:
        """What each of the six layers answers, the last as in `forward`; arguments as there.

        Feature matching compares the first five.
        """
        answers = [images]
        for layer in self.children():
            answers.append(layer(answers[-1]))
        return tuple(answers[1:])
