"""Reference outputs of EdgeConnect: the authors' folder of two files; Canny edges equal exactly."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmark.verify.golden import Activation, Asked, OutputPoint, Parts, Reference, entering
from benchmark.verify.tolerance import Tolerance, Values, summary
from inpainters.edgeconnect import EDGE_FILE, INPAINT_FILE, canny_edges, gray_levels

PICTURE = Tolerance(absolute=2e-4)
FILES = {"edge": EDGE_FILE, "inpaint": INPAINT_FILE}


def _save(folder: Path, _case: str, parts: Parts) -> Path:
    for part, file in FILES.items():
        torch.save({"iteration": 7, "generator": parts[part]}, folder / file)
    return folder


def _canny(asked: Asked) -> Values:
    """Canny edges of the image; one pixel changes their mean by 1.5e-5."""
    image, mask = asked.expected["image"], asked.expected["mask"]
    return summary(torch.from_numpy(canny_edges(gray_levels(image[None]), mask[None] == 0)))


REFERENCE = Reference(
    parts=("edge", "inpaint"),
    save=_save,
    taps=Tolerance(relative=1e-3, floor=1),
    points={
        "tap_canny": OutputPoint(of=_canny, tolerance=Tolerance(absolute=1e-12)),
        "tap_edge_input": Activation(module="edge.encoder", pick=entering),
        "tap_edge_encoder": Activation(module="edge.encoder.9"),
        "tap_edge_middle": Activation(module="edge.middle"),
        "tap_edge": Activation(module="edge"),
        "tap_inpaint_encoder": Activation(module="inpaint.encoder.9"),
        "tap_inpaint_middle": Activation(module="inpaint.middle"),
        "tap_inpaint_decoder": Activation(module="inpaint.decoder"),
        "raw": OutputPoint(of=lambda asked: asked.returned.raw[0], tolerance=PICTURE),
        "filled": OutputPoint(tolerance=PICTURE),
    },
)
