"""Reference outputs of FcF: the authors' pickle with source code, or a re-published state dict."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmark.verify.golden import Activation, OutputPoint, Parts, Reference, leaving_as, merged
from benchmark.verify.stylegan import save_as_authors
from benchmark.verify.tolerance import Tolerance

PICTURE = Tolerance(absolute=2e-4)


def _save(folder: Path, case: str, parts: Parts) -> Path:
    """Case 1 as the authors' pickle, the others as the re-published state dict."""
    if case == "case1":
        save_as_authors(folder / "places.pkl", merged(parts))
        return folder / "places.pkl"
    torch.save(merged(parts), folder / "places_G.pth")
    return folder / "places_G.pth"


REFERENCE = Reference(
    parts=("plain", "equalized", "modulated", "torgb_low", "torgb_high", "mapping"),
    save=_save,
    taps=Tolerance(absolute=1e-4, relative=1e-4),
    points={
        "tap_enc256": Activation(module="encoder.b256.conv0"),
        "tap_enc32_down": Activation(module="encoder.b32", pick=leaving_as(1)),
        "tap_x_global": Activation(module="encoder.b4", pick=leaving_as(1)),
        "tap_ws": Activation(module="mapping"),
        "tap_syn4": Activation(module="synthesis.foreword.conv"),
        "tap_spectral32": Activation(
            module="synthesis.b32.ffc_skip.0.ffc_act.ffc_block.conv1.ffc.convg2g"
        ),
        "tap_syn32": Activation(module="synthesis.b32.conv1"),
        "tap_img128": Activation(module="synthesis.b128", pick=leaving_as(1)),
        "raw": OutputPoint(of=lambda asked: asked.returned[0], tolerance=PICTURE),
        "filled": OutputPoint(tolerance=PICTURE),
    },
    training=frozenset({"disc_logits"}),
)
