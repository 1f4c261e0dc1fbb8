"""Reference outputs of MADF: a checkpoint, or a state dict without batch norm counters."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.verify.golden import Activation, OutputPoint, Parts, Reference
from benchmark.verify.seeded import State
from benchmark.verify.tolerance import Tolerance
from inpainters.madf import denormalized

PICTURE = Tolerance(absolute=2e-5)


def _wrapped(state: State) -> dict[str, object]:
    """A checkpoint of the authors' training program."""
    model = {f"module.model.{name}": value for name, value in state.items()}
    model["module.extractor.enc_1.0.weight"] = torch.zeros(64, 3, 3, 3)
    optimizer = {"state": {0: {"step": 3, "exp_avg": torch.zeros(2)}}, "param_groups": []}
    return {"n_iter": 7, "model": model, "gen_optimizer": optimizer}


def _bare(state: State) -> State:
    """The state dict alone, as PyTorch wrote it before `num_batches_tracked`."""
    return {name: v for name, v in state.items() if not name.endswith("num_batches_tracked")}


def _save(folder: Path, case: str, parts: Parts) -> Path:
    file = folder / "places2.1000000.pth"
    torch.save((_wrapped if case == "case1" else _bare)(parts["generator"]), file)
    return file


def _filters(module: nn.Module, _inputs: tuple[Any, ...], output: Tensor) -> Tensor:
    """The filters at each position, (N, positions, A * k * k, B)."""
    made = module.get_submodule("conv1")(output)  # (N, A * k * k * B, h, w)
    count = module.shape[-1]  # type: ignore[index]
    filters: Tensor = made.flatten(2).transpose(1, 2).unflatten(2, (-1, count))
    return filters


REFERENCE = Reference(
    parts=("generator",),
    save=_save,
    taps=Tolerance(absolute=1e-3, relative=1e-4),
    points={
        "tap_mask1": Activation(module="filter_gen_1"),
        "tap_enc1": Activation(module="enc_conv_1"),
        "tap_filters7": Activation(module="filter_gen_7", pick=_filters),
        "tap_enc7": Activation(module="enc_conv_7"),
        "tap_att7": Activation(module="att_conv_7"),
        "tap_ref0_2": Activation(module="dec_ref0_2"),
        "tap_coarse": Activation(module="att_conv_1"),
        "tap_output": Activation(module="dec_ref1_1"),
        "raw": OutputPoint(
            of=lambda asked: denormalized(asked.returned.raw[0]).clamp(0, 1), tolerance=PICTURE
        ),
        "filled": OutputPoint(tolerance=PICTURE),
    },
)
