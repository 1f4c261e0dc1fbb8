"""Input and output checks of `Inpainter.inpaint` and `Detector.detect`: shape, type and range."""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.core.errors import BadInput, BadOutput


def check_images(images: Tensor, *, min_side: int = 1) -> None:
    """Require images (N, 3, H, W), float32 in [0, 1], N >= 1, H and W at least `min_side`.

    Raises:
        BadInput: with what was expected and what was given.
    """
    if not isinstance(images, Tensor) or images.ndim != 4 or images.shape[1] != 3:
        raise BadInput(f"images: expected a tensor (N, 3, H, W), got {_describe(images)}")
    if images.shape[0] == 0:
        raise BadInput("images: expected at least one image, got a batch of zero")
    if min(images.shape[2:]) < min_side:
        height, width = images.shape[2:]
        raise BadInput(f"images: expected sides of at least {min_side}, got {height}x{width}")
    _check_range("images", images)


def check_masks(masks: Tensor, images: Tensor) -> None:
    """Require masks (N, 1, H, W), float32 of 0 and 1 (1 = hole), with N, H and W of `images`.

    Raises:
        BadInput: with what was expected and what was given.
    """
    if not isinstance(masks, Tensor) or masks.ndim != 4 or masks.shape[1] != 1:
        raise BadInput(f"masks: expected a tensor (N, 1, H, W), got {_describe(masks)}")
    if masks.shape[0] != images.shape[0] or masks.shape[2:] != images.shape[2:]:
        expected = (images.shape[0], 1, *images.shape[2:])
        raise BadInput(f"masks: expected shape {expected} as the images, got {tuple(masks.shape)}")
    _check_range("masks", masks)
    if not bool(((masks == 0) | (masks == 1)).all()):
        raise BadInput("masks: expected only 0 and 1, got values between; binarize at 0.5")


def check_output(model: str, what: str, output: object, shape: tuple[int, ...]) -> None:
    """Require a model's output to be a tensor of this shape.

    Raises:
        BadOutput: with what was expected and what the model returned.
    """
    if not isinstance(output, Tensor) or tuple(output.shape) != shape:
        article = "an" if what[0] in "aeiou" else "a"
        raise BadOutput(
            f"{model}: expected {article} {what} of shape {shape}, got {_describe(output)}"
        )


def _check_range(name: str, tensor: Tensor) -> None:
    """Require float32 in [0, 1], of any shape."""
    if tensor.dtype != torch.float32:
        raise BadInput(f"{name}: expected float32, got {tensor.dtype}")
    low, high = (float(value) for value in tensor.aminmax())
    if not (low >= 0 and high <= 1):  # a NaN fails this; `low < 0 or high > 1` would let it pass
        raise BadInput(f"{name}: expected values in [0, 1], got [{low:.4g}, {high:.4g}]")


def _describe(value: object) -> str:
    shape = getattr(value, "shape", None)
    return f"{type(value).__name__} of shape {tuple(shape)}" if shape is not None else repr(value)
