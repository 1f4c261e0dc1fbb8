"""When an image is tiled, as asked for on the command line."""

from __future__ import annotations

from dataclasses import dataclass

WHOLE_PIXELS = 1024 * 1024  # an image with more pixels is tiled by default


@dataclass(frozen=True, slots=True, kw_only=True)
class TileOptions:
    """How large images are divided, as asked for.

    Attributes:
        tile: side of a tile; 0 for never; None for tiles above a megapixel.
        overlap: of tiles, in pixels, or None for the default.
    """

    tile: int | None = None
    overlap: int | None = None
