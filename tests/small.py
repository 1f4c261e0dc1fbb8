"""Tiny networks of every model that has weights, so that contracts are tested without any file.

A new model with weights adds a line here; the contract tests fail until it does.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import nn

FOLDER = TemporaryDirectory(prefix="small-")


class Small(NamedTuple):
    """Where a model's network is, and sizes that make it tiny."""

    module: str
    network: str
    config: str
    sizes: dict[str, Any]


SAFEPAINT = {"width": 4, "blocks": 1, "extractor_width": 2, "vector": 3}
WIDTH = {"width": 4, "blocks": 1}
MADF = {"levels": 3, "width": 4, "decoder_width": 6, "mask_width": 3, "guide_width": 5}
FCF = {"resolution": 64, "width": 32, "max_width": 64, "latent": 6, "code": 10}
PSCCNET = {
    "stem_width": 4, "widths": (3, 4, 5, 6), "blocks": 1, "side": 32, "mask_width": 2,
    "judge_width": 4, "judge_hidden": 3,
}  # fmt: skip
TRUFOR = {
    "widths": (4, 8, 12, 16), "depths": (1, 2, 1, 1), "heads": (1, 2, 3, 4), "decoder_width": 8,
    "detection_width": 6, "extractor_width": 4, "extractor_layers": 4,
}  # fmt: skip
IIDNET = {"stem_widths": (4, 6), "widths": (6, 8), "decision_width": 5}

SMALL = {
    "safepaint": Small("inpainters.safepaint", "Generator", "SafePaintConfig", SAFEPAINT),
    "safepaint-backbone": Small(
        "inpainters.safepaint", "Generator", "SafePaintConfig", {**SAFEPAINT, "rwsa": False}
    ),
    "safepaint-ddl": Small(
        "inpainters.safepaint", "Generator", "SafePaintConfig", {**SAFEPAINT, "rwsa": False}
    ),
    "safepaint-rwsa": Small("inpainters.safepaint", "Generator", "SafePaintConfig", SAFEPAINT),
    "edgeconnect": Small(
        "inpainters.edgeconnect", "EdgeConnectNetwork", "EdgeConnectConfig", WIDTH
    ),
    "edgeconnect+rwsa": Small(
        "inpainters.edgeconnect",
        "EdgeConnectNetwork",
        "EdgeConnectConfig",
        {**WIDTH, "rwsa": True},
    ),
    "madf": Small("inpainters.madf", "MADFNetwork", "MADFConfig", MADF),
    "ctsdg": Small("inpainters.ctsdg", "Generator", "CTSDGConfig", {"width": 4, "levels": 3}),
    "aotgan": Small("inpainters.aotgan", "Generator", "AOTGANConfig", WIDTH),
    "aotgan+rwsa": Small("inpainters.aotgan", "Generator", "AOTGANConfig", {**WIDTH, "rwsa": True}),
    "lama": Small("inpainters.lama", "Generator", "LaMaConfig", {"width": 4, "blocks": 2}),
    "fcf": Small("inpainters.fcf", "Generator", "FcFConfig", FCF),
    "psccnet": Small("detectors.psccnet", "PSCCNetNetwork", "PSCCNetConfig", PSCCNET),
    "trufor": Small("detectors.trufor", "TruForNetwork", "TruForConfig", TRUFOR),
    "iidnet": Small("detectors.iidnet", "IIDNetNetwork", "IIDNetConfig", IIDNET),
}


@cache
def small_weights(name: str) -> Path:
    """A .safetensors file of the tiny network with seeded weights, as this project writes them."""
    small = SMALL[name]
    code = importlib.import_module(small.module)
    config = getattr(code, small.config)(**small.sizes)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network: nn.Module = getattr(code, small.network)(config)
        _wake(network)
    path = Path(FOLDER.name) / f"{name}.safetensors"
    state = {key: value.contiguous().clone() for key, value in network.state_dict().items()}
    noted = {"model": name, "config": asdict(config)}
    save_file(state, path, metadata={"bench": json.dumps(noted)})
    return path


@torch.no_grad()
def _wake(network: nn.Module) -> None:
    """Let what begins at zero, such as a gate, have a say."""
    for value in network.parameters():
        if value.is_floating_point() and not value.any():
            nn.init.normal_(value, std=0.1)
