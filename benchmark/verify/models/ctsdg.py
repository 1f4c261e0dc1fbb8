"""Reference outputs of CTSDG: edges and gray values of the padded image, `generator` in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from benchmark.verify.golden import Activation, Asked, OutputPoint, Parts, Reference
from benchmark.verify.tolerance import Tolerance, Values, summary
from inpainters.ctsdg import outlines_of

PICTURE = Tolerance(absolute=2e-4)
OUTLINES = Tolerance(absolute=1e-7, relative=1e-7)


def _save(folder: Path, case: str, parts: Parts) -> Path:
    """Case 1 as the training program writes it, the others with the generator alone."""
    content: dict[str, object] = {"n_iter": 7, "generator": parts["generator"]}
    if case == "case1":
        content["discriminator"] = {"conv": torch.zeros(2)}
    torch.save(content, folder / "generator.pth")
    return folder / "generator.pth"


def _outline(asked: Asked, channel: int) -> Values:
    return summary(outlines_of(asked.expected["image"][None])[:, channel])


def _features(_module: nn.Module, _inputs: tuple[Any, ...], output: Any) -> Tensor:  # noqa: ANN401
    """The features in a module's output, without an accompanying mask."""
    features: Tensor = getattr(output, "features", output)
    return features


REFERENCE = Reference(
    parts=("generator",),
    save=_save,
    taps=Tolerance(relative=1e-3, floor=1),
    points={
        "tap_canny": OutputPoint(of=lambda asked: _outline(asked, 0), tolerance=OUTLINES),
        "tap_gray": OutputPoint(of=lambda asked: _outline(asked, 1), tolerance=OUTLINES),
        "tap_ec_texture_7": Activation(module="ec_texture_7", pick=_features),
        "tap_ec_structure_7": Activation(module="ec_structure_7", pick=_features),
        "tap_dc_texture_1": Activation(module="dc_texture_1", pick=_features),
        "tap_dc_structure_1": Activation(module="dc_structure_1", pick=_features),
        "tap_bigff": Activation(module="bigff", pick=_features),
        "tap_ral": Activation(module="cfa.ral", pick=_features),
        "raw": OutputPoint(of=lambda asked: (asked.returned.raw[0] + 1) / 2, tolerance=PICTURE),
        "filled": OutputPoint(tolerance=PICTURE),
    },
)
