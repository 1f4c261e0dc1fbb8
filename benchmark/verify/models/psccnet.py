"""Reference outputs of PSCC-Net: three files, each saved from a DataParallel wrapper."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmark.verify.golden import Activation, OutputPoint, Parts, Reference, entering, leaving_as
from benchmark.verify.tolerance import Tolerance
from detectors.psccnet import FILES


def _save(folder: Path, case: str, parts: Parts) -> Path:
    """Case 1 in the authors' three folders below `checkpoint`, the others in one folder."""
    for part, (inner, file) in FILES.items():
        target = folder / inner if case == "case1" else folder
        target.mkdir(exist_ok=True)
        state = {f"module.{name}": value for name, value in parts[part].items()}
        torch.save(state, target / file)
    return folder


REFERENCE = Reference(
    parts=("hrnet", "nlc", "head"),
    save=_save,
    taps=Tolerance(largest=1e-4),
    points={
        "tap_layer1": Activation(module="hrnet.layer1"),
        "tap_stage2_b1": Activation(module="hrnet.stage2", pick=leaving_as(1)),
        "tap_s1": Activation(module="hrnet", pick=leaving_as(0)),
        "tap_s4": Activation(module="hrnet", pick=leaving_as(3)),
        "tap_mask4": Activation(module="nlc.getmask4"),
        "tap_z3": Activation(module="nlc.getmask3.getmask", pick=entering),
        "tap_mask1": Activation(module="nlc.getmask1"),
        "tap_logits": Activation(module="head"),
        "heatmap": OutputPoint(tolerance=Tolerance(absolute=5e-5)),
        "score": OutputPoint(tolerance=Tolerance(absolute=1e-5)),
    },
)
