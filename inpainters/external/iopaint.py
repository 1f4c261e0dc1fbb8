"""`iopaint:NAME`: an erase model of IOPaint, with the weights that IOPaint has downloaded.

Nothing is downloaded here. Most of the files are TorchScript, which is code: they are loaded only
if their MD5 is the one that IOPaint publishes.
"""

from __future__ import annotations

import hashlib
import os
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field, replace
from io import StringIO
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.errors import MissingWeights, UnknownName, WeightsError
from benchmark.core.external.files import digest_of
from benchmark.core.external.optional import (
    importing,
    install_line,
    installed,
)
from benchmark.core.paths import torch_checkpoints
from benchmark.core.tensors import to_images, to_pixels
from benchmark.core.types import Mask, Pixels
from inpainters.base import Inpainter

EXPECTED = "1.6.0"
HOW = f"{install_line('iopaint')}, then pip install --no-deps iopaint=={EXPECTED}"


@dataclass(frozen=True, slots=True, kw_only=True)
class EraseModel:
    """An erase model of IOPaint 1.6.0.

    Attributes:
        license: the license of the model's authors, if stated.
        files: names and MD5 of its files, as published by IOPaint.
        seeded: whether it uses random numbers, from torch's global generator.
        sees_hole: whether the content of the hole affects its output.
    """

    license: str
    files: Mapping[str, str] = field(default_factory=dict)
    seeded: bool = False
    sees_hole: bool = False


MODELS: Mapping[str, EraseModel] = {
    "lama": EraseModel(
        license="Apache-2.0", files={"big-lama.pt": "e3aa4aaa15225a33ec84f9f4bc47e500"}
    ),
    "anime-lama": EraseModel(
        license="not stated by IOPaint",
        files={"anime-manga-big-lama.pt": "29f284f36a0a510bcacf39ecf4c4d54f"},
    ),
    "ldm": EraseModel(
        license="that of CompVis/latent-diffusion",
        files={
            "cond_stage_model_encode.pt": "23239fc9081956a3e70de56472b3f296",
            "cond_stage_model_decode.pt": "fe419cd15a750d37a4733589d0d3585c",
            "diffusion.pt": "b0afda12bf790c03aba2a7431f11d22d",
        },
        seeded=True,
    ),
    "zits": EraseModel(
        license="none found in DQiaole/ZITS_inpainting",
        files={
            "zits-inpaint-0717.pt": "9978cc7157dc29699e42308d675b2154",
            "zits-edge-line-0717.pt": "55e31af21ba96bbf0c80603c76ea8c5f",
            "zits-structure-upsample-0717.pt": "3d88a07211bd41b2ec8cc0d999f29927",
            "zits-wireframe-0717.pt": "a9727c63a8b48b65c905d351b21ce46b",
        },
        sees_hole=True,  # edges of the whole image, as its authors' program finds them
    ),
    "mat": EraseModel(
        license="research purposes only (fenglinglwb/MAT)",
        files={"Places_512_FullData_G.pth": "8ca927835fa3f5e21d65ffcb165377ed"},
    ),
    "fcf": EraseModel(
        license="Apache-2.0; parts NVIDIA Source Code License (non-commercial use)",
        files={"places_512_G.pth": "3323152bc01bf1c56fd8aba74435a211"},
    ),
    "migan": EraseModel(
        license="that of Picsart-AI-Research/MI-GAN",
        files={"migan_traced.pt": "76eb3b1a71c400ee3290524f7a11b89c"},
    ),
    "manga": EraseModel(
        license="its own: free, with a written notice for commercial use (msxie92/MangaInpainting)",
        files={
            "manga_inpaintor.jit": "7d8b269c4613b6b3768af714610da86c",
            "erika.jit": "0c926d5a4af8450b0d00bc5b9a095644",
        },
        sees_hole=True,  # lines of the whole image
    ),
    "cv2": EraseModel(license="Apache-2.0 (OpenCV)"),
}


class IOPaint(Inpainter):
    """An erase model of IOPaint, called like `iopaint run`, with the default settings.

    Args:
        name: its name in IOPaint, such as "lama".
        weights: must be None: they are in torch's checkpoint folder.
        device: a torch device such as "cpu" or "cuda:0".

    Raises:
        UnknownName: if IOPaint has no such erase model.
        ExternalError: if IOPaint is not installed, or cannot be imported.
        MissingWeights: if IOPaint has not downloaded its files.
        WeightsError: if the MD5 of a file is not the published one.
    """

    card = Card(name="iopaint", title="IOPaint", sizes="any, as IOPaint pads it", min_side=16)
    libraries: ClassVar[Mapping[str, str]] = {"iopaint": EXPECTED}
    install = HOW
    no_tuning = (
        "iopaint:NAME runs in float32 and is not compiled; for other models, run it first without "
        "and use its images: --save-images, outputs:DIR"
    )

    def __init__(
        self, name: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        _verify(name)
        self._model, self._request = _load(name, self.device)

    @classmethod
    def card_for(cls, argument: str) -> Card:
        """The card, with the model's name and license, and the installed version of IOPaint."""
        model, library = _known(argument), installed("iopaint", how=HOW)
        return replace(
            cls.card,
            title=f"{argument} ({library})",
            license=f"{model.license}; {library}: Apache-2.0",
            seeded=model.seeded,
            sees_hole=model.sees_hole,
        )

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """The model, the version of IOPaint, and the hashes of the model's files."""
        hashes = [digest_of(path) for path in _files(argument)]
        return " ".join((argument, installed("iopaint", how=HOW), *hashes))

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        holes = masks[:, 0].cpu().numpy() > 0
        devices = [self.device] if self.device.type == "cuda" else []
        inpainted = []
        for image, hole in zip(to_pixels(images), holes, strict=True):
            with torch.random.fork_rng(devices=devices):
                torch.manual_seed(seed)
                inpainted.append(self._paint(image, hole))
        return to_images(np.stack(inpainted)).to(torch.float32)

    def _paint(self, image: Pixels, hole: Mask) -> Pixels:
        """Inpaint (H, W, 3) uint8 RGB; IOPaint's models return float BGR, which it truncates."""
        mask = hole.astype(np.uint8) * 255
        with redirect_stdout(StringIO()):  # some print their run time
            bgr = np.asarray(self._model(image, mask, self._request())).astype(np.uint8)
        return np.ascontiguousarray(bgr[..., ::-1])


def _known(name: str) -> EraseModel:
    if name not in MODELS:
        raise UnknownName("erase model of IOPaint", name, MODELS)
    return MODELS[name]


def _files(name: str) -> list[Path]:
    """The paths of a model's files, all of which exist."""
    paths = [torch_checkpoints() / file for file in _known(name).files]
    missing = [path for path in paths if not path.is_file()]
    if missing:
        raise MissingWeights(
            f"iopaint:{name}: {missing[0]} does not exist; get it with 'iopaint download "
            f"--model={name}'"
        )
    return paths


def _verify(name: str) -> None:
    for path, known in zip(_files(name), _known(name).files.values(), strict=True):
        with path.open("rb") as content:
            found = hashlib.file_digest(content, "md5").hexdigest()
        if found != known:
            raise WeightsError(
                f"{path}: not the file that IOPaint publishes: expected MD5 {known}, got {found}"
            )


def _load(name: str, device: torch.device) -> tuple[Any, Any]:
    """The model, and the class of its request."""
    with _environment_kept(), importing("iopaint", how=HOW, expected=EXPECTED):
        from iopaint.model import models
        from iopaint.schema import InpaintRequest
        from loguru import logger
    logger.disable("iopaint")
    try:
        with _environment_kept(), redirect_stdout(StringIO()):
            return models[name](device), InpaintRequest
    except (Exception, SystemExit) as error:  # it exits if a file cannot be loaded
        raise WeightsError(f"iopaint:{name}: cannot be loaded ({str(error)[:150]})") from error


@contextmanager
def _environment_kept() -> Iterator[None]:
    """Restore warning filters, and environment variables (IOPaint disables oneDNN caches)."""
    before = dict(os.environ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)
