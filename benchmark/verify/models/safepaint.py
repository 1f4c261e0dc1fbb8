"""Reference outputs of SafePaint: output, written 8-bit image, and domain vectors."""

from __future__ import annotations

from pathlib import Path

import torch

from benchmark.core.tensors import to_pixels
from benchmark.core.types import Pixels
from benchmark.verify.golden import Activation, Asked, OutputPoint, Parts, Reference
from benchmark.verify.tolerance import Tolerance, Values, tensor_or_number
from inpainters.safepaint import GENERATOR_FILE, SafePaint

PICTURE = Tolerance(absolute=2e-4)
NEAR = Tolerance(absolute=2e-4, relative=2e-4)


def _save(folder: Path, _case: str, parts: Parts) -> Path:
    """The folder of a training run, with the files of generator and discriminator."""
    torch.save({"iteration": 7, "generator": parts["generator"]}, folder / GENERATOR_FILE)
    torch.save({"discriminator": {}}, folder / "InpaintingModel_D.pth")
    return folder


def _written(asked: Asked) -> Pixels:
    """The 8-bit image as the program writes it, (H, W, 3): truncated, not rounded."""
    pixels: Pixels = to_pixels(asked.given["filled"][None], rounding=SafePaint.card.rounding)[0]
    return pixels


def _domain(asked: Asked, which: str) -> Values:
    """A domain vector, (16,)."""
    assert isinstance(asked.model, SafePaint)  # noqa: S101 (an internal error)
    with torch.inference_mode():
        domains = asked.model.network.domains(asked.images, asked.masks, asked.returned)
    return tensor_or_number(getattr(domains, which).flatten())


REFERENCE = Reference(
    parts=("generator",),
    save=_save,
    taps=NEAR,
    points={
        "tap_coarse_encoder": Activation(module="coarse_generator.encoder"),
        "tap_coarse_middle": Activation(module="coarse_generator.middle"),
        "tap_coarse_raw": Activation(module="coarse_generator"),
        "tap_fine_encoder": Activation(module="fine_generator.encoder"),
        "tap_fine_middle": Activation(module="fine_generator.middle"),
        "tap_rwsa1": Activation(module="fine_generator.att1"),
        "tap_rwsa2": Activation(module="fine_generator.att2"),
        "tap_rwsa3": Activation(module="fine_generator.att3"),
        "raw": OutputPoint(of=lambda asked: asked.returned.raw[0], tolerance=PICTURE),
        "filled": OutputPoint(tolerance=PICTURE),
        # A value 1e-6 below k/255 is truncated to k - 1.
        "written": OutputPoint(of=_written, tolerance=Tolerance(absolute=1)),
        "domain_background": OutputPoint(of=lambda a: _domain(a, "background"), tolerance=NEAR),
        "domain_real": OutputPoint(of=lambda a: _domain(a, "real"), tolerance=NEAR),
        "domain_coarse": OutputPoint(of=lambda a: _domain(a, "coarse"), tolerance=NEAR),
        "domain_output": OutputPoint(of=lambda a: _domain(a, "output"), tolerance=NEAR),
    },
    training=frozenset({"disc_image", "disc_raw"}),
)
