"""Inference optimizations: fold batch norm, remove spectral norm, NNPACK, bf16, compile.

`optimize_for_inference` is for networks in evaluation mode with fixed weights. A network in
training keeps its norms and spectral norms, so training modules never call it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import fields, is_dataclass, replace
from itertools import pairwise
from typing import Any, Protocol, TypeVar, runtime_checkable

import torch
from torch import Tensor, nn
from torch.nn.utils import remove_spectral_norm
from torch.nn.utils.spectral_norm import SpectralNorm

from benchmark.core.errors import BadInput
from benchmark.core.nnpack import NNPACK, has_wide, nnpack_pays, use_nnpack
from benchmark.core.threads import threads_of_networks

Network = TypeVar("Network", bound=nn.Module)
Linear = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
Norm = nn.BatchNorm1d | nn.BatchNorm2d
CPU = torch.device("cpu")


@runtime_checkable
class FoldsBatchNorm(Protocol):
    """A module that declares which of its batch norms directly follow other layers.

    Attributes:
        folds: name of each norm, and the names of the layers whose sum it normalizes. Neighbors in
            an `nn.Sequential` are found without it.
    """

    folds: Mapping[str, Sequence[str]]


@runtime_checkable
class PrecomputesWeights(Protocol):
    """A module with tensors that depend on its weights alone."""

    def prepare(self) -> None:
        """Compute them once; the weights do not change afterwards."""


def optimize_for_inference(
    network: Network,
    device: torch.device = CPU,
    *,
    channels_last: bool = False,
    nnpack: NNPACK | None = None,
) -> Network:
    """Optimize a loaded network for inference; outputs change by float32 rounding only.

    Batch norms are folded into the preceding layer and replaced by `nn.Identity`, spectral norms
    are removed, and modules with a `prepare` method precompute what depends on their weights alone.
    Instance norms stay, and networks that have them stay channels-first: torch's channels-last
    kernels copy every feature map or lose three digits (their sums are not compensated).

    Args:
        network: in evaluation mode, with all weights loaded, on the CPU. Modified in place.
        device: where it will run.
        channels_last: whether to use the channels-last memory format, where NNPACK is not used.
        nnpack: whether to let NNPACK compute convolutions, on the CPUs where that is faster: only
            where networks run on one thread, or with any number, as measured for this network; it
            then stays channels-first. With `channels_last` only if it has wide layers.

    Returns:
        The network, on that device.

    Raises:
        ValueError: if it is in training mode.
    """
    if any(module.training for module in network.modules()):
        raise ValueError(f"{type(network).__name__} is in training mode; nothing can be folded")
    with torch.no_grad():
        for module in reversed(list(network.modules())):  # children before parents
            _settle_spectral_norm(module)
            _fold_neighbors(module)
            if isinstance(module, FoldsBatchNorm):
                for norm, layers in module.folds.items():
                    _fold(module, norm, [module.get_submodule(name) for name in layers])
        if (
            (nnpack == "any threads" or (nnpack == "one thread" and threads_of_networks() == 1))
            and device.type == "cpu"
            and nnpack_pays()
            and (has_wide(network) or not channels_last)
        ):
            use_nnpack(network)
        elif channels_last:
            network.to(memory_format=torch.channels_last)
        network.to(device)
        for module in network.modules():
            if isinstance(module, PrecomputesWeights):
                module.prepare()
    return network.requires_grad_(requires_grad=False)


def _settle_spectral_norm(module: nn.Module) -> None:
    hooks = module._forward_pre_hooks.values()
    if any(isinstance(hook, SpectralNorm) for hook in hooks):
        remove_spectral_norm(module)


def _fold_neighbors(module: nn.Module) -> None:
    if isinstance(module, nn.Sequential):
        for (_, layer), (name, norm) in pairwise(list(module.named_children())):
            if isinstance(layer, Linear) and isinstance(norm, Norm):
                _fold(module, name, [layer])


def _fold(parent: nn.Module, name: str, layers: Sequence[nn.Module]) -> None:
    """Fold a norm's scale and shift into the layers whose sum it normalizes."""
    norm = parent.get_submodule(name)
    if isinstance(norm, nn.Identity):
        return
    if not isinstance(norm, Norm) or norm.running_mean is None or norm.running_var is None:
        raise TypeError(f"{type(parent).__name__}.{name} is no batch norm with statistics")
    factor = (norm.running_var.double() + norm.eps).rsqrt()  # (C,)
    shift = -norm.running_mean.double() * factor
    if norm.affine:
        factor, shift = factor * norm.weight, shift * norm.weight + norm.bias
    for layer in layers:
        _scale(layer, factor)
    _shift(layers[0], shift)
    parent.set_submodule(name, nn.Identity().eval())


def _scale(layer: nn.Module, factor: Tensor) -> None:
    """Multiply the output channels of a layer by `factor` (C,)."""
    if not isinstance(layer, Linear):
        raise TypeError(f"{type(layer).__name__} has no weight to fold a norm into")
    transposed = isinstance(layer, nn.ConvTranspose2d)
    if isinstance(layer, nn.ConvTranspose2d) and layer.groups > 1:
        raise TypeError("cannot scale the output channels of a grouped transposed convolution")
    around = [1] * layer.weight.dim()
    around[1 if transposed else 0] = -1
    layer.weight.copy_(layer.weight.double() * factor.view(around))
    if layer.bias is not None:
        layer.bias.copy_(layer.bias.double() * factor)


def _shift(layer: nn.Module, shift: Tensor) -> None:
    """Add `shift` (C,) to the output channels of a layer."""
    if not isinstance(layer, Linear):
        raise TypeError(f"{type(layer).__name__} has no bias to fold a norm into")
    bias = shift if layer.bias is None else layer.bias.double() + shift
    layer.bias = nn.Parameter(bias.to(layer.weight.dtype))


class OptimizedNetwork(nn.Module):
    """A network that runs under bfloat16 autocast, or compiled, or both.

    Args:
        network: the network; available as `network`, and its `config` as `config`.
        name: the model's name, for messages.
        bf16: whether products are computed in bfloat16; sums over planes, softmax and spectra stay
            float32, and so do the outputs.
        compiled: whether to use torch.compile.
    """

    def __init__(self, network: nn.Module, *, name: str, bf16: bool, compiled: bool) -> None:
        super().__init__()
        self.network = network
        self.config = getattr(network, "config", None)
        self._name, self._bf16, self._compiled = name, bf16, compiled
        self._run: Any = torch.compile(network) if compiled else network
        self.eval()

    def forward(self, *planes: Tensor) -> Any:  # noqa: ANN401 (the network's output type)
        """Run the network; outputs are float32.

        Raises:
            BadInput: if this machine does not support the precision or compilation.
        """
        kind = planes[0].device.type
        cast = torch.autocast(kind, dtype=torch.bfloat16) if self._bf16 else nullcontext()
        try:
            with cast:
                outputs = self._run(*planes)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            wanted = [*(["bf16"] if self._bf16 else []), *(["compile"] if self._compiled else [])]
            reason = str(error).strip().splitlines()[0][:160]
            raise BadInput(
                f"{self._name} cannot be run with {' and '.join(wanted)} here ({reason}); "
                "run it without"
            ) from None
        return as_float32(outputs)


def as_float32(outputs: Any) -> Any:  # noqa: ANN401 (a network's output type)
    """Convert tensors, also inside tuples and dataclasses, to float32."""
    if isinstance(outputs, Tensor):
        return outputs.float()
    if isinstance(outputs, tuple):
        return tuple(as_float32(part) for part in outputs)
    if is_dataclass(outputs) and not isinstance(outputs, type):
        return replace(
            outputs, **{f.name: as_float32(getattr(outputs, f.name)) for f in fields(outputs)}
        )
    return outputs
