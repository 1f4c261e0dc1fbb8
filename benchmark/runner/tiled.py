"""Detection in tiles: one image at a time, tile by tile, with one heatmap and one score."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from benchmark.core.errors import BadOutput
from benchmark.core.external.files import ExternalOptions
from benchmark.core.tensors import to_images
from benchmark.core.tiles import Grid, detect_tiles
from benchmark.core.types import NamedImage, Pixels
from benchmark.runner.jobs import ResolvedModel
from benchmark.runner.named_models import to_logits
from detectors.base import Detector, area_score
from detectors.external.base import NamedDetector

_ROWS = 512  # of a heatmap that are converted at once, to bound the memory


@dataclass(frozen=True, slots=True, kw_only=True)
class TiledDetection:
    """A detection of an image that was divided into tiles.

    Attributes:
        heatmap: (H, W) float32 in [0, 1], blended linearly where tiles overlap.
        score: the highest score of a tile; for a detector whose score is the share of its heatmap
            above 0.5, that share of the blended heatmap.
        above: number of tiles whose own score is above the detector's operating point.
    """

    heatmap: NDArray[np.float32]
    score: float
    above: int


def detect_tiled(
    chosen: ResolvedModel,
    model: Detector,
    image: NamedImage,
    grid: Grid,
    *,
    terms: ExternalOptions | None = None,
    done: Callable[[int], None] = lambda _: None,
) -> TiledDetection:
    """Run a detector on each tile of an image.

    Args:
        chosen: the detector, whose card has the rule of its score and its operating point.
        model: the same, loaded.
        image: the image with its names; a tile is named like "NAME-tile-7".
        grid: its tiles.
        terms: options for external programs.
        done: called with the number of tiles done, after each.

    Raises:
        BadOutput: if the model returns NaN or another shape.
    """
    numbers = iter(range(len(grid)))

    def tile(part: Pixels) -> tuple[NDArray[np.float32], float]:
        name = f"{image.sample}-tile-{next(numbers)}"
        piece = NamedImage(
            sample=name,
            dataset=image.dataset,
            bucket=image.bucket,
            inpainter=image.inpainter,
            launder=image.launder,
            image=part,
        )
        return detect_piece(model, piece, terms)

    blended = detect_tiles(image.image, grid, tile, done=done)
    if chosen.card.score_from == "area":
        score = float(area_score(torch.from_numpy(blended.heatmap)[None])[0])
    else:
        score = float(blended.scores.max())
    above = blended.scores.astype(np.float32) > np.float32(chosen.card.threshold)
    return TiledDetection(heatmap=blended.heatmap, score=score, above=int(above.sum()))


def detect_piece(
    model: Detector, piece: NamedImage, terms: ExternalOptions | None = None
) -> tuple[NDArray[np.float32], float]:
    """Return the heatmap, (H, W) float32 in [0, 1], and the score of one image or tile.

    Raises:
        BadOutput: if the model returns NaN or another shape.
    """
    if isinstance(model, NamedDetector):
        (found,) = model.detect_named([piece], terms or ExternalOptions())
        if isinstance(found, BadOutput):
            raise found
        return found.heatmap, found.score
    detection = model.detect(to_images(piece.image[None]))
    return detection.heatmap[0].numpy(), float(detection.score[0])


def heatmap_logits(heatmap: NDArray[np.float32]) -> NDArray[np.float16]:
    """Convert a large heatmap, (H, W) in [0, 1], to float16 log-odds, some rows at a time."""
    parts = [
        to_logits(torch.from_numpy(heatmap[None, top : top + _ROWS]))[0]
        for top in range(0, len(heatmap), _ROWS)
    ]
    return np.concatenate(parts)
