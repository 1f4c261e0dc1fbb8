"""Post-processing between inpainting and detection (`--launder`).

A step is written `jpeg:90` or `crop:8`, a chain of steps `resize:0.5+jpeg:80`; "" is no
post-processing. `LAUNDERS` is the list of steps. Adding one adds a line here and a class.
"""

from __future__ import annotations

from benchmark.postprocess.base import Launder
from benchmark.postprocess.chain import PostProcess
from benchmark.postprocess.registry import LAUNDERS

__all__ = ["LAUNDERS", "REVISION", "Launder", "PostProcess"]

REVISION = 1  # raised whenever the same image is changed to other pixels by any step
