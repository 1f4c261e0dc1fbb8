"""Fourier transforms of feature maps, shared by LaMa and FcF."""

from __future__ import annotations

import torch
from torch import Tensor


def to_spectrum(features: Tensor) -> Tensor:
    """Orthonormal 2-D real FFT, with real and imaginary parts as channels.

    Args:
        features: (N, C, h, w), real, any float dtype.

    Returns:
        (N, 2C, h, w // 2 + 1) float32: channel 2k is the real part of channel k, 2k + 1 the
        imaginary part.
    """
    spectrum = torch.fft.rfft2(features.float(), norm="ortho")  # bf16 has no FFT
    parts = torch.view_as_real(spectrum)  # (N, C, h, w', 2)
    return parts.permute(0, 1, 4, 2, 3).flatten(1, 2)


def from_spectrum(planes: Tensor, width: int) -> Tensor:
    """The inverse of `to_spectrum`, also for planes that are not the spectrum of a real image.

    Transforms along h, then along w without the imaginary parts that a real signal cannot have
    (column 0 and, for even w, the last), which libraries handle differently.

    Args:
        planes: (N, 2C, h, w // 2 + 1), real and imaginary parts interleaved.
        width: w; it is ambiguous, as w and w + 1 have spectra of the same size for even w.

    Returns:
        (N, C, h, w) float32.
    """
    count, doubled, height, columns_kept = planes.shape
    parts = planes.float().reshape(count, doubled // 2, 2, height, columns_kept)
    parts = parts.permute(0, 1, 3, 4, 2).contiguous()
    columns = torch.fft.ifft(torch.view_as_complex(parts), dim=-2, norm="ortho")
    imaginary = torch.view_as_real(columns)[..., 1]  # (N, C, h, w // 2 + 1), in place
    imaginary[..., 0] = 0
    if width % 2 == 0:
        imaginary[..., -1] = 0
    features: Tensor = torch.fft.irfft(columns, n=width, dim=-1, norm="ortho")
    return features
