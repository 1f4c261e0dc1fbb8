"""`diffusers:ID`: an inpainting pipeline of diffusers, from a folder or the hub's local cache.

Nothing is downloaded. Options before the ID: `prompt='TEXT'` (empty by default) and `steps=N` (the
pipeline's default). Everything else keeps the pipeline's defaults.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput, MissingWeights, WeightsError
from benchmark.core.external.files import digest_of
from benchmark.core.external.hub import find_local
from benchmark.core.external.optional import importing, install_line, installed, options_of
from benchmark.core.tensors import to_pixels
from benchmark.core.types import Mask, Pixels
from inpainters.base import Inpainter

HOW = install_line("diffusers")
OPTIONS = {"prompt": "", "steps": ""}


class Diffusers(Inpainter):
    """A pipeline of diffusers, as loaded by `AutoPipelineForInpainting`.

    Args:
        argument: options and a hub ID or a folder.
        weights: must be None: the pipeline has its own.
        device: a torch device such as "cpu" or "cuda:0".

    Raises:
        ExternalError: if diffusers is not installed.
        BadInput: if the argument is invalid.
        MissingWeights: if the ID is neither a folder nor in the hub's local cache.
        WeightsError: if it is not an inpainting pipeline, or damaged.
    """

    card = Card(
        name="diffusers",
        title="diffusers",
        sizes="any, mirrored to multiples of 8; each pipeline was trained at one of its own",
        multiple=8,
        min_side=8,
        seeded=True,
        sees_hole=True,
    )

    def __init__(
        self, argument: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        options, name = _parse(argument)
        self._arguments: dict[str, Any] = {"prompt": options["prompt"]}
        if options["steps"]:
            self._arguments["num_inference_steps"] = int(options["steps"])
        self._pipeline = _load(find_local(name, how=HOW)).to(self.device)

    @classmethod
    def card_for(cls, argument: str) -> Card:
        """The card, with the pipeline's name, the version of diffusers, and `sees_hole`."""
        _, name = _parse(argument)
        library = installed("diffusers", how=HOW)
        try:
            sees_hole = _sees_hole(find_local(name, how=HOW))
        except MissingWeights:
            sees_hole = cls.card.sees_hole
        return replace(
            cls.card,
            title=f"{Path(name).name} ({library})",
            license=f"Apache-2.0 ({library}); the pipeline has terms of its own",
            sees_hole=sees_hole,
        )

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """The options, the versions of the libraries, and the hub revision or the folder's hash."""
        options, name = _parse(argument)
        libraries = [installed(library, how=HOW) for library in ("diffusers", "transformers")]
        folder = find_local(name, how=HOW)
        cached = folder.parent.name == "snapshots"  # of the hub's cache: a folder per revision
        files = f"{name}@{folder.name}" if cached else f"sha256:{digest_of(folder)}"
        return " ".join((*libraries, str(options), files))

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        holes = masks[:, 0].cpu().numpy() > 0
        pairs = zip(to_pixels(images.cpu()), holes, strict=True)
        return torch.stack([self._paint(image, hole, seed) for image, hole in pairs])

    def _paint(self, image: Pixels, hole: Mask, seed: int) -> Tensor:
        """Inpaint an (H, W, 3) uint8 image with an (H, W) mask: (3, H, W) float32 in [0, 1]."""
        try:
            output = self._pipeline(
                **self._arguments,
                image=Image.fromarray(image),  # all pipelines interpret PIL images alike
                mask_image=Image.fromarray(hole).convert("L"),
                height=image.shape[0],
                width=image.shape[1],
                generator=torch.Generator().manual_seed(seed),
                output_type="np",
            )
        except (TypeError, ValueError) as error:  # such as an unsupported size
            raise BadOutput(f"{self.card.name}: {str(error)[:200]}") from None
        if any(getattr(output, "nsfw_content_detected", None) or ()):
            raise BadOutput(f"{self.card.name}: the pipeline's safety checker blacked it out")
        return torch.from_numpy(output.images[0]).permute(2, 0, 1)


def _sees_hole(folder: Path) -> bool:
    """Whether the content of holes may affect a pipeline's output.

    It does in pipelines that start from a noisy version of the image. Stable Diffusion's inpainting
    networks, with 9 input channels, start from pure noise and get the image with blanked holes.
    """
    index, unet = folder / "model_index.json", folder / "unet" / "config.json"
    try:
        kind = json.loads(index.read_text(encoding="utf-8"))["_class_name"]
        channels = json.loads(unet.read_text(encoding="utf-8"))["in_channels"]
    except (OSError, ValueError, LookupError, TypeError):  # of another kind, or damaged
        return True
    plain = kind in ("StableDiffusionInpaintPipeline", "StableDiffusionPipeline")
    return not (plain and channels == 9)


def _parse(argument: str) -> tuple[dict[str, str], str]:
    options, name = options_of(argument, OPTIONS)
    steps = options["steps"]
    if steps and not (steps.isdigit() and 1 <= int(steps) <= 1000):
        raise BadInput(f"diffusers: steps={steps}: expected a number from 1 to 1000")
    return options, name


def _load(folder: Path) -> Any:  # noqa: ANN401 (of any pipeline)
    with importing("diffusers", how=HOW):
        import diffusers
        import transformers
    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()
    try:
        kind = diffusers.AutoPipelineForInpainting
        pipeline = kind.from_pretrained(str(folder), local_files_only=True)
    except (OSError, ValueError, KeyError, ImportError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise WeightsError(f"{folder}: no inpainting pipeline of diffusers ({reason})") from None
    pipeline.set_progress_bar_config(disable=True)
    return pipeline
