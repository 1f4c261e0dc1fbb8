"""Training module of PSCC-Net: losses of four mask scales and the image class, training step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.checkpoints.load import flat_state, read_checkpoint
from benchmark.core.errors import TrainingError
from detectors.psccnet import FILES, PSCCNetConfig, PSCCNetNetwork, PSCCNetOutput, Trunk, resize
from detectors.training.base import begin_joint, found, read_network, wrapped

AUTHENTIC_SHARE = 0.25  # of the program's draws; a class weighs the inverse of its share


def mask_targets(masks: Tensor, sides: Sequence[int]) -> list[Tensor]:
    """What the masks at each scale should be: 8 bits resized as Pillow does, then over a half.

    Pillow before 7.0 took the nearest pixel by default; since then, as here, it is bicubic.

    Args:
        masks: (N, 1, H, W) in [0, 1], 1 = forged.
        sides: height and width of each scale; the program's are 256, 128, 64 and 32.

    Returns:
        One (N, 1, side, side) per scale, of 0 and 1, of the masks' type and device.
    """
    # Of 8-bit values torch makes exactly what Pillow makes, but on the CPU only.
    eight_bits = (255 * masks).round().byte().cpu()
    resized = [
        F.interpolate(eight_bits, size=(side, side), mode="bicubic", antialias=True)
        for side in sides
    ]
    return [(plane > 127).to(masks) for plane in resized]


def mask_loss(masks: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Binary cross-entropy in which forged and pristine pixels weigh the same, over all scales.

    A forged pixel weighs 0.5 over the share of forged pixels in the batch at that scale, another
    0.5 over the share of the others; without a forged pixel each weighs 1.

    Args:
        masks: probabilities that a pixel is forged, (N, 1, s, s) per scale.
        targets: of the same shapes, of 0 and 1, see `mask_targets`.

    Returns:
        (), the sum over scales of the weighted entropy's mean over all pixels.
    """
    terms = [
        F.binary_cross_entropy(mask, target, weight=_balance(target))
        for mask, target in zip(masks, targets, strict=True)
    ]
    return torch.stack(terms).sum()


def _balance(target: Tensor) -> Tensor:
    share = target.mean()
    weights = torch.where(target > 0, 0.5 / share, 0.5 / (1 - share))
    return torch.where(share > 0, weights, 1.0)


def class_loss(logits: Tensor, forged: Tensor) -> Tensor:
    """Cross-entropy of the image-level logits, authentic images weighing 4 and forged ones 4/3.

    Args:
        logits: (N, 2), authentic and forged.
        forged: (N,) of bool or integers, whether the image was forged in whatever way.

    Returns:
        (), the weighted mean over images.
    """
    weights = logits.new_tensor((1 / AUTHENTIC_SHARE, 1 / (1 - AUTHENTIC_SHARE)))
    return F.cross_entropy(logits, forged.long(), weight=weights)


SPREAD = 0.001  # deviation of the trunk's fresh convolutions, as in the authors' program


class PSCCNetLosses(BaseModel):
    """The `losses` table of a recipe of PSCC-Net.

    Attributes:
        localisation: weight of the masks' cross-entropy, summed over four scales.
        detection: weight of the image-level cross-entropy.
        trunk: ImageNet weights for the trunk to start from: a path, or a file in `weights/psccnet`
            of the bench's home folder; "" for fresh ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    localisation: float = 1.0
    detection: float = 1.0
    trunk: str = ""


class PSCCNetLearner:
    """PSCC-Net in training; answers the loop's `Learner`.

    Args:
        network: sizes, as `PSCCNetConfig` names them.
        losses: weights of the losses, and the file to start from.
        device: where the network is.

    Raises:
        BadInput: if the sizes make no network.
        TrainingError: if a size has an unknown name, or the file to start from is not there or
            does not fit.
        WeightsError: if that file cannot be read.
    """

    model: ClassVar[str] = "psccnet"
    Losses: ClassVar[type[BaseModel]] = PSCCNetLosses
    terms: ClassVar[tuple[str, ...]] = ("localisation", "detection")
    players: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("network",)}
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {
            "stem_width": 4,
            "widths": [4, 4, 8, 8],
            "blocks": 1,
            "side": 32,
            "mask_width": 4,
            "judge_width": 8,
            "judge_hidden": 4,
        },
        "losses": {"trunk": ""},
    }

    def __init__(
        self, network: Mapping[str, Any], losses: PSCCNetLosses, device: torch.device
    ) -> None:
        self.network = PSCCNetNetwork(read_network(PSCCNetConfig, network, self.model))
        initialise(self.network.hrnet)
        if losses.trunk:
            start_trunk(self.network.hrnet, found(losses.trunk, self.model))
        self.network.to(device)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self._weights = losses

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Set training mode.

        Args:
            phase: "joint", the only one.
            fresh: whether this is the first step of a stage; it makes no difference here.

        Raises:
            BadInput: if the recipe names another phase.
        """
        begin_joint(self.network, phase, self.model)

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses.

        Args:
            player: "all", the only one.
            images: (N, 3, H, W) RGB in [0, 1], forged or not.
            masks: (N, 1, H, W), 1 = forged; an image without any counts as authentic.

        Returns:
            Each term, ().
        """
        answer: PSCCNetOutput = self.network(as_input(images))
        targets = mask_targets(masks, [mask.shape[-1] for mask in answer.masks])
        forged = masks.flatten(1).amax(dim=1) > 0
        return {
            "localisation": self._weights.localisation * mask_loss(answer.masks, targets),
            "detection": self._weights.detection * class_loss(answer.logits, forged),
        }

    def margins(self, images: Tensor) -> Tensor:
        """Forged less authentic, (N,): above 0 where an image is called forged."""
        answer: PSCCNetOutput = self.network(as_input(images))
        return answer.logits[:, 1] - answer.logits[:, 0]

    @torch.no_grad()
    def shift(self, by: float) -> None:
        """Make all margins smaller by `by`."""
        self.network.head.classifier[-1].get_parameter("bias")[1].sub_(by)

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images, where they were inpainted, and the masks from fine to coarse."""
        self.network.eval()
        answer: PSCCNetOutput = self.network(as_input(images))
        planes = (masks, *(resize(mask, images.shape[2:]) for mask in answer.masks))
        return [images, *(plane.expand(-1, 3, -1, -1) for plane in planes)]

    def finish(self) -> None:
        """Nothing: the network is exported as it was trained."""

    def config(self) -> dict[str, Any]:
        """The network's sizes."""
        return asdict(self.network.config)

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The published files' layout: one for each part of the network, in one folder."""
        parts = self.network.named_children()
        return {FILES[name][1]: dict(wrapped(part)) for name, part in parts}


def as_input(images: Tensor) -> Tensor:
    """Images in [0, 1] as the network takes them: the 8-bit value / 255."""
    return (255 * images).round() / 255


def initialise(trunk: Trunk) -> None:
    """Draw the trunk's fresh convolutions as the authors do; all else keeps torch's own start."""
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=SPREAD)


def start_trunk(trunk: Trunk, path: Path) -> None:
    """Fill the trunk from an ImageNet HRNet's file, every tensor whose name the file has.

    A leading `model.` of the file's names is removed, and its other tensors are ignored, such as
    the classifier's.

    Raises:
        WeightsError: if the file cannot be read, or holds more than tensors.
        TrainingError: if no name fits, or a tensor has another shape.
    """
    content = flat_state(read_checkpoint(path), path)
    given = {name.removeprefix("model."): value for name, value in content.items()}
    own = trunk.state_dict()
    known = [name for name in own if name in given]
    misshapen = [name for name in known if given[name].shape != own[name].shape]
    if misshapen or not known:
        example = f", such as {misshapen[0]}" if misshapen else ""
        raise TrainingError(
            f"{path}: no trunk of this size: {len(known)} of {len(own)} names fit, "
            f"{len(misshapen)} of them of another shape{example}"
        )
    trunk.load_state_dict(own | {name: given[name] for name in known})
