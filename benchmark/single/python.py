"""The calls for Python: one image, one model, one result."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmark.core.errors import BadInput
from benchmark.core.images import read_image
from benchmark.core.paths import expand_home
from benchmark.core.threads import threads_for_networks
from benchmark.core.types import Mask, Pixels
from benchmark.runner.jobs import ResolvedModel
from benchmark.single.cache import open_cache
from benchmark.single.detection import Detected, detect_image, localize, tiling_for
from benchmark.single.inpainting import Inpainted, inpaint_image
from benchmark.single.masks import Box, read_hole, read_truth
from benchmark.single.models import Loaded, choose_models
from benchmark.single.tiles import TileOptions
from detectors import DETECTORS
from inpainters import INPAINTERS

Image = str | Path | Pixels
AnyMask = str | Path | Box | Mask


def inpaint(  # noqa: PLR0913 (the options of `bench inpaint`)
    image: Image,
    mask: AnyMask,
    *,
    inpainter: str = "safepaint",
    weights: str | None = None,
    device: str = "cpu",
    engine: str = "",
    seed: int = 0,
    store: str | Path | None = None,
) -> Inpainted:
    """Fill the hole of an image at its own size.

    Args:
        image: a file, or (H, W, 3) uint8 RGB.
        mask: a file (white = hole), a `Box`, or (H, W) bool, True = hole.
        inpainter: a name of `bench list inpainters`, or what a user brings.
        weights: "official", "mini" or a path; by default official, else mini.
        device: a torch device such as "cpu" or "cuda:0".
        engine: "openvino" or "onnxruntime" to run the network in place of torch, or "".
        seed: what random numbers are drawn from.
        store: folder for stored outputs; by default where all runs keep theirs.

    Returns:
        The image with its hole filled, and what the inpainter saw of it.

    Raises:
        BenchError: one line about what cannot be used.
        BadOutput: if the model returns NaN or another shape.
    """
    pixels, name = _read(image)
    hole = mask if isinstance(mask, np.ndarray) else read_hole(_place(mask), _shape(pixels)).mask
    models = choose_models(
        inpainters=[inpainter],
        weights=_weights("inpainter", inpainter, weights),
        engine=engine,
        device=device,
    )
    with open_cache(store) as answers, threads_for_networks():
        return inpaint_image(
            _only(models.inpainters, inpainter),
            pixels,
            hole,
            loaded=Loaded(device),
            store=answers,
            name=name,
            seed=seed,
        )


def detect(  # noqa: PLR0913 (the options of `bench detect`)
    image: Image,
    *,
    detector: str = "trufor",
    truth: AnyMask | None = None,
    weights: str | None = None,
    device: str = "cpu",
    engine: str = "",
    tiles: TileOptions | None = None,
    store: str | Path | None = None,
) -> Detected:
    """Run a detector on an image.

    Args:
        image: a file, or (H, W, 3) uint8 RGB.
        detector: a name of `bench list detectors`, or what a user brings.
        truth: where the image was manipulated, as a file (white = manipulated), a `Box` or (H, W)
            bool; None where it is not known.
        weights: "official", "mini" or a path; by default official, else mini.
        device: a torch device such as "cpu" or "cuda:0".
        engine: "openvino" or "onnxruntime" to run the network in place of torch, or "".
        tiles: side and overlap of the tiles of a large image; by default 512 and 64 above a
            megapixel.
        store: folder for stored outputs; by default where all runs keep theirs.

    Returns:
        Score, verdict and heatmap; with truth AUC and F1.

    Raises:
        BenchError: one line about what cannot be used.
        BadOutput: if the model returns NaN or another shape.
    """
    pixels, name = _read(image)
    models = choose_models(
        detectors=[detector],
        weights=_weights("detector", detector, weights),
        engine=engine,
        device=device,
    )
    chosen = _only(models.detectors, detector)
    tiling = tiling_for(chosen, _shape(pixels), tiles)
    with open_cache(store) as answers, threads_for_networks():
        found = detect_image(
            chosen, pixels, loaded=Loaded(device), store=answers, tiling=tiling, name=name
        )
    if truth is None:
        return found
    if not isinstance(truth, np.ndarray):
        truth = read_truth(_place(truth), _shape(pixels)).mask
    return localize(found, truth, pixels)


def _read(image: Image) -> tuple[Pixels, str]:
    if isinstance(image, np.ndarray):
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
            raise BadInput(
                f"image: expected (H, W, 3) uint8 RGB, got {image.dtype} of shape {image.shape}"
            )
        return image, "image"
    path = expand_home(Path(image))
    return read_image(path), path.stem


def _place(mask: str | Path | Box) -> Path | Box:
    return mask if isinstance(mask, Box) else expand_home(Path(mask))


def _shape(pixels: Pixels) -> tuple[int, int]:
    return pixels.shape[0], pixels.shape[1]


def _weights(kind: str, word: str, weights: str | None) -> dict[str, str]:
    if weights is None:
        return {}
    registry = INPAINTERS if kind == "inpainter" else DETECTORS
    return {registry.find(word).name: weights}


def _only(found: tuple[ResolvedModel, ...], word: str) -> ResolvedModel:
    if len(found) != 1:
        raise BadInput(f"{word!r}: expected one model, got {len(found)}")
    return found[0]
