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
from detectors.psccnet import (
    FILES,
    PSCCNetConfig,
    PSCCNetNetwork,
    PSCCNetOutput,
    Trunk,
    published_files,
    resize,
)
from detectors.training.base import begin_joint, data_parallel_state, find_pretrained, read_network

AUTHENTIC_SHARE = 0.25  # of the program's training images; classes are weighted inversely


def mask_targets(masks: Tensor, sides: Sequence[int]) -> list[Tensor]:
    """Target masks at each scale: 8-bit masks resized as in Pillow, then thresholded at 127.

    Pillow up to 6 used nearest neighbor by default; since 7.0, as here, it is bicubic.

    Args:
        masks: (N, 1, H, W) in [0, 1], 1 = forged.
        sides: height and width of each scale; the program's are 256, 128, 64 and 32.

    Returns:
        One (N, 1, side, side) per scale, of 0 and 1, of the masks' type and device.
    """
    # For 8-bit values torch equals Pillow exactly, but only on the CPU.
    eight_bits = (255 * masks).round().byte().cpu()
    resized = [
        F.interpolate(eight_bits, size=(side, side), mode="bicubic", antialias=True)
        for side in sides
    ]
    return [(plane > 127).to(masks) for plane in resized]


def mask_loss(masks: Sequence[Tensor], targets: Sequence[Tensor]) -> Tensor:
    """Class-balanced binary cross-entropy, summed over all scales.

    A forged pixel is weighted by 0.5 / (share of forged pixels in the batch at that scale), another
    by 0.5 / (share of the others); all weights are 1 if there is no forged pixel.

    Args:
        masks: probabilities that a pixel is forged, (N, 1, s, s) per scale.
        targets: of the same shapes, of 0 and 1, see `mask_targets`.

    Returns:
        (), the sum over scales of the mean weighted cross-entropy.
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
    """Cross-entropy of the image-level logits; weights 4 (authentic) and 4/3 (forged).

    Args:
        logits: (N, 2), authentic and forged.
        forged: (N,) bool or integer, whether the image is forged.

    Returns:
        (), the weighted mean over images.
    """
    weights = logits.new_tensor((1 / AUTHENTIC_SHARE, 1 / (1 - AUTHENTIC_SHARE)))
    return F.cross_entropy(logits, forged.long(), weight=weights)


INIT_STD = 0.001  # of the trunk's convolutions, as in the authors' program


class PSCCNetLosses(BaseModel):
    """The `losses` table of a recipe of PSCC-Net.

    Attributes:
        localisation: weight of the masks' cross-entropy, summed over four scales.
        detection: weight of the image-level cross-entropy.
        trunk: pretrained ImageNet weights of the trunk: a path, or a file name in `weights/psccnet`
            of the home folder; "" for random initialization.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    localisation: float = 1.0
    detection: float = 1.0
    trunk: str = ""


class PSCCNetLearner:
    """Training module of PSCC-Net; implements `Learner`.

    Args:
        network: sizes, as `PSCCNetConfig` names them.
        losses: weights of the losses, and the pretrained file.
        device: device of the network.

    Raises:
        BadInput: if the sizes are invalid.
        TrainingError: if a size is unknown, or the pretrained file does not exist or does not fit.
        WeightsError: if that file cannot be read.
    """

    model: ClassVar[str] = "psccnet"
    Losses: ClassVar[type[BaseModel]] = PSCCNetLosses
    terms: ClassVar[tuple[str, ...]] = ("localisation", "detection")
    pretrained: ClassVar[tuple[str, ...]] = ("trunk",)
    roles: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("network",)}
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
        initialize(self.network.hrnet)
        if losses.trunk:
            start_trunk(self.network.hrnet, find_pretrained(losses.trunk, self.model))
        self.network.to(device)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self._weights = losses

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Set training mode.

        Args:
            phase: "joint", the only one.
            fresh: whether this is the first step of a stage; not used.

        Raises:
            BadInput: if the phase is unknown.
        """
        begin_joint(self.network, phase, self.model)

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses.

        Args:
            role: "all", the only one.
            images: (N, 3, H, W) RGB in [0, 1], forged or not.
            masks: (N, 1, H, W), 1 = forged; an image with an empty mask is authentic.

        Returns:
            Each term, ().
        """
        output: PSCCNetOutput = self.network(as_input(images))
        targets = mask_targets(masks, [mask.shape[-1] for mask in output.masks])
        forged = masks.flatten(1).amax(dim=1) > 0
        return {
            "localisation": self._weights.localisation * mask_loss(output.masks, targets),
            "detection": self._weights.detection * class_loss(output.logits, forged),
        }

    def margins(self, images: Tensor) -> Tensor:
        """The difference of the two image-level logits, (N,): above 0 if detected as forged."""
        output: PSCCNetOutput = self.network(as_input(images))
        return output.logits[:, 1] - output.logits[:, 0]

    @torch.no_grad()
    def shift(self, by: float) -> None:
        """Subtract `by` from all margins."""
        self.network.head.classifier[-1].get_parameter("bias")[1].sub_(by)

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images, masks, predicted masks from fine to coarse.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        output: PSCCNetOutput = self.network(as_input(images))
        planes = (masks, *(resize(mask, images.shape[2:]) for mask in output.masks))
        return [images, *(plane.expand(-1, 3, -1, -1) for plane in planes)]

    def finish(self) -> None:
        """Do nothing: the network is exported as trained."""

    def config(self) -> dict[str, Any]:
        """The network's sizes."""
        return asdict(self.network.config)

    def read_official(self, path: Path) -> dict[str, Tensor]:
        """The network's state from the folder of the authors' three files."""
        return {
            f"{part}.{name}": value
            for part, file in published_files(path).items()
            for name, value in flat_state(read_checkpoint(file), file).items()
        }

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The files in the authors' published layout: one for each part of the network."""
        parts = self.network.named_children()
        return {FILES[name][1]: dict(data_parallel_state(part)) for name, part in parts}


def as_input(images: Tensor) -> Tensor:
    """Convert (N, 3, H, W) images in [0, 1] to network inputs: 8-bit values / 255."""
    return (255 * images).round() / 255


def initialize(trunk: Trunk) -> None:
    """Initialize the trunk's convolutions as the authors do; other layers keep torch's default."""
    for module in trunk.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=INIT_STD)


def start_trunk(trunk: Trunk, path: Path) -> None:
    """Load ImageNet HRNet weights into the trunk, for every name that the file contains.

    A leading `model.` is removed from the file's names, and its other tensors, such as those of the
    classifier, are ignored, as in the authors' program.

    Raises:
        WeightsError: if the file cannot be read, or contains anything but tensors.
        TrainingError: if no name matches, or a shape does not match.
    """
    content = flat_state(read_checkpoint(path), path)
    given = {name.removeprefix("model."): value for name, value in content.items()}
    own = trunk.state_dict()
    known = [name for name in own if name in given]
    mismatched = [name for name in known if given[name].shape != own[name].shape]
    if mismatched or not known:
        example = f", such as {mismatched[0]}" if mismatched else ""
        raise TrainingError(
            f"{path}: does not match the trunk: {len(known)} of {len(own)} names found, "
            f"{len(mismatched)} with a shape mismatch{example}"
        )
    trunk.load_state_dict(own | {name: given[name] for name in known})
