"""Between feature maps and their spectra, as LaMa and FcF have them."""

from __future__ import annotations

import torch
from torch import Tensor


def to_spectrum(features: Tensor) -> Tensor:
    """Two-dimensional real Fourier transform, orthonormal, as real channels.

    Args:
        features: (N, C, h, w).

    Returns:
        (N, 2C, h, w // 2 + 1): channel 2k is the real part of channel k, 2k + 1 its imaginary part.
    """
    spectrum = torch.fft.rfft2(features.float(), norm="ortho")  # there is no transform in bf16
    parts = torch.view_as_real(spectrum)  # (N, C, h, w', 2)
    return parts.permute(0, 1, 4, 2, 3).flatten(1, 2)


def from_spectrum(planes: Tensor, width: int) -> Tensor:
    """The inverse of `to_spectrum`, for planes that need not be any real image's spectrum.

    Done along h, then along w without the imaginary parts that a real signal cannot have (column 0
    and, for even w, the last): libraries differ in what they make of those.

    Args:
        planes: (N, 2C, h, w // 2 + 1), real and imaginary parts interleaved.
        width: w; an odd and an even one have spectra of the same size.

    Returns:
        (N, C, h, w).
    """
    count, doubled, height, columns_kept = planes.shape
    parts = planes.float().reshape(count, doubled // 2, 2, height, columns_kept)
    parts = parts.permute(0, 1, 3, 4, 2).contiguous()
    columns = torch.fft.ifft(torch.view_as_complex(parts), dim=-2, norm="ortho")
    imaginary = torch.view_as_real(columns)[..., 1]  # (N, C, h, w // 2 + 1), in place
    imaginary[..., 0] = 0
    if width % 2 == 0:
        imaginary[..., -1] = 0
    answer: Tensor = torch.fft.irfft(columns, n=width, dim=-1, norm="ortho")
    return answer
