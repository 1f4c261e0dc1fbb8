"""Reference outputs of AOT-GAN: a plain state dict in a folder.

Its gates amplify rounding errors under seeded weights to 5e-5.
"""

from __future__ import annotations

from pathlib import Path

import torch

from benchmark.verify.golden import Activation, OutputPoint, Parts, Reference, entering
from benchmark.verify.tolerance import Tolerance

PICTURE = Tolerance(absolute=2e-4)


def _save(folder: Path, _case: str, parts: Parts) -> Path:
    torch.save(parts["generator"], folder / "G0010000.pt")
    return folder


REFERENCE = Reference(
    parts=("generator",),
    save=_save,
    taps=Tolerance(absolute=1e-3, relative=1e-3),
    points={
        "tap_input": Activation(module="encoder.0", pick=entering),
        "tap_encoder": Activation(module="encoder.6"),
        "tap_middle0_branch3": Activation(module="middle.0.block03"),
        "tap_middle0_gate": Activation(module="middle.0.gate"),
        "tap_middle0": Activation(module="middle.0"),
        "tap_middle7": Activation(module="middle.7"),
        "tap_decoder0": Activation(module="decoder.0"),
        "tap_decoder": Activation(module="decoder.4"),
        "raw": OutputPoint(of=lambda asked: (asked.returned[0] + 1) / 2, tolerance=PICTURE),
        "filled": OutputPoint(tolerance=PICTURE),
    },
    training=frozenset({"tap_discriminator"}),
)
