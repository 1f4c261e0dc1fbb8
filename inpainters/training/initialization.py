"""Fresh weights: what networks start from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.card import Card
from benchmark.core.checkpoints.load import read_checkpoint
from benchmark.core.checkpoints.resolve import find_weights
from benchmark.core.errors import TrainingError, WeightsError
from inpainters.rwsa import start_from_host

SPREAD = 0.02  # deviation of all fresh weights, as in SafePaint's program


def initialise(network: nn.Module) -> None:
    """Draw fresh weights: normal with deviation 0.02, biases 0, batch norms around 1.

    Under spectral norm it is the stored weight that is drawn, not the divided one. This is how
    SafePaint, EdgeConnect and AOT-GAN start.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            weight = getattr(module, "weight_orig", module.weight)
            nn.init.normal_(weight, 0.0, SPREAD)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, SPREAD)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def start_warm(parts: Mapping[str, nn.Module], host: Card) -> None:
    """Give networks the weights of a host's mini edition; attentions that it has not pass through.

    Args:
        parts: by the prefix that their entries have in the host's file, such as "inpaint.".
        host: the card of the model without RWSA.

    Raises:
        TrainingError: if there is no such file, or the networks have other sizes.
    """
    path = find_weights(host, "mini").path
    if path is None:
        raise TrainingError(f"losses.warm: the mini edition of {host.name} is not installed")
    state = read_checkpoint(path)
    try:
        for prefix, part in parts.items():
            own = {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
            start_from_host(part, own, path)
            part.requires_grad_(requires_grad=True)  # loading has frozen it
    except WeightsError:
        raise TrainingError(
            f"losses.warm: {path} has other sizes than this recipe's network; take the same"
        ) from None


@torch.no_grad()
def start_linear(
    stages: Iterable[nn.Module], run: Callable[[Tensor, Tensor], object], device: torch.device
) -> None:
    """Scale generators' fresh weights so that colours pass through their instance norms.

    An instance norm divides by the deviation of a channel, and so forgets how bright and how
    colourful an image is: a short training then inpaints in grey. Where the variance is well below
    the norm's epsilon of 1e-5 it only subtracts the mean and multiplies by a constant. Convolutions
    in front of a norm are scaled to answer with a deviation of 1e-3 (the second of a residual block
    2e-4, so that a block starts near the identity), a fuser's with 0.5, the last with 0.3.

    Args:
        stages: generators with biases of zero, built as SafePaint's.
        run: calls all of them on (8, 3, 64, 64) images in [0, 1] and (8, 1, 64, 64) masks.
        device: where they are.
    """
    pictures = F.interpolate(torch.rand(8, 3, 9, 9), 64, mode="bilinear").to(device)
    masks = (F.interpolate(torch.rand(8, 1, 9, 9), 64) > 0.65).float().to(device)
    handles = [
        layer.register_forward_hook(_scaled_to(spread))
        for stage in stages
        for name, layer in stage.named_modules()
        if (spread := _spread_of(name, layer)) is not None
    ]
    run(pictures, masks)
    for handle in handles:
        handle.remove()


def _spread_of(name: str, layer: nn.Module) -> float | None:
    """The deviation that `start_linear` gives a layer's answer, or None to leave it alone."""
    if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
        return None
    if layer.out_channels == 3:
        return 0.3
    if name.startswith(("att", "rwsa")):
        return 0.5 if name.endswith("fuser") else None
    return 2e-4 if name.endswith("conv_block.5") else 1e-3


def _scaled_to(spread: float) -> Callable[[nn.Module, tuple[Tensor, ...], Tensor], Tensor]:
    def scale(layer: nn.Module, _inputs: tuple[Tensor, ...], answer: Tensor) -> Tensor:
        factor = spread / float(answer.std())
        layer.get_parameter("weight").mul_(factor)
        return answer * factor  # biases are still zero

    return scale
