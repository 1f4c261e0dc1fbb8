"""Reference outputs of LaMa: the folder `big-lama` with its Lightning checkpoint."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.verify.golden import (
    Activation,
    Asked,
    OutputPoint,
    Parts,
    Reference,
    entering,
    merged,
)
from benchmark.verify.stand_ins import stand_in_modules
from benchmark.verify.tolerance import Tolerance
from inpainters.lama import CHECKPOINT

PICTURE = Tolerance(absolute=2e-4)
CALLBACK = "pytorch_lightning.callbacks.model_checkpoint"


def _save(folder: Path, _case: str, parts: Parts) -> Path:
    """The checkpoint, with a class of Lightning as a key and an instance as a value."""
    module = ModuleType(CALLBACK)
    callback = type("ModelCheckpoint", (), {"__module__": CALLBACK})
    module.__dict__["ModelCheckpoint"] = callback
    state = {f"generator.{name}": value for name, value in merged(parts).items()}
    content = {
        "epoch": 39,
        "pytorch-lightning_version": "1.2.9",
        "callbacks": {callback: {"best_model_score": torch.tensor(0.5)}},
        "hyper_parameters": {"made": callback()},
        "state_dict": {"val_evaluator.scores.ssim.window": torch.ones(3), **state},
    }
    (folder / CHECKPOINT).parent.mkdir(parents=True)
    names = CALLBACK.split(".")
    modules = {".".join(names[:depth]): module for depth in (1, 2, 3)}
    with stand_in_modules(modules):
        torch.save(content, folder / CHECKPOINT)
    return folder


def _far(_module: nn.Module, _inputs: tuple[Any, ...], output: Any) -> Tensor:  # noqa: ANN401
    """The global features in the output of a Fourier block."""
    far: Tensor = output.far
    return far


def _raw(asked: Asked) -> Tensor:
    """The network's output, without the padding of its sides to multiples of 8."""
    height, width = asked.expected["mask"].shape
    raw: Tensor = asked.returned[0, :, :height, :width]
    return raw


REFERENCE = Reference(
    parts=("stem", "body", "head"),
    save=_save,
    taps=Tolerance(absolute=1e-4, relative=1e-4),
    points={
        "tap_input": Activation(module="model.0", pick=entering),
        "tap_stem": Activation(module="model.1"),
        "tap_down3_global": Activation(module="model.4", pick=_far),
        "tap_block0_fourier": Activation(module="model.5.conv1.ffc.convg2g.fu"),
        "tap_block0_global": Activation(module="model.5", pick=_far),
        "tap_body": Activation(module="model.23"),
        "tap_up1": Activation(module="model.26"),
        "tap_logits": Activation(module="model.34"),
        "raw": OutputPoint(of=_raw, tolerance=PICTURE),
        "filled": OutputPoint(tolerance=PICTURE),
    },
    training=frozenset({"disc_logits"}),
)
