"""Convolutions by NNPACK, which torch carries: Winograd and FFT kernels, up to 2.5 times as fast.

torch itself calls NNPACK for large batches only; models here run image by image. The rules for what
is worth it were measured on an AVX2 processor with oneDNN on the other side (docs/scale.md), and
are off on others. With several threads only wide layers are worth it, and only in some networks:
torch's threads, which wait for their next operation, keep NNPACK's from running. Results differ
from oneDNN's by float32 rounding.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cache
from typing import ClassVar, Literal, Protocol, runtime_checkable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LEAST_PLANE = 28 * 28  # smaller ones do not repay the transform of the weights
WIDE = 128  # channels from which it is faster with several threads too: it uses them less well
LARGEST_WIDE = 128 * 128  # the largest plane for which that holds
LARGEST_DILATION = 2

NNPACK = Literal["one thread", "any threads"]

_LOADED_BY = os.getpid()  # threads of NNPACK's pool end with a fork; a child would wait for them


@cache
def nnpack_pays() -> bool:
    """Whether this torch has NNPACK, and this processor is of the kind that it was measured on."""
    if torch.backends.cpu.get_cpu_capability() != "AVX2":
        return False
    if not hasattr(torch, "_nnpack_spatial_convolution"):
        return False
    return bool(torch.backends.nnpack.is_available())  # type: ignore[no-untyped-call]


@runtime_checkable
class AmplifiesRounding(Protocol):
    """A module that declares which of its layers NNPACK must not compute.

    Attributes:
        amplified: names of submodules whose rounding errors the network multiplies.
    """

    amplified: ClassVar[Sequence[str]]


def has_wide(network: nn.Module) -> bool:
    """Whether NNPACK is faster for some layer of a network with any number of threads."""
    return any(map(_is_wide, _layers(network)))


def use_nnpack(network: nn.Module) -> None:
    """Let NNPACK compute those convolutions of a network for which it is faster.

    Args:
        network: in evaluation mode, channels-first. Modified in place; names and weights stay.
    """
    for layer in list(_layers(network)):
        layer.__class__ = NNPACKConv2d


def _layers(network: nn.Module) -> Iterator[nn.Conv2d]:
    """Yield the layers that NNPACK may compute, and computes faster on one thread."""
    kept = {
        layer
        for module in network.modules()
        if isinstance(module, AmplifiesRounding)
        for name in module.amplified
        for layer in module.get_submodule(name).modules()
    }
    for module in network.modules():
        if type(module) is nn.Conv2d and module not in kept and _is_faster(module):
            yield module


class NNPACKConv2d(nn.Conv2d):
    """A convolution with stride 1 that NNPACK computes where it can, and torch elsewhere.

    torch computes it on other devices, in other precisions, for small feature maps, for narrow
    layers on several threads, and while it is traced, compiled or differentiated.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Convolve (N, C, H, W)."""
        if not self._usable(input):
            return super().forward(input)
        planes, padding = input, [int(side) for side in self.padding]
        if self.padding_mode != "zeros":
            planes = F.pad(planes, self._reversed_padding_repeated_twice, mode=self.padding_mode)
            padding = [0, 0]
        if self.dilation[0] > 1:
            return self._dilated(planes, padding)
        return self._convolve(planes, padding)

    def _usable(self, planes: Tensor) -> bool:
        if (
            torch.compiler.is_compiling()
            or torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
            or torch.is_autocast_enabled("cpu")
            or os.getpid() != _LOADED_BY
        ):
            return False
        if torch.is_grad_enabled() and (planes.requires_grad or self.weight.requires_grad):
            return False
        if planes.dtype != torch.float32 or planes.device.type != "cpu" or planes.dim() != 4:
            return False
        plane = planes.shape[2] * planes.shape[3]
        if torch.get_num_threads() > 1 and (not _is_wide(self) or plane > LARGEST_WIDE):
            return False
        return plane >= LEAST_PLANE

    def _convolve(self, planes: Tensor, padding: list[int]) -> Tensor:
        """One image at a time: what NNPACK does with more is slower."""
        done = [
            torch._nnpack_spatial_convolution(image, self.weight, self.bias, padding, [1, 1])
            for image in planes.split(1)  # type: ignore[no-untyped-call]
        ]
        return done[0] if len(done) == 1 else torch.cat(done)

    def _dilated(self, planes: Tensor, padding: list[int]) -> Tensor:
        """Place the d*d grids that a dilated kernel sees side by side, and convolve them as one."""
        step = self.dilation[0]
        (down, right), (kernel, _) = padding, self.kernel_size
        margin = kernel // 2
        high = planes.shape[2] + 2 * (down - margin * step)  # of the output
        wide = planes.shape[3] + 2 * (right - margin * step)
        more = -(planes.shape[2] + 2 * down) % step, -(planes.shape[3] + 2 * right) % step
        planes = F.pad(planes, (right, right + more[1], down, down + more[0]))
        count, channels, rows, columns = planes.shape
        grids = planes.view(count, channels, rows // step, step, columns // step, step)
        together = grids.permute(0, 1, 3, 2, 5, 4).reshape(planes.shape)
        found = self._convolve(together, [margin, margin])
        grids = found.view(count, -1, step, rows // step, step, columns // step)
        grids = grids[:, :, :, margin : rows // step - margin, :, margin : columns // step - margin]
        output = grids.permute(0, 1, 3, 2, 5, 4).flatten(4, 5).flatten(2, 3)
        return output[:, :, :high, :wide]


def _is_wide(layer: nn.Conv2d) -> bool:
    return layer.kernel_size == (3, 3) and min(layer.in_channels, layer.out_channels) >= WIDE


def _is_faster(layer: nn.Conv2d) -> bool:
    """Whether NNPACK was measured to be faster for such a layer on one thread.

    The feature map has to be large.
    """
    kernel = layer.kernel_size[0]
    if kernel not in (3, 5, 7) or layer.kernel_size != (kernel, kernel):
        return False
    if layer.stride != (1, 1) or layer.groups > 1 or isinstance(layer.padding, str):
        return False
    inputs, outputs = layer.in_channels, layer.out_channels
    if layer.dilation != (1, 1):
        dilation = layer.dilation[0]
        return (
            kernel == 3
            and layer.dilation == (dilation, dilation)
            and dilation <= LARGEST_DILATION
            and min(inputs, outputs) >= 64
        )
    if kernel > 3:
        return inputs >= 32
    return min(inputs, outputs) >= 64
