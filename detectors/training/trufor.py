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
from detectors.training.base import find_pretrained, read_network
from detectors.trufor import Logits, TruForConfig, TruForNetwork, initialize

IGNORED = -1  # in truth maps, besides 1 = forged and 0 = pristine
CLASS_WEIGHTS = (0.5, 2.5)  # of pristine and forged pixels
# Confidence is trained away from the borders of forged regions: sizes of the square kernels.
EROSION = 15
DILATION = 11
FORGED_PIXELS = 3  # an image with more forged pixels is forged


def cross_entropy_loss(anomaly: Tensor, truth: Tensor) -> Tensor:
    """Cross-entropy of the anomaly logits; weights 2.5 (forged) and 0.5 (pristine).

    Args:
        anomaly: (N, 2, H, W), logits of pristine and forged.
        truth: (N, H, W) of 1 (forged), 0 (pristine) and -1 (ignored).

    Returns:
        (), the weighted mean over all pixels that are not ignored.
    """
    weights = anomaly.new_tensor(CLASS_WEIGHTS)
    return F.cross_entropy(anomaly, truth.long(), weight=weights, ignore_index=IGNORED)


def dice_loss(anomaly: Tensor, truth: Tensor) -> Tensor:
    """Dice loss of the forged class, with squares in the denominator.

    Args:
        anomaly: (N, 2, H, W), logits of pristine and forged.
        truth: (N, H, W) of 1 (forged), 0 (pristine) and -1 (ignored).

    Returns:
        () in [0, 1], 1 - the mean coefficient; it is 0 for an image without forged pixels.
    """
    valid = truth != IGNORED
    forged = (truth == 1).to(anomaly.dtype)
    probability = anomaly.softmax(dim=1)[:, 1] * valid
    shared = (probability * forged).sum(dim=(1, 2))
    total = probability.square().sum(dim=(1, 2)) + forged.sum(dim=(1, 2))
    return 1 - (2 * shared / (total + 1e-5)).mean()


def sure_pixels(truth: Tensor) -> Tensor:
    """The pixels on which confidence is trained: those away from borders of forged regions.

    Forged pixels whose 15x15 neighborhood is all forged, and pristine pixels whose 11x11
    neighborhood has no forged pixel; the image border is not a border. Ignored pixels are
    excluded.

    Args:
        truth: (N, H, W) of 1 (forged), 0 (pristine) and -1 (ignored).

    Returns:
        (N, H, W) bool.
    """
    forged = (truth == 1).float()[:, None]
    inside = -F.max_pool2d(-forged, EROSION, stride=1, padding=EROSION // 2)
    near = F.max_pool2d(forged, DILATION, stride=1, padding=DILATION // 2)
    return (inside[:, 0] == 1) | ((near[:, 0] == 0) & (truth == 0))


def confidence_loss(confidence: Tensor, anomaly: Tensor, truth: Tensor) -> Tensor:
    """MSE of the confidence against the predicted probability of the true class.

    The anomaly logits are the target and are detached.

    Args:
        confidence: (N, 1, H, W), logits.
        anomaly: (N, 2, H, W), logits of pristine and forged.
        truth: (N, H, W) of 1 (forged), 0 (pristine) and -1 (ignored).

    Returns:
        (), the mean over `sure_pixels`; 0 if there are none.
    """
    probabilities = anomaly.detach().softmax(dim=1)
    target = torch.where(truth == 1, probabilities[:, 1], probabilities[:, 0])
    sure = sure_pixels(truth)
    error = (confidence[:, 0].sigmoid() - target).square() * sure
    return error.sum() / sure.sum().clamp(min=1)


def detection_loss(detection: Tensor, truth: Tensor) -> Tensor:
    """Binary cross-entropy of the image-level logit, balanced for 7 in 10 forged images.

    Args:
        detection: (N,), logits.
        truth: (N, H, W) of 1 (forged), 0 (pristine) and -1 (ignored); an image with more than 3
            forged pixels is forged.

    Returns:
        (), the mean cross-entropy with weights 0.5 / 0.7 (forged) and 0.5 / 0.3 (pristine).
    """
    forged = ((truth == 1).sum(dim=(1, 2)) > FORGED_PIXELS).to(detection.dtype)
    weights = forged * (0.5 / 0.7) + (1 - forged) * (0.5 / 0.3)
    return F.binary_cross_entropy_with_logits(detection, forged, weight=weights)


# The modules that each phase trains; the others are frozen and in evaluation mode.
PHASES = {
    "localisation": ("backbone", "decode_head"),
    "confidence": ("decode_head_conf", "detection"),
    "joint": ("dncnn", "backbone", "decode_head", "decode_head_conf", "detection"),
}


class TruForLosses(BaseModel):
    """The `losses` table of a recipe of TruFor.

    Attributes:
        cross_entropy: weight of the localization cross-entropy.
        dice: weight of the localization Dice loss.
        confidence: weight of the confidence MSE.
        detection: weight of the image-level cross-entropy.
        extractor: pretrained Noiseprint++ weights: a path, or a file name in `weights/trufor` of
            the home folder; "" for random initialization.
        encoder: pretrained MiT-B2 weights for both streams, likewise.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cross_entropy: float = 0.3
    dice: float = 0.7
    confidence: float = 1.0
    detection: float = 0.5
    extractor: str = ""
    encoder: str = ""


class TruForLearner:
    """Training module of TruFor; implements `Learner`.

    Args:
        network: sizes, as `TruForConfig` names them.
        losses: weights of the losses, and pretrained files.
        device: device of the network.

    Raises:
        BadInput: if the sizes are invalid.
        TrainingError: if a size is unknown, or a pretrained file does not exist.
        WeightsError: if such a file does not fit.
    """

    Losses: ClassVar[type[BaseModel]] = TruForLosses
    terms: ClassVar[tuple[str, ...]] = ("cross_entropy", "dice", "confidence", "detection")
    roles: ClassVar[dict[str, tuple[str, ...]]] = {"all": ("network",)}
    pretrained: ClassVar[tuple[str, ...]] = ("extractor", "encoder")
    ignores: ClassVar[bool] = True
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
        initialize(self.network)
        if losses.encoder:
            start_encoder(self.network.backbone, find_pretrained(losses.encoder, "trufor"))
        if losses.extractor:
            path = find_pretrained(losses.extractor, "trufor")
            load_strict(self.network.dncnn, part_of(read_checkpoint(path), "network", path), path)
        self.network.to(device)
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self._weights, self._phase = losses, "joint"

    def begin(self, phase: str, *, fresh: bool) -> None:
        """Train the modules of `phase`; freeze the others and set them to evaluation mode.

        Args:
            phase: a name of `PHASES`.
            fresh: whether this is the first step of a stage; not used.

        Raises:
            BadInput: if the phase is unknown.
        """
        if phase not in PHASES:
            raise BadInput(f"trufor has no phase {phase!r}; known: {', '.join(PHASES)}")
        self._phase = phase
        for name, part in self.network.named_children():
            part.train(name in PHASES[phase]).requires_grad_(name in PHASES[phase])

    def training_step(self, role: str, images: Tensor, masks: Tensor) -> dict[str, Tensor]:
        """The weighted losses of the phase.

        Args:
            role: "all", the only one.
            images: (N, 3, H, W) RGB in [0, 1], forged or not.
            masks: (N, 1, H, W), 1 = forged, -1 = ignored.

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
        """Image-level logits (N,): above 0 if detected as forged."""
        logits: Logits = self.network(as_input(images))
        return logits.detection

    @torch.no_grad()
    def shift(self, by: float) -> None:
        """Subtract `by` from all image-level logits."""
        self.network.detection[-1].get_parameter("bias").sub_(by)

    @torch.no_grad()
    def show(self, images: Tensor, masks: Tensor) -> list[Tensor]:
        """Images, masks, heatmaps, confidences, noise residuals.

        Each (N, 3, H, W) in [0, 1]; arguments as in `Learner.show`.
        """
        self.network.eval()
        logits = self.network(as_input(images))
        heatmap = logits.anomaly.softmax(dim=1)[:, 1:]
        planes = (masks, heatmap, logits.confidence.sigmoid(), logits.residual.sigmoid())
        return [images, *(plane.expand(-1, 3, -1, -1) for plane in planes)]

    def finish(self) -> None:
        """Do nothing: the network is exported as trained."""

    def config(self) -> dict[str, Any]:
        """The network's sizes."""
        return asdict(self.network.config)

    def read_official(self, path: Path) -> dict[str, Tensor]:
        """The network's state from the authors' file."""
        return part_of(read_checkpoint(path), "state_dict", path)

    def official(self, step: int) -> dict[str, dict[str, Any]]:
        """The file in the authors' published layout."""
        return {"trufor.pth.tar": {"state_dict": self.network.state_dict(), "epoch": step}}


def as_input(images: Tensor) -> Tensor:
    """Convert (N, 3, H, W) images in [0, 1] to network inputs: 8-bit values / 256."""
    return (255 * images).round() / 256


def start_encoder(backbone: nn.Module, path: Path) -> None:
    """Load SegFormer encoder weights into both streams; FRM and FFM modules are not changed.

    A key that contains `patch_embed`, else `block`, else `norm`, is loaded under its own name and
    under the name with `extra_` before that word, as in the authors' program; other keys are
    ignored.

    Raises:
        WeightsError: if the file cannot be read.
        TrainingError: if a key is missing or a shape does not match.
    """
    content = read_checkpoint(path)
    given = dict(content)
    for key, value in content.items():
        word = next((word for word in ("patch_embed", "block", "norm") if word in key), None)
        if word is not None:
            given[key.replace(word, f"extra_{word}", 1)] = value
    own = backbone.state_dict()
    wanted = [key for key in own if not key.startswith(("FRMs.", "FFMs."))]
    missing = [key for key in wanted if key not in given or given[key].shape != own[key].shape]
    if missing:
        raise TrainingError(
            f"{path}: does not match the encoder: {len(missing)} keys are missing or have a shape "
            f"mismatch, such as {missing[0]}"
        )
    backbone.load_state_dict(own | {key: given[key] for key in wanted})
