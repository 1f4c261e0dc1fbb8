"""Inpainters: add a module to this package and an entry to `INPAINTERS`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.core.registry import Registry, create
from inpainters.retired import RETIRED

if TYPE_CHECKING:  # names are listed without loading torch
    from inpainters.base import Inpainter

INPAINTERS: Registry[type[Inpainter]] = Registry(
    "inpainter",
    {
        "safepaint": "inpainters.safepaint:SafePaint",
        "safepaint-backbone": "inpainters.safepaint:SafePaintBackbone",
        "safepaint-ddl": "inpainters.safepaint:SafePaintDDL",
        "safepaint-rwsa": "inpainters.safepaint:SafePaintRWSA",
        "edgeconnect": "inpainters.edgeconnect:EdgeConnect",
        "edgeconnect+rwsa": "inpainters.edgeconnect:EdgeConnectRWSA",
        "madf": "inpainters.madf:MADF",
        "ctsdg": "inpainters.ctsdg:CTSDG",
        "aotgan": "inpainters.aotgan:AOTGAN",
        "aotgan+rwsa": "inpainters.aotgan:AOTGANRWSA",
        "lama": "inpainters.lama:LaMa",
        "fcf": "inpainters.fcf:FcF",
        "telea": "inpainters.classical:Telea",
        "navierstokes": "inpainters.classical:NavierStokes",
        "shiftmap": "inpainters.classical:ShiftMap",
        "criminisi": "inpainters.exemplar:Criminisi",
        "patchmatch": "inpainters.patchmatch:PatchMatch",
        "meanfill": "inpainters.baselines:MeanFill",
        "original": "inpainters.baselines:Original",
    },
    base="inpainters.base:Inpainter",
    group="bench.inpainters",
    schemes={
        "outputs": "inpainters.external.outputs:Outputs",
        "cmd": "inpainters.external.program:Command",
        "diffusers": "inpainters.external.diffusers:Diffusers",
        "iopaint": "inpainters.external.iopaint:IOPaint",
        "spandrel": "inpainters.external.spandrel:Spandrel",
    },
    retired=RETIRED,
    packages={"patchmatch": "pypatchmatch>=2.2,<2.3"},
)


def create_inpainter(
    name: str, *, weights: str | Path | None = None, device: str = "cpu"
) -> Inpainter:
    """Load an inpainter by name.

    Args:
        name: a name of `INPAINTERS`, "package.module:Class", or "scheme:argument".
        weights: "official", "mini", or a path in the authors' layout; by default official if
            installed, else mini.
        device: a torch device such as "cpu" or "cuda:0".

    Returns:
        The inpainter; its weights are loaded strictly.

    Raises:
        UnknownName: if there is no such inpainter.
        ExternalError: if an external inpainter or plugin cannot be used.
        WeightsError: if its weights are missing, damaged or of another model.
    """
    inpainter: Inpainter = create(INPAINTERS, name, weights=weights, device=device)
    return inpainter
