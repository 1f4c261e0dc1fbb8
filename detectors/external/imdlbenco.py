"""`imdlbenco:NAME`: a model of IMDL-BenCo's zoo, with the user's checkpoint.

Option before the NAME: `size=N`, the side that it was trained at (IMDL-BenCo's default otherwise).
Images are resized or padded to that size as in IMDL-BenCo's tests of the model, and its mask is
resized or cropped back.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils import model_zoo

from benchmark.core.card import Card
from benchmark.core.checkpoints.load import flat_state, load_strict, part_of, read_checkpoint
from benchmark.core.errors import BadInput, BadOutput, ExternalError, UnknownName
from benchmark.core.external.optional import (
    importing,
    install_line,
    installed,
    options_of,
)
from benchmark.core.types import Detection
from detectors.base import Detector, area_score
from detectors.external.heatmaps import AREA_CARD

EXPECTED = "0.1.45"
HOW = (
    f"{install_line('imdlbenco')}, then pip install --no-deps imdlbenco=={EXPECTED} "
    "albumentations==2.0.8 albucore==0.0.24"
)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, for all models
CONSTRAINED = (
    "constrain_conv.",
    "imtfe.bayarconv2d.",
)  # constrained kernels of MVSS-Net and ManTraNet


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooModel:
    """How IMDL-BenCo 0.1.45 builds and tests one of its models.

    Attributes:
        size: side of its square inputs.
        pads: whether smaller images are padded at the right and bottom; otherwise all are resized.
        label: whether it predicts an image-level score.
        sized: the constructor's argument for the size, or "".
        arguments: other arguments of the constructor.
        placed: whether the constructor has an argument `device`.
    """

    size: int
    pads: bool = False
    label: bool = False
    sized: str = ""
    arguments: Mapping[str, Any] | None = None
    placed: bool = False


ZOO: Mapping[str, ZooModel] = {
    "MVSSNet": ZooModel(size=512, label=True),
    "PSCC_Net": ZooModel(size=256, label=True, sized="input_size", arguments={"pretrain_path": ""}),
    "IML_ViT": ZooModel(size=1024, pads=True, sized="input_size"),
    "MantraNet": ZooModel(size=512, pads=True, placed=True),
    "ObjectFormer": ZooModel(size=224, sized="input_size"),
    "Mesorch": ZooModel(size=512),
    "SparseViT": ZooModel(size=512, sized="img_size"),
}
REFUSED: Mapping[str, str] = {
    "SPAN": "it initializes its last layers for each image, so its output is random",
    "Cat_Net": "its code runs on CUDA only",
    "Trufor": "it cannot be built without additional files; use 'trufor' of this project",
    "MSCDI_Net": "it cannot be built without a file of its backbone",
}


class IMDLBenCo(Detector):
    """A model of the zoo, in evaluation mode, run on one image at a time.

    Args:
        argument: options and the model's name in IMDL-BenCo.
        weights: its checkpoint, as written by IMDL-BenCo's training, or a state dict.
        device: a torch device such as "cpu" or "cuda:0".

    Raises:
        ExternalError: if IMDL-BenCo is not installed or cannot be imported, or the model is not
            supported.
        UnknownName: if it has no such model.
        WeightsError: if the checkpoint is missing, damaged or of another model.
    """

    card = Card(name="imdlbenco", title="IMDL-BenCo", own_weights=True)
    libraries: ClassVar[Mapping[str, str]] = {"imdlbenco": EXPECTED}
    install = HOW
    no_tuning = "imdlbenco:NAME runs in float32 and is not compiled; run it without"

    def __init__(
        self, argument: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        self._name, self._size = _parse(argument)
        self._zoo_model = ZOO[self._name]
        self.card = self.card_for(argument)
        super().__init__(weights=weights, device=device)

    @classmethod
    def card_for(cls, argument: str) -> Card:
        """The card, with the model's name and score, and the installed version of IMDL-BenCo."""
        name, size = _parse(argument)
        library = installed("imdlbenco", how=HOW)
        resized = "padded to" if ZOO[name].pads else "resized to"
        ruled = cls.card if ZOO[name].label else AREA_CARD
        return replace(
            cls.card,
            title=f"{name} ({library})",
            license=f"CC-BY-4.0 ({library}); the model's authors may have terms of their own",
            sizes=f"any; {resized} {size}x{size}",
            score="its own label" if ZOO[name].label else AREA_CARD.score,
            score_from=ruled.score_from,
            threshold=ruled.threshold,
        )

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """The model, its input size, and the version of IMDL-BenCo."""
        name, size = _parse(argument)
        return f"{name} {size} {installed('imdlbenco', how=HOW)}"

    def _load(self, path: Path) -> None:
        with torch.serialization.safe_globals([argparse.Namespace]):  # the options of its training
            content = read_checkpoint(path)
        state = part_of(content, "model", path) if "model" in content else flat_state(content, path)
        self.network = _build(self._name, self._size, self.device)
        load_strict(self.network, state, path)
        self.network.to(self.device)
        self._constrained = [  # normalized in place in each pass, which changes their last digits
            (kernel, kernel.data.clone())
            for name, kernel in self.network.named_parameters()
            if name.lower().startswith(CONSTRAINED)
        ]

    def _detect(self, images: Tensor) -> Detection:
        outputs = [self._detect_one(image[None]) for image in images]
        heatmap = torch.cat([heat for heat, _ in outputs])
        labels = [label for _, label in outputs]
        score = torch.stack(labels) if self._zoo_model.label else area_score(heatmap)
        return Detection(heatmap=heatmap, score=score)

    def _detect_one(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """The heatmap (1, H, W) of a (1, 3, H, W) image, and its label (), or 0 without one."""
        height, width = image.shape[2:]
        inputs = self._to_input(image)
        empty = image.new_zeros(1, 1, *inputs.shape[2:])  # the loss is always computed
        for kernel, loaded in self._constrained:
            kernel.data = loaded.clone()
        try:
            output = self.network(
                image=inputs, mask=empty, edge_mask=empty, label=image.new_zeros(1), shape=None
            )
        except ValueError as error:  # such as an unsupported size
            raise BadOutput(f"{self.card.name}: {str(error)[:200]}") from None
        mask: Tensor = output["pred_mask"]
        if self._zoo_model.pads:
            mask = mask[..., :height, :width]
        else:
            mask = F.interpolate(mask, (height, width), mode="bilinear", align_corners=False)
        label = output["pred_label"]
        return mask[:, 0], image.new_zeros(()) if label is None else label.reshape(())

    def _to_input(self, image: Tensor) -> Tensor:
        """Resize or pad a (1, 3, H, W) image in [0, 1] to the input size, and standardize it."""
        size = self._size
        down, right = size - image.shape[2], size - image.shape[3]
        if not self._zoo_model.pads:
            image = F.interpolate(image, (size, size), mode="bilinear", align_corners=False)
        elif min(down, right) < 0:
            raise BadOutput(f"{self.card.name} supports images of at most {size}x{size} pixels")
        else:
            image = F.pad(image, (0, right, 0, down))
        mean, std = (image.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
        return (image - mean) / std


def _parse(argument: str) -> tuple[str, int]:
    """The model's name and its input size."""
    options, name = options_of(argument, {"size": ""})
    if name in REFUSED:
        raise ExternalError(f"imdlbenco:{name} is not supported: {REFUSED[name]}")
    if name not in ZOO:
        raise UnknownName("model of IMDL-BenCo", name, ZOO)
    size = options["size"] or str(ZOO[name].size)
    if not (size.isdigit() and 32 <= int(size) <= 4096):
        raise BadInput(f"imdlbenco: size={size}: expected a side from 32 to 4096 pixels")
    return name, int(size)


@contextmanager
def _no_downloads() -> Iterator[None]:
    """Return an empty state dict instead of downloading ImageNet weights."""

    def load_nothing(*_args: object, **_options: object) -> dict[str, Any]:
        return {}

    zoo: Any = model_zoo
    load_url = zoo.load_url
    zoo.load_url = load_nothing
    try:
        yield
    finally:
        zoo.load_url = load_url


def _build(name: str, size: int, device: torch.device) -> torch.nn.Module:
    """The network, before its weights are loaded."""
    model = ZOO[name]
    arguments = {
        **(model.arguments or {}),
        **({model.sized: size} if model.sized else {}),
        **({"device": device} if model.placed else {}),
    }
    with (
        warnings.catch_warnings(),
        redirect_stdout(StringIO()),
        _no_downloads(),
        importing("imdlbenco", how=HOW, expected=EXPECTED),
    ):
        warnings.simplefilter("ignore")
        import IMDLBenCo.model_zoo as _zoo  # noqa: F401 (fills the registry)
        from IMDLBenCo.registry import MODELS

        network: torch.nn.Module = MODELS.module_dict[name](**arguments)
    return network
