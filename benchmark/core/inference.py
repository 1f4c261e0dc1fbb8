"""The same answers in less time: what a loaded network need not compute at every pass.

`optimize_for_inference` is for networks in evaluation whose weights are loaded and stay fixed. A
network in training keeps its norms and spectral norms, so training modules never call it.
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

Network = TypeVar("Network", bound=nn.Module)
Linear = nn.Conv2d | nn.ConvTranspose2d | nn.Linear
Norm = nn.BatchNorm1d | nn.BatchNorm2d


@runtime_checkable
class FoldsBatchNorm(Protocol):
    """A module that says which of its batch norms follow a layer with nothing between.

    Attributes:
        folds: per name of a norm, the names of the layers whose sum it normalises. Neighbours in an
            `nn.Sequential` need no mention.
    """

    folds: Mapping[str, Sequence[str]]


@runtime_checkable
class PrecomputesWeights(Protocol):
    """A module with parts that its weights alone decide."""

    def prepare(self) -> None:
        """Compute them once; the weights do not change any more."""


def optimize_for_inference(network: Network, *, channels_last: bool = False) -> Network:
    """Prepare a loaded network for answering; it answers as before, to float32's rounding.

    Batch norms are folded into the layer before them and leave an `nn.Identity` in their place,
    spectral norms are divided out, and modules with a `prepare` compute what their weights alone
    decide. Instance norms stay, and networks that have them stay channels-first: torch's kernels
    for the other layout copy every map or lose three digits (their sums are not compensated).

    Args:
        network: in evaluation mode, every weight loaded. Changed in place.
        channels_last: whether its maps are to lie in memory with the channels innermost.

    Returns:
        The network.

    Raises:
        ValueError: if it is in training mode.
    """
    if any(module.training for module in network.modules()):
        raise ValueError(f"{type(network).__name__} is in training mode; nothing can be folded")
    with torch.no_grad():
        for module in reversed(list(network.modules())):  # parts before the whole
            _settle_spectral_norm(module)
            _fold_neighbours(module)
            if isinstance(module, FoldsBatchNorm):
                for norm, layers in module.folds.items():
                    _fold(module, norm, [module.get_submodule(name) for name in layers])
        if channels_last:
            network.to(memory_format=torch.channels_last)
        for module in network.modules():
            if isinstance(module, PrecomputesWeights):
                module.prepare()
    return network.requires_grad_(requires_grad=False)


def _settle_spectral_norm(module: nn.Module) -> None:
    hooks = module._forward_pre_hooks.values()
    if any(isinstance(hook, SpectralNorm) for hook in hooks):
        remove_spectral_norm(module)


def _fold_neighbours(module: nn.Module) -> None:
    if isinstance(module, nn.Sequential):
        for (_, layer), (name, norm) in pairwise(list(module.named_children())):
            if isinstance(layer, Linear) and isinstance(norm, Norm):
                _fold(module, name, [layer])


def _fold(parent: nn.Module, name: str, layers: Sequence[nn.Module]) -> None:
    """Put a norm's factors and shifts into the layers whose sum it follows."""
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
    """Multiply each output channel of a layer."""
    if not isinstance(layer, Linear):
        raise TypeError(f"{type(layer).__name__} has no weight to fold a norm into")
    transposed = isinstance(layer, nn.ConvTranspose2d)
    if isinstance(layer, nn.ConvTranspose2d) and layer.groups > 1:
        raise TypeError("a transposed convolution in groups mixes up its output channels")
    around = [1] * layer.weight.dim()
    around[1 if transposed else 0] = -1
    layer.weight.copy_(layer.weight.double() * factor.view(around))
    if layer.bias is not None:
        layer.bias.copy_(layer.bias.double() * factor)


def _shift(layer: nn.Module, shift: Tensor) -> None:
    """Add to each output channel of a layer."""
    if not isinstance(layer, Linear):
        raise TypeError(f"{type(layer).__name__} has no bias to fold a norm into")
    bias = shift if layer.bias is None else layer.bias.double() + shift
    layer.bias = nn.Parameter(bias.to(layer.weight.dtype))


class OptimizedNetwork(nn.Module):
    """A network run in bfloat16 where that is safe, or compiled, or both.

    Args:
        network: it stays reachable as `network`, and its `config` as `config`.
        name: the model's, for messages.
        bf16: whether products are computed in bfloat16; sums over planes, softmax and spectra stay
            float32, and so does the answer.
        compiled: whether torch.compile runs it.
    """

    def __init__(self, network: nn.Module, *, name: str, bf16: bool, compiled: bool) -> None:
        super().__init__()
        self.network = network
        self.config = getattr(network, "config", None)
        self._name, self._bf16, self._compiled = name, bf16, compiled
        self._run: Any = torch.compile(network) if compiled else network
        self.eval()

    def forward(self, *planes: Tensor) -> Any:  # noqa: ANN401 (whatever the network answers)
        """The network's answer, float32.

        Raises:
            BadInput: if the network cannot be run so on this machine.
        """
        kind = planes[0].device.type
        cast = torch.autocast(kind, dtype=torch.bfloat16) if self._bf16 else nullcontext()
        try:
            with cast:
                answer = self._run(*planes)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            wanted = [*(["bf16"] if self._bf16 else []), *(["compile"] if self._compiled else [])]
            reason = str(error).strip().splitlines()[0][:160]
            raise BadInput(
                f"{self._name} cannot be run with {' and '.join(wanted)} here ({reason}); "
                "run it without"
            ) from None
        return as_float32(answer)


def as_float32(answer: Any) -> Any:  # noqa: ANN401 (whatever a network answers)
    """Tensors, and the tensors of records and tuples, widened to float32."""
    if isinstance(answer, Tensor):
        return answer.float()
    if isinstance(answer, tuple):
        return tuple(as_float32(part) for part in answer)
    if is_dataclass(answer) and not isinstance(answer, type):
        return replace(
            answer, **{f.name: as_float32(getattr(answer, f.name)) for f in fields(answer)}
        )
    return answer
