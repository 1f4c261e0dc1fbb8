"""Reference outputs of IID-Net: a folder with one file, saved from a DataParallel wrapper."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.verify.golden import Activation, OutputPoint, Parts, Reference, entering, merged
from benchmark.verify.tolerance import Tolerance
from detectors.iidnet import divisor, nearest


def _save(folder: Path, _case: str, parts: Parts) -> Path:
    state = {f"module.{name}": value for name, value in merged(parts).items()}
    torch.save(state, folder / "IID_weights.pth")
    return folder


def _divisor(_module: nn.Module, inputs: tuple[Tensor, ...], _output: object) -> float:
    """The attention's divisor for the one input image."""
    return float(divisor(nearest(inputs[0][0].flatten(1).T)[0]))


def _middle(_module: nn.Module, _inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    """The middle third of the channels: the output of global attention."""
    width = output.shape[1] // 3
    return output[:, width : 2 * width]


REFERENCE = Reference(
    parts=("iidnet", "bayar"),
    save=_save,
    taps=Tolerance(largest=1e-4),
    points={
        "tap_bayar": Activation(module="bayar_conv"),
        "tap_enh": Activation(module="cell1", pick=entering),
        "tap_cell2": Activation(module="cell2"),
        "tap_cell10": Activation(module="cell10"),
        "tap_k": Activation(module="att", pick=_divisor, whole=True),
        "tap_global": Activation(module="att", pick=_middle),
        "tap_local": Activation(module="att.local_att"),
        "tap_logit": Activation(module="decision"),
        "heatmap": OutputPoint(tolerance=Tolerance(absolute=5e-5)),
    },
)
