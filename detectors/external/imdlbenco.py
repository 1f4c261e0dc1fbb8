"""`imdlbenco:NAME`: a model of IMDL-BenCo's zoo, with a checkpoint of the user's.

Before the NAME may stand `size=N`, the side that it was trained at (IMDL-BenCo's own by default).
Images go to that size as IMDL-BenCo tests the model, and the mask's probabilities come back.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch.nn import functional as F
from torch.utils import model_zoo

from benchmark.core.card import Card
from benchmark.core.checkpoints.load import flat_state, load_strict, part_of, read_checkpoint
from benchmark.core.errors import BadInput, BadOutput, ExternalError, UnknownName
from benchmark.core.external.optional import importing, install_line, installed, options_of
from benchmark.core.types import Detection
from detectors.base import Detector, area_score
from detectors.external.heatmaps import AREA_CARD

HOW = (
    f"{install_line('imdlbenco')}, then pip install --no-deps imdlbenco==0.1.45 "
    "albumentations==2.0.8 albucore==0.0.24"
)
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet, for all of its models
CONSTRAINED = ("constrain_conv.", "imtfe.bayarconv2d.")  # kernels of MVSS-Net and ManTraNet


@dataclass(frozen=True, slots=True, kw_only=True)
class ZooModel:
    """How IMDL-BenCo 0.1.45 tests one of its models.

    Attributes:
        size: side of the squares that it sees.
        pads: smaller images are padded at the right and bottom; else all are resized.
        label: it answers a score of its own.
        sized: the constructor's argument that is the size, or "".
        arguments: others.
        placed: the constructor wants the device.
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
    "SPAN": "it draws its last layers anew for each image, so its answer is random",
    "Cat_Net": "its own code runs on CUDA alone",
    "Trufor": "it cannot be built without further files; this project has a 'trufor'",
    "MSCDI_Net": "it cannot be built without its backbone's file",
}


class IMDLBenCo(Detector):
    """A model of the zoo, in evaluation mode, one image at a time.

    Args:
        argument: options and the model's name in IMDL-BenCo.
        weights: its checkpoint: what IMDL-BenCo's training writes, or a state dict.
        device: a torch device such as "cpu" or "cuda:0".

    Raises:
        ExternalError: if IMDL-BenCo is not installed, cannot be imported with the libraries here,
        or
            its model cannot be used.
        UnknownName: if it has no such model.
        WeightsError: if the checkpoint is missing, damaged or of another model.
    """

    card = Card(name="imdlbenco", title="IMDL-BenCo", own_weights=True)

    def __init__(
        self, argument: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        self._name, self._size = _parse(argument)
        self._zoo_model = ZOO[self._name]
        card = self.described(argument)
        vars(self)["card"] = card
        super().__init__(weights=weights, device=device)

    @classmethod
    def described(cls, argument: str) -> Card:
        """With the model's name, whose score it is, and the version of IMDL-BenCo that is here."""
        name, size = _parse(argument)
        library = installed("imdlbenco", how=HOW)
        resized = "padded to" if ZOO[name].pads else "resized to"
        ruled = cls.card if ZOO[name].label else AREA_CARD
        return replace(
            cls.card,
            title=f"{name} ({library})",
            licence=f"CC-BY-4.0 ({library}); the model's authors may have terms of their own",
            sizes=f"any; {resized} {size}x{size}",
            score="its own label" if ZOO[name].label else AREA_CARD.score,
            score_from=ruled.score_from,
            threshold=ruled.threshold,
        )

    @classmethod
    def decides(cls, argument: str) -> str:
        """The model, the size it sees, and IMDL-BenCo's version."""
        name, size = _parse(argument)
        return f"{name} {size} {installed('imdlbenco', how=HOW)}"

    def _load(self, path: Path) -> None:
        with torch.serialization.safe_globals([argparse.Namespace]):  # its training's options
            content = read_checkpoint(path)
        state = part_of(content, "model", path) if "model" in content else flat_state(content, path)
        self.network = _build(self._name, self._size, self.device)
        load_strict(self.network, state, path)
        self.network.to(self.device)
        self._moving = [  # each pass normalises them anew, which moves their last digits
            (kernel, kernel.data.clone())
            for name, kernel in self.network.named_parameters()
            if name.lower().startswith(CONSTRAINED)
        ]

    def _detect(self, images: Tensor) -> Detection:
        answers = [self._look(image[None]) for image in images]
        heatmap = torch.cat([heat for heat, _ in answers])
        own = [label for _, label in answers]
        score = torch.stack(own) if self._zoo_model.label else area_score(heatmap)
        return Detection(heatmap=heatmap, score=score)

    def _look(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """(1, 3, H, W) to its heatmap, (1, H, W), and its label, where it has one."""
        height, width = image.shape[2:]
        seen = self._seen(image)
        empty = image.new_zeros(1, 1, *seen.shape[2:])  # it computes its loss in any case
        for kernel, loaded in self._moving:
            kernel.data = loaded.clone()
        try:
            answer = self.network(
                image=seen, mask=empty, edge_mask=empty, label=image.new_zeros(1), shape=None
            )
        except ValueError as error:  # such as a size that it does not take
            raise BadOutput(f"{self.card.name}: {str(error)[:200]}") from None
        mask: Tensor = answer["pred_mask"]
        if self._zoo_model.pads:
            mask = mask[..., :height, :width]
        else:
            mask = F.interpolate(mask, (height, width), mode="bilinear", align_corners=False)
        label = answer["pred_label"]
        return mask[:, 0], image.new_zeros(()) if label is None else label.reshape(())

    def _seen(self, image: Tensor) -> Tensor:
        size = self._size
        down, right = size - image.shape[2], size - image.shape[3]
        if not self._zoo_model.pads:
            image = F.interpolate(image, (size, size), mode="bilinear", align_corners=False)
        elif min(down, right) < 0:
            raise BadOutput(f"{self.card.name} takes images of at most {size}x{size} pixels")
        else:
            image = F.pad(image, (0, right, 0, down))
        mean, std = (image.new_tensor(values).view(1, 3, 1, 1) for values in (MEAN, STD))
        return (image - mean) / std


def _parse(argument: str) -> tuple[str, int]:
    """The model's name and the size that it sees."""
    options, name = options_of(argument, {"size": ""})
    if name in REFUSED:
        raise ExternalError(f"imdlbenco:{name} cannot be used: {REFUSED[name]}")
    if name not in ZOO:
        raise UnknownName("model of IMDL-BenCo", name, ZOO)
    size = options["size"] or str(ZOO[name].size)
    if not (size.isdigit() and 32 <= int(size) <= 4096):
        raise BadInput(f"imdlbenco: size={size}: expected a side from 32 to 4096 pixels")
    return name, int(size)


def _build(name: str, size: int, device: torch.device) -> torch.nn.Module:
    """The network, its weights yet to come."""
    model = ZOO[name]
    arguments = {
        **(model.arguments or {}),
        **({model.sized: size} if model.sized else {}),
        **({"device": device} if model.placed else {}),
    }
    with (
        warnings.catch_warnings(),
        redirect_stdout(StringIO()),
        patch.object(model_zoo, "load_url", return_value={}),  # no download of ImageNet's weights
        importing("imdlbenco", how=HOW),
    ):
        warnings.simplefilter("ignore")
        import IMDLBenCo.model_zoo as _zoo  # noqa: F401 (it fills the registry)
        from IMDLBenCo.registry import MODELS

        network: torch.nn.Module = MODELS.module_dict[name](**arguments)
    return network
