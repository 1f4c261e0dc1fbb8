"""Training module of TruFor: losses with its authors' weights, training phases and step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

import torch
from pydantic import BaseModel, ConfigDict
from torch import Tensor, nn
from torch.nn import functional as F

from benchmark.core.checkpoints.load import load_strict, part_of, read_checkpoint
from benchmark.core.errors import BadInput, TrainingError
from detectors.training.base import found, read_network
from detectors.trufor import Logits, TruForConfig, TruForNetwork, initialise

IGNORED = -1
CLASS_WEIGHTS = (0.5, 2.5)  # of pristine and forged pixels
# Confidence is learned away from borders: squares that forged areas are shrunk and grown by.
EROSION = 15
DILATION = 11
FORGED_PIXELS = 3  # an image with more forged pixels than this is a forged image


def cross_entropy_loss(anomaly: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of the anomaly logits, forged pixels weighing 2.5 and pristine ones 0.5.

    Args:
        anomaly: (N, 2, H, W), logits of pristine and forged.
        truth: (N, H, W), see the module.

    Returns:
        (), the weighted mean over all pixels that are not ignored.
    """
    weights = anomaly.new_tensor(CLASS_WEIGHTS)
    return F.cross_entropy(anomaly, truth.long(), weight=weights, ignore_index=IGNORED)


def dice_loss(anomaly: Tensor, truth: Tensor) -> Tensor:
    """One minus the mean Dice coefficient of the forged class, squares in the denominator.

    Args:
        anomaly: (N, 2, H, W), logits of pristine and forged.
        truth: (N, H, W), see the module.

    Returns:
        () in [0, 1]; an image without forged pixels has a coefficient of 0.
    """
    valid = truth != IGNORED
    forged = (truth == 1).to(anomaly.dtype)
    answer = anomaly.softmax(dim=1)[:, 1] * valid
    shared = (answer * forged).sum(dim=(1, 2))
    total = answer.square().sum(dim=(1, 2)) + forged.sum(dim=(1, 2))
    return 1 - (2 * shared / (total + 1e-5)).mean()


def sure_pixels(truth: Tensor) -> Tensor:
    """The pixels where confidence is learned: those away from the borders of forged areas.

    Forged pixels count where the 15x15 square around them is forged, pristine ones where the 11x11
    square is not; the image's own edge is no border. Ignored pixels never count.

    Args:
        truth: (N, H, W), see the module.

    Returns:
        (N, H, W) bool.
    """
    forged = (truth == 1).float()[:, None]
    inside = -F.max_pool2d(-forged, EROSION, stride=1, padding=EROSION // 2)
    near = F.max_pool2d(forged, DILATION, stride=1, padding=DILATION // 2)
    return (inside[:, 0] == 1) | ((near[:, 0] == 0) & (truth == 0))


def confidence_loss(confidence: Tensor, anomaly: Tensor, truth: Tensor) -> Tensor:
    """Mean squared error of the confidence against the probability given to the true class.

    The anomaly logits are the target and get no gradient from it.

    Args:
        confidence: (N, 1, H, W), logits.
        anomaly: (N, 2, H, W), logits of pristine and forged.
        truth: (N, H, W), see the module.

    Returns:
        (), the mean over `sure_pixels`; 0 where there are none.
    """
    answer = anomaly.detach().softmax(dim=1)
    target = torch.where(truth == 1, answer[:, 1], answer[:, 0])
    sure = sure_pixels(truth)
    error = (confidence[:, 0].sigmoid() - target).square() * sure
    return error.sum() / sure.sum().clamp(min=1)


def detection_loss(detection: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy of the image-level logit, as if 7 in 10 images were forged.

    Args:
        detection: (N,), logits.
        truth: (N, H, W), see the module; an image with more than 3 forged pixels is forged.

    Returns:
        (), the mean over images of 0.5 / 0.7 (forged) or 0.5 / 0.3 (pristine) times the entropy.
    """
    forged = ((truth == 1).sum(dim=(1, 2)) > FORGED_PIXELS).to(detection.dtype)
    weights = forged * (0.5 / 0.7) + (1 - forged) * (0.5 / 0.3)
    return F.binary_cross_entropy_with_logits(detection, forged, weight=weights)


# The parts that each phase trains; the others are frozen and held in evaluation mode.
PHASES = {
    "localisation": ("backbone", "decode_head"),
    "confidence": ("decode_head_conf", "detection"),
    "joint": ("dncnn", "backbone", "decode_head", "decode_head_conf", "detection"),
}


class TruForLosses(BaseModel):
    """The `losses` table of a recipe of TruFor.

    Attributes:
        cross_entropy: weight of the localisation's cross-entropy.
        dice: weight of the localisation's Dice loss.
        confidence: weight of the confidence's squared error.
        detection: weight of the image-level cross-entropy.
        extractor: Noiseprint++ weights to start from: a path, or a file in `weights/trufor` of the
            bench's home folder; "" for fresh ones.
        encoder: MiT-B2 weights for both streams, found likewise; "" for fresh ones.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cross_entropy: float = 0.3
    dice: float = 0.7
    confidence: float = 1.0
    detection: float = 0.5
    extractor: str = ""
    encoder: str = ""


class TruForLearner:
    """TruFor in training; answers the loop's `Learner`.

    Args:
        network: sizes, as `TruForConfig` names them.
        losses: weights of the losses, and files to start from.
        device: where the network is.

    Raises:
        BadInput: if the sizes make no network.
        TrainingError: if a size has an unknown name, or a file to start from is not there.
        WeightsError: if such a file does not fit.
    """

    Losses: ClassVar[type[BaseModel]] = TruForLosses
    terms: ClassVar[tuple[str, ...]] = ("cross_entropy", "dice", "confidence", "detection")
    players: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("network",)}
    tiny: ClassVar[dict[str, dict[str, Any]]] = {
        "network": {
            "widths": [8, 8, 16, 16],
            "depths": [1, 1, 1, 1],
            "heads": [1, 1, 2, 2],
            "decoder_width": 8,
            "detection_width": 8,
            "extractor_width": 8,
            "extractor_layers": 3,
        },
        "losses": {"extractor": "", "encoder": ""},
    }

    def __init__(
        self, network: Mapping[str, Any], losses: TruForLosses, device: torch.device
    ) -> None:
        self.network = TruForNetwork(read_network(TruForConfig, network, "trufor"))
        initialise(self.network)
        if losses.encoder:
            start_encoder(self.network.backbone, found(losses.encoder, "trufor"))
        if losses.extractor:
            path = found(losses.extractor, "trufor")
            load_strict(self.network.dncnn, part_of(read_checkpoint(path), "network", path), path)
        self.network.to(device)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self._weights, self._phase = losses, "joint"

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Train the parts of `phase`; freeze the others and hold them in evaluation mode.

        Args:
            phase: a name of `PHASES`.
            fresh: whether this is the first step of a stage; it makes no difference here.

        Raises:
            BadInput: if there is no such phase.
        """
        if phase not in PHASES:
            raise BadInput(f"trufor has no phase {phase!r}; known: {', '.join(PHASES)}")
        self._phase = phase
        for name, part in self.network.named_children():
            part.train(name in PHASES[phase]).requires_grad_(name in PHASES[phase])

    def learn(self, player: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses of the phase.

        Args:
            player: "all", the only one.
            images: (N, 3, H, W) RGB in [0, 1], forged or not.
            masks: (N, 1, H, W), 1 = forged.

        Returns:
            Each term, ().
        """
        truth = masks[:, 0].long()
        logits = self.network(as_input(images))
        weights, terms = self._weights, {}
        if self._phase != "confidence":
            terms["cross_entropy"] = weights.cross_entropy * cross_entropy_loss(
                logits.anomaly, truth
            )
            terms["dice"] = weights.dice * dice_loss(logits.anomaly, truth)
        if self._phase != "localisation":
            terms["confidence"] = weights.confidence * confidence_loss(
                logits.confidence, logits.anomaly, truth
            )
            terms["detection"] = weights.detection * detection_loss(logits.detection, truth)
        return terms

    def margins(self, images: Tensor) -> Tensor:
        """Image-level logits (N,): above 0 where an image is called forged."""
        logits: Logits = self.network(as_input(images))
        return logits.detection

    @torch.no_grad()
    def shift(self, by: float) -> None:
        """Make all image-level logits smaller by `by`."""
        self.network.detection[-1].get_parameter("bias").sub_(by)

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """The images, where they were inpainted, the heatmap, the confidence, the residual."""
        self.network.eval()
        logits = self.network(as_input(images))
        heatmap = logits.anomaly.softmax(dim=1)[:, 1:]
        planes = (masks, heatmap, logits.confidence.sigmoid(), logits.residual.sigmoid())
        return [images, *(plane.expand(-1, 3, -1, -1) for plane in planes)]

    def finish(self) -> None:
        """Nothing: the network is exported as it was trained."""

    def config(self) -> dict[str, Any]:
        """The network's sizes."""
        return asdict(self.network.config)

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The published file's layout."""
        return {"trufor.pth.tar": {"state_dict": self.network.state_dict(), "epoch": step}}


def as_input(images: Tensor) -> Tensor:
    """Images in [0, 1] as the network takes them: the 8-bit value / 256."""
    return (255 * images).round() / 256


def start_encoder(backbone: nn.Module, path: Path) -> None:
    """Fill both streams from a SegFormer encoder's file; FRM and FFM stay as they are.

    A key with `patch_embed`, else `block`, else `norm`, goes to its own name and to the one with
    `extra_` before that word, as in the authors' program; other keys are ignored.

    Raises:
        WeightsError: if the file cannot be read.
        TrainingError: if it lacks a tensor of the encoder or has one of another shape.
    """
    content = read_checkpoint(path)
    given = dict(content)
    for key, value in content.items():
        word = next((word for word in ("patch_embed", "block", "norm") if word in key), None)
        if word is not None:
            given[key.replace(word, f"extra_{word}", 1)] = value
    own = backbone.state_dict()
    wanted = [key for key in own if not key.startswith(("FRMs.", "FFMs."))]
    lacking = [key for key in wanted if key not in given or given[key].shape != own[key].shape]
    if lacking:
        raise TrainingError(
            f"{path}: no encoder of this size: {len(lacking)} do not fit, such as {lacking[0]}"
        )
    backbone.load_state_dict(own | {key: given[key] for key in wanted})
