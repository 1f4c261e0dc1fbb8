"""Reference outputs of TruFor: one checkpoint file, whose state dict is stored beside metrics."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmark.verify.golden import Activation, OutputPoint, Parts, Reference, entering
from benchmark.verify.tolerance import Tolerance

OUTPUT = Tolerance(absolute=5e-5)


def _save(folder: Path, _case: str, parts: Parts) -> Path:
    file = folder / "trufor.pth.tar"
    content = {"epoch": 99, "best_value": np.float64(0.5), "state_dict": parts["trufor"]}
    torch.save(content, file)
    return file


def _first(_module: nn.Module, _inputs: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401
    """The first of several outputs of a module, or the only one."""
    return output[0] if isinstance(output, tuple) else output


REFERENCE = Reference(
    parts=("trufor",),
    save=_save,
    taps=Tolerance(absolute=1e-4),
    points={
        "tap_noiseprint": Activation(module="dncnn", pick=_first),
        "tap_rgb1": Activation(module="backbone.norm1", pick=_first),
        "tap_frm1": Activation(module="backbone.FRMs.0", pick=_first),
        "tap_fused1": Activation(module="backbone.FFMs.0", pick=_first),
        "tap_fused4": Activation(module="backbone.FFMs.3", pick=_first),
        "tap_logits": Activation(module="decode_head", pick=_first),
        "tap_conf": Activation(module="decode_head_conf", pick=_first),
        "tap_pool": Activation(module="detection", pick=entering),
        "heatmap": OutputPoint(tolerance=OUTPUT),
        "confidence": OutputPoint(tolerance=OUTPUT),
        "score": OutputPoint(tolerance=OUTPUT),
    },
)
