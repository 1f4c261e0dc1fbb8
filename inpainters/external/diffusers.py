"""`diffusers:ID`: an inpainting pipeline of diffusers, from a folder or the hub's local cache.

Nothing is downloaded. `diffusers:ID@CLASS` names the pipeline's class. Options before the ID:
`prompt='TEXT'` (empty by default), `steps=N` (the pipeline's default), `dtype=bfloat16|float16`
(float32 by default) and `offload=model|sequential` (weights wait in the CPU's memory). Everything
else keeps the pipeline's defaults.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import torch
from PIL import Image
from torch import Tensor

from benchmark.core.card import Card
from benchmark.core.errors import BadInput, BadOutput, MissingWeights, PromptWarning
from benchmark.core.external.files import digest_of
from benchmark.core.external.hub import find_local
from benchmark.core.external.optional import installed
from benchmark.core.external.options import RunOptions
from benchmark.core.tensors import to_pixels
from benchmark.core.types import Mask, Pixels
from inpainters.base import Inpainter
from inpainters.external.pipelines import (
    EXPECTED,
    HOW,
    arguments_of,
    check_device,
    find_pipeline,
    load_pipeline,
    multiple_of,
    parse_spec,
    sees_hole,
    unread_tokens,
)


class Diffusers(Inpainter):
    """A pipeline of diffusers, of the class that is named or `AutoPipelineForInpainting` chooses.

    Args:
        argument: options, a hub ID or a folder, and "@" with a class.
        weights: must be None: the pipeline has its own.
        device: a torch device such as "cpu" or "cuda:0".

    Raises:
        ExternalError: if diffusers is not installed.
        BadInput: if the argument is invalid, or asks for what the device cannot do.
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
    libraries: ClassVar[Mapping[str, str]] = EXPECTED
    install = HOW
    no_tuning = (
        "diffusers:ID takes its precision from its own option, 'diffusers:dtype=bfloat16 ID', and "
        "is not compiled; for other models, run it first without and use its images: --save-images,"
        " outputs:DIR"
    )

    def __init__(
        self, argument: str, *, weights: str | Path | None = None, device: str = "cpu"
    ) -> None:
        super().__init__(weights=weights, device=device)
        self.card = self.card_for(argument)
        spec = parse_spec(argument)
        check_device(spec, device)
        self._prompt = spec.prompt
        self._arguments: dict[str, Any] = {}
        if spec.steps:
            self._arguments["num_inference_steps"] = int(spec.steps)
        self._pipeline = load_pipeline(find_local(spec.name, how=HOW), spec, self.device)
        self._takes = arguments_of(self._pipeline)
        self._warned = False

    @classmethod
    def card_for(cls, argument: str) -> Card:
        """The card, with the pipeline's name, the version of diffusers, and `sees_hole`."""
        spec = parse_spec(argument)
        library = installed("diffusers", how=HOW)
        if spec.pipeline:
            find_pipeline(spec.pipeline)
        card = cls.card
        try:
            folder = find_local(spec.name, how=HOW)
        except MissingWeights:
            folder = None
        if folder is not None:
            multiple = multiple_of(folder)
            sizes = card.sizes.replace("multiples of 8", f"multiples of {multiple}")
            card = replace(
                card, sees_hole=sees_hole(folder, spec.pipeline), multiple=multiple, sizes=sizes
            )
        named = f" {spec.pipeline}" if spec.pipeline else ""
        return replace(
            card,
            title=f"{Path(spec.name).name}{named} ({library})",
            license=f"Apache-2.0 ({library}); the pipeline has terms of its own",
        )

    @classmethod
    def fingerprint(cls, argument: str) -> str:
        """The options, the versions of the libraries, and the hub revision or the folder's hash."""
        spec = parse_spec(argument)
        libraries = [installed(library, how=HOW) for library in ("diffusers", "transformers")]
        folder = find_local(spec.name, how=HOW)
        cached = folder.parent.name == "snapshots"  # of the hub's cache: a folder per revision
        files = f"{spec.name}@{folder.name}" if cached else f"sha256:{digest_of(folder)}"
        return " ".join((*libraries, spec.key, files))

    @classmethod
    def check_options(cls, argument: str, options: RunOptions) -> None:
        """Refuse a precision, a device or prompts that the pipeline cannot honor.

        Raises:
            BadInput: as `Model.check_options`.
        """
        super().check_options(argument, options)
        spec = parse_spec(argument)
        for device in options.devices:
            check_device(spec, device)
        if options.prompts and spec.prompt:
            raise BadInput("--prompts and prompt='TEXT' of its specifier: expected one of them")
        named = options.prompts and spec.pipeline
        if named and "prompt" not in arguments_of(find_pipeline(spec.pipeline)):
            raise BadInput(f"--prompts: {spec.pipeline} takes no prompt")

    def _fill(self, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        return self._fill_with_prompt(self._prompt, images, masks, seed=seed)

    def _fill_with_prompt(self, prompt: str, images: Tensor, masks: Tensor, *, seed: int) -> Tensor:
        if "prompt" in self._takes:
            self._warn_of_length(prompt)
            self._arguments["prompt"] = prompt
        elif prompt:
            raise BadInput(f"{self.card.name}: {type(self._pipeline).__name__} takes no prompt")
        holes = masks[:, 0].cpu().numpy() > 0
        pairs = zip(to_pixels(images.cpu()), holes, strict=True)
        return torch.stack([self._paint(image, hole, seed) for image, hole in pairs])

    def _paint(self, image: Pixels, hole: Mask, seed: int) -> Tensor:
        """Inpaint an (H, W, 3) uint8 image with an (H, W) mask: (3, H, W) float32 in [0, 1]."""
        height, width = image.shape[:2]
        sizes = {"height": height, "width": width}
        try:
            output = self._pipeline(
                **self._arguments,
                **{name: size for name, size in sizes.items() if name in self._takes},
                image=Image.fromarray(image),  # all pipelines interpret PIL images alike
                mask_image=Image.fromarray(hole).convert("L"),
                generator=torch.Generator().manual_seed(seed),
                output_type="np",
            )
        except (TypeError, ValueError) as error:  # such as an unsupported size
            raise BadOutput(f"{self.card.name}: {str(error)[:200]}") from None
        if any(getattr(output, "nsfw_content_detected", None) or ()):
            raise BadOutput(f"{self.card.name}: the pipeline's safety checker blacked it out")
        found = output.images[0]
        if found.shape != image.shape:
            got = "x".join(map(str, found.shape[1::-1]))
            raise BadOutput(f"{self.card.name}: expected {width}x{height} pixels, got {got}")
        return torch.from_numpy(found).permute(2, 0, 1)

    def _warn_of_length(self, prompt: str) -> None:
        """Warn once if the pipeline reads only the beginning of a prompt."""
        count, most = (0, 0) if self._warned else unread_tokens(self._pipeline, prompt)
        if count > most:
            self._warned = True
            message = (
                f"{self.card.name}: the pipeline reads {most} tokens of a prompt; one of {count}, "
                f"{prompt[:40]!r}..., and others as long are cut"
            )
            warnings.warn(message, PromptWarning, stacklevel=2)
