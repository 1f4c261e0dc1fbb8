"""Pipelines of diffusers: parsing of specifiers, classes that fill holes, facts, loading."""

from __future__ import annotations

import inspect
import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch

from benchmark.core.errors import BadInput, WeightsError
from benchmark.core.external.optional import importing, install_line, installed, options_of
from benchmark.core.paths import expand_home

HOW = install_line("diffusers")
EXPECTED = {"diffusers": "0.42.1", "transformers": "5.24.0"}  # versions
DTYPES: Mapping[str, torch.dtype] = MappingProxyType(
    {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
)
OFFLOADS = ("none", "model", "sequential")
OPTIONS = {"prompt": "", "steps": "", "dtype": "float32", "offload": "none"}
_GIVEN = ("prompt", "image", "mask_image", "height", "width", "generator", "output_type")
_NEEDED = ("image", "mask_image")
_CONTROL = "control_image"  # has a default, but no pipeline runs without it
_REFUSED = {"RePaintPipeline": "its mask is white where pixels are kept, unlike all others"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineSpec:
    """What follows "diffusers:", parsed.

    Attributes:
        name: a hub ID or a folder.
        pipeline: the class named after "@", or "" for that which diffusers chooses.
        prompt: the prompt of all images.
        steps: number of denoising steps, or "" for the pipeline's default.
        dtype: of the weights and computations, a name of `DTYPES`.
        offload: how weights are kept off the GPU, one of `OFFLOADS`.
    """

    name: str
    pipeline: str
    prompt: str
    steps: str
    dtype: str
    offload: str

    @property
    def key(self) -> str:
        """What of it determines an output, besides the files; offloading computes the same."""
        plain = {"prompt": self.prompt, "steps": self.steps}
        dtype = "" if self.dtype == OPTIONS["dtype"] else f" dtype={self.dtype}"
        return f"{plain}{dtype}" + (f" {self.pipeline}" if self.pipeline else "")


@lru_cache(maxsize=64)
def parse_spec(argument: str) -> PipelineSpec:
    """Parse "[OPTION=VALUE ...] ID[@CLASS]".

    Raises:
        BadInput: if an option is not known, or a value cannot be used.
    """
    options, name = options_of(argument, OPTIONS)
    steps, dtype, offload = options["steps"], options["dtype"], options["offload"]
    if steps and not (steps.isdigit() and 1 <= int(steps) <= 1000):
        raise BadInput(f"diffusers: steps={steps}: expected a number from 1 to 1000")
    if dtype not in DTYPES:
        raise BadInput(f"diffusers: dtype={dtype}: expected {', '.join(DTYPES)}")
    if offload not in OFFLOADS:
        raise BadInput(f"diffusers: offload={offload}: expected {', '.join(OFFLOADS)}")
    folder, at, pipeline = name.rpartition("@")
    if not at or expand_home(Path(name)).is_dir():  # a folder may have any name
        folder, pipeline = name, ""
    elif not folder or not pipeline.isidentifier():
        raise BadInput(f"diffusers: {name}: expected ID@CLASS, such as ID@FluxFillPipeline")
    return PipelineSpec(name=folder, pipeline=pipeline, **options)


def check_device(spec: PipelineSpec, device: str) -> None:
    """Refuse what a CPU cannot do.

    Raises:
        BadInput: naming the option.
    """
    if torch.device(device).type != "cpu":
        return
    if spec.offload != "none":
        raise BadInput(
            f"offload={spec.offload} goes with a GPU, such as --device cuda:0: on a CPU there is "
            "nothing to keep weights off"
        )
    if spec.dtype == "float16":
        raise BadInput("dtype=float16 goes with a GPU; on a CPU use dtype=bfloat16 or float32")


@lru_cache(maxsize=16)
def find_pipeline(name: str) -> Any:  # noqa: ANN401 (a class of diffusers)
    """Return a class of the installed diffusers that fills holes.

    Raises:
        ExternalError: if diffusers is not installed, or cannot be imported.
        BadInput: if there is no such class, or it does not take what a run has; with close names.
    """
    with importing("diffusers", how=HOW, expected=EXPECTED["diffusers"]):
        import diffusers
    if reason := _unusable(diffusers, name):
        filling = [one for one in dir(diffusers) if "Inpaint" in one or "Fill" in one]
        close = get_close_matches(name, filling, n=8, cutoff=0.4)
        close = [one for one in close if not _unusable(diffusers, one)][:3]
        hint = f"; close names: {', '.join(close)}" if close else ""
        version = installed("diffusers", how=HOW)
        raise BadInput(f"@{name}: {reason} ({version}){hint}")
    return getattr(diffusers, name)


def _unusable(diffusers: Any, name: str) -> str:  # noqa: ANN401 (a module)
    """Return why a name is not that of a pipeline that fills holes, or ""."""
    with importing("diffusers", how=HOW, expected=EXPECTED["diffusers"]):
        kind = getattr(diffusers, name, None)
    if not isinstance(kind, type) or not issubclass(kind, diffusers.DiffusionPipeline):
        return "no pipeline of this name"
    if name in _REFUSED:
        return _REFUSED[name]
    parameters = inspect.signature(kind.__call__).parameters
    if lacks := [one for one in _NEEDED if one not in parameters]:
        return f"it fills no holes, as it does not take {' and '.join(lacks)}"
    more = [
        one.name
        for one in list(parameters.values())[1:]
        if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD
    ]
    more = [one for one in more if one not in _GIVEN]
    more += [_CONTROL] if _CONTROL in parameters else []
    return f"it needs {' and '.join(more)}, which a run does not have" if more else ""


def arguments_of(pipeline: Any) -> frozenset[str]:  # noqa: ANN401 (a pipeline or its class)
    """Return the names of what a pipeline is called with, of those that a run has."""
    return frozenset(inspect.signature(pipeline.__call__).parameters) & frozenset(_GIVEN)


def sees_hole(folder: Path, pipeline: str) -> bool:
    """Whether the content of holes may affect a pipeline's output.

    It does in pipelines that start from a noisy version of the image. Stable Diffusion's inpainting
    networks, with 9 input channels, and FLUX Fill start from pure noise and get the image with
    blanked holes.

    Args:
        folder: of the pipeline.
        pipeline: the class named in the specifier, or "".
    """
    kind = pipeline or _read(folder / "model_index.json").get("_class_name")
    if kind == "FluxFillPipeline":
        return False
    plain = kind in ("StableDiffusionInpaintPipeline", "StableDiffusionPipeline")
    return not (plain and _read(folder / "unet" / "config.json").get("in_channels") == 9)


def multiple_of(folder: Path) -> int:
    """Return what a pipeline's height and width have to be multiples of, at least 8.

    It is the autoencoder's factor, for a transformer twice that, as it takes latents in patches of
    2x2 (FLUX, Stable Diffusion 3: 16).
    """
    blocks = _read(folder / "vae" / "config.json").get("block_out_channels")
    factor = 2 ** (min(len(blocks), 8) - 1) if isinstance(blocks, list) and blocks else 8
    return max(8, factor * (2 if (folder / "transformer").is_dir() else 1))


def _read(path: Path) -> dict[str, Any]:
    """Return a configuration; empty if there is none, or it is damaged: loading reports that."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def load_pipeline(folder: Path, spec: PipelineSpec, device: torch.device) -> Any:  # noqa: ANN401 (of any pipeline)
    """Load a pipeline from a folder.

    Raises:
        ExternalError: if diffusers is not installed, or accelerate for offloading.
        WeightsError: if the folder has no such pipeline, or is damaged.
    """
    with importing("diffusers", how=HOW, expected=EXPECTED["diffusers"]):
        import diffusers
        import transformers

        automatic = diffusers.AutoPipelineForInpainting
    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()
    kind = find_pipeline(spec.pipeline) if spec.pipeline else automatic
    chosen = {} if spec.dtype == OPTIONS["dtype"] else {"dtype": DTYPES[spec.dtype]}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pipeline = kind.from_pretrained(str(folder), local_files_only=True, **chosen)
    except Exception as error:  # a library's code on files of any content
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        what = spec.pipeline or "inpainting pipeline of diffusers"
        raise WeightsError(f"{folder}: no {what} ({reason}){_hint(folder, spec)}") from error
    pipeline.set_progress_bar_config(disable=True)
    if spec.offload == "none":
        return pipeline.to(device)
    with importing("accelerate", how="pip install accelerate"):
        offload = "sequential_cpu_offload" if spec.offload == "sequential" else "model_cpu_offload"
        getattr(pipeline, f"enable_{offload}")(device=device)
    return pipeline


def _hint(folder: Path, spec: PipelineSpec) -> str:
    """Return the class of a folder that diffusers does not choose by itself, as a hint."""
    kind = str(_read(folder / "model_index.json").get("_class_name"))
    if spec.pipeline or not kind.isidentifier():
        return ""
    try:
        find_pipeline(kind)
    except BadInput:
        return ""
    return f"; name its class: diffusers:ID@{kind}"


def unread_tokens(pipeline: Any, prompt: str) -> tuple[int, int]:  # noqa: ANN401 (of any pipeline)
    """Return how many tokens a prompt has, and how many its pipeline reads at most.

    Of several text encoders that counts which reads most. (0, 0) if no encoder leaves any out.
    """
    longest = inspect.signature(pipeline.__call__).parameters.get("max_sequence_length")
    counts = []
    for name in ("tokenizer", "tokenizer_2", "tokenizer_3"):
        tokenizer = getattr(pipeline, name, None)
        if tokenizer is None:
            continue
        most = tokenizer.model_max_length
        if longest is not None and "CLIP" not in type(tokenizer).__name__:
            most = longest.default
        counts.append((len(tokenizer(prompt, truncation=False).input_ids), most))
    if not counts or any(count <= most for count, most in counts):
        return 0, 0
    return max(counts, key=lambda one: one[1])
