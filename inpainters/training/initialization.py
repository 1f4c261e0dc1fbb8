"""Weight initialization of generators and discriminators."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card
from benchmark.core.checkpoints.load import read_checkpoint, read_metadata
from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.errors import TrainingError, WeightsError
from inpainters.rwsa import start_from_host

BILINEAR = (0.25, 0.75, 0.75, 0.25)  # upsampling by two, as a transposed convolution of stride 2
INIT_STD = 0.02  # standard deviation of initial weights, as in the authors' programs


def initialize(network: nn.Module) -> None:
    """Initialize weights: normal with std 0.02, biases 0, batch norm scales around 1.

    With spectral norm the unnormalized weight is initialized. As in SafePaint, EdgeConnect and
    AOT-GAN.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            weight = getattr(module, "weight_orig", module.weight)
            nn.init.normal_(weight, 0.0, INIT_STD)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, INIT_STD)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def start_warm(parts: Mapping[str, nn.Module], host: Card, wanted: str | Literal[True]) -> None:
    """Load the weights of a model without RWSA; added attentions start as the identity.

    Args:
        parts: networks, by the prefix of their entries in the file, such as "inpaint.".
        host: the card of the model without RWSA.
        wanted: True for its mini weights, or a file that `bench train` wrote.

    Raises:
        WeightsError: if there is no such file, or it is damaged or of another model.
        TrainingError: if the mini weights are missing, or the networks have different sizes.
    """
    path = find_weights(host, "mini" if wanted is True else wanted).path
    if path is None:
        raise TrainingError(f"losses.warm: the mini edition of {host.name} is not installed")
    if wanted is not True and (model := read_metadata(path).get("model")) != host.name:
        raise WeightsError(f"losses.warm: {path}: weights of {model!r}, expected {host.name!r}")
    state = read_checkpoint(path)
    try:
        for prefix, part in parts.items():
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            start_from_host(part, own, path)
            part.requires_grad_(requires_grad=True)  # loading freezes it
    except WeightsError:
        raise TrainingError(
            f"losses.warm: {path} has other sizes than this recipe's network; use the same sizes"
        ) from None


@torch.no_grad()
def start_bilinear(network: nn.Module) -> None:
    """Initialize transposed convolutions as bilinear upsampling, for output without a checkerboard.

    Each kernel becomes the bilinear one, scaled by a random weight of its own, with the same root
    mean square over all kernels as before. Independent random weights differ between the four
    pixels that one input pixel is upsampled to; a short training does not remove that pattern.

    Args:
        network: all its transposed convolutions are 4x4 with stride 2.
    """
    kernel = torch.outer(torch.tensor(BILINEAR), torch.tensor(BILINEAR))
    kernel /= kernel.square().mean().sqrt()
    for layer in network.modules():
        if isinstance(layer, nn.ConvTranspose2d):
            layer.weight.copy_(layer.weight[:, :, :1, :1] * kernel.to(layer.weight))


@torch.no_grad()
def start_linear(
    stages: Iterable[nn.Module], run: Callable[[Tensor, Tensor], object], device: torch.device
) -> None:
    """Scale initial weights so that the instance norms of generators are nearly linear.

    An instance norm divides by the standard deviation of a channel, which removes brightness and
    saturation: after a short training outputs are gray. If the variance is well below the norm's
    epsilon of 1e-5, it only subtracts the mean and multiplies by a constant. Convolutions before a
    norm are scaled to an output std of 3e-4 (the second of a residual block to 6e-5, so that a
    block starts close to the identity), those of a fuser to 0.5, the last to 0.3. Transposed
    convolutions start as bilinear upsampling, see `start_bilinear`.

    Args:
        stages: generators with zero biases, with the layer names of SafePaint.
        run: runs all of them on (8, 3, 64, 64) images in [0, 1] and (8, 1, 64, 64) masks.
        device: device of the generators.
    """
    images = F.interpolate(torch.rand(8, 3, 9, 9), 64, mode="bilinear").to(device)
    masks = (F.interpolate(torch.rand(8, 1, 9, 9), 64) > 0.65).float().to(device)
    stages = list(stages)
    for stage in stages:
        start_bilinear(stage)
    handles = [
        layer.register_forward_hook(_rescale_to(std))
        for stage in stages
        for name, layer in stage.named_modules()
        if (std := _target_std(name, layer)) is not None
    ]
    run(images, masks)
    for handle in handles:
        handle.remove()


def _target_std(name: str, layer: nn.Module) -> float | None:
    """The output std that `start_linear` scales a layer to; None for no scaling."""
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return None
    if layer.out_channels == 3:
        return 0.3
    if name.startswith(("att", "rwsa")):
        return 0.5 if name.endswith("fuser") else None
    return 6e-5 if name.endswith("conv_block.5") else 3e-4


def _rescale_to(std: float) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def scale(layer: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
        factor = std / float(output.std())
        layer.get_parameter("weight").mul_(factor)
        return output * factor  # biases are still zero

    return scale
