"""Single images: inpaint a hole, detect forgeries, try all models at once.

`bench inpaint`, `bench detect` and `bench try` call what is here. For Python, `inpaint` and
`detect` take an image and return a dataclass.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmark.single.detection import Detected
    from benchmark.single.inpainting import Inpainted
    from benchmark.single.masks import Box
    from benchmark.single.python import detect, inpaint
    from benchmark.single.tiles import TileOptions

__all__ = ["Box", "Detected", "Inpainted", "TileOptions", "detect", "inpaint"]

_WHERE = {
    "Box": "benchmark.single.masks",
    "Detected": "benchmark.single.detection",
    "Inpainted": "benchmark.single.inpainting",
    "TileOptions": "benchmark.single.tiles",
    "detect": "benchmark.single.python",
    "inpaint": "benchmark.single.python",
}


def __getattr__(name: str) -> Any:  # noqa: ANN401 (a module's attribute can be anything)
    """Import a public name when it is used, so that the command line stays light."""
    if name in _WHERE:
        from importlib import import_module

        return getattr(import_module(_WHERE[name]), name)
    raise AttributeError(f"module 'benchmark.single' has no attribute {name!r}")
