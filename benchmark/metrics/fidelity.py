"""Image quality metrics of 8-bit images, without networks (docs/metrics/psnr.md)."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmark.core.errors import BadInput
from benchmark.core.types import Case, Mask, Pixels, Rows
from benchmark.metrics.base import Metric
from benchmark.metrics.intervals import UNDEFINED, UNIT, Bounds, Interval, Values

RANGE = 255
WINDOW = 11  # size of the Gaussian window of SSIM
SIGMA = 1.5
_C1, _C2 = (0.01 * RANGE) ** 2, (0.03 * RANGE) ** 2
_C = 170.0  # of GMSD, as published for levels 0 to 255
_LUMA = (0.299, 0.587, 0.114)  # BT.601
_PREWITT = np.array([[1, 0, -1]] * 3) / 3


def psnr(filled: Pixels, image: Pixels) -> Values:
    """Return the peak signal-to-noise ratio over all pixels and channels, 10 log10(255**2 / MSE).

    Args:
        filled: (N, H, W, 3) uint8.
        image: (N, H, W, 3) uint8.

    Returns:
        (N,) in dB, with squared differences summed in integers; infinite for identical images.

    Raises:
        BadInput: if an argument has another shape or type.
    """
    errors = _squares(filled, image).sum(axis=(1, 2, 3), dtype=np.int64)
    return _decibels(errors, np.full(len(errors), image[:1].size))


def psnr_hole(filled: Pixels, image: Pixels, mask: Mask) -> Values:
    """Return the peak signal-to-noise ratio over the pixels of the hole.

    Args:
        filled: (N, H, W, 3) uint8.
        image: (N, H, W, 3) uint8.
        mask: (N, H, W) bool, True = hole.

    Returns:
        (N,) in dB; infinite if the hole is identical, NaN without a hole.

    Raises:
        BadInput: if an argument has another shape or type.
    """
    squares = _squares(filled, image).sum(axis=3)  # (N, H, W), at most 195,075
    errors = (squares * mask).sum(axis=(1, 2), dtype=np.int64)
    return _decibels(errors, 3 * mask.sum(axis=(1, 2), dtype=np.int64))


def ssim(filled: Pixels, image: Pixels) -> Values:
    """Return the structural similarity of Wang et al. 2004: Gaussian 11x11, valid windows, RGB.

    Gaussian window of 11x11 pixels and sigma 1.5, population covariance, K1 = 0.01, K2 = 0.03, data
    range 255; the mean over the windows inside the image (no window is centered on the outer 5
    pixels) per channel, then the mean of the three channels.

    Args:
        filled: (N, H, W, 3) uint8.
        image: (N, H, W, 3) uint8.

    Returns:
        (N,) in [-1, 1], 1 for identical images; NaN if a side is below 11 pixels.

    Raises:
        BadInput: if an argument has another shape or type.
    """
    _check(filled, image)
    if min(image.shape[1:3]) < WINDOW:
        return np.full(len(image), np.nan)
    return np.array([_ssim(a, b) for a, b in zip(filled, image, strict=True)])


def gmsd(filled: Pixels, image: Pixels) -> Values:
    """Return the gradient magnitude similarity deviation (Xue et al. 2014, equations 1 to 5).

    Luma 0.299 R + 0.587 G + 0.114 B in [0, 255], averaged over 2x2 blocks, Prewitt gradients with
    zero padding, c = 170; the population standard deviation of the similarity over all pixels.

    Args:
        filled: (N, H, W, 3) uint8.
        image: (N, H, W, 3) uint8.

    Returns:
        (N,) in [0, 0.5], 0 for identical images; NaN if a side is below 2 pixels.

    Raises:
        BadInput: if an argument has another shape or type.
    """
    _check(filled, image)
    if min(image.shape[1:3]) < 2:
        return np.full(len(image), np.nan)
    return np.array([_gmsd(a, b) for a, b in zip(filled, image, strict=True)])


def known_drift(filled: Pixels, image: Pixels, mask: Mask) -> Values:
    """Return the largest difference on known pixels, 0 for an inpainter that preserves them.

    Args:
        filled: (N, H, W, 3) uint8.
        image: (N, H, W, 3) uint8.
        mask: (N, H, W) bool, True = hole.

    Returns:
        (N,) in 8-bit levels, 0 to 255; NaN if the hole is the whole image.

    Raises:
        BadInput: if an argument has another shape or type.
    """
    _check(filled, image)
    apart = cv2.absdiff(filled, image).max(axis=3)  # (N, H, W)
    largest = np.where(mask, 0, apart).max(axis=(1, 2)).astype(np.float64)
    return np.where(mask.all(axis=(1, 2)), np.nan, largest)


def known_changed(filled: Pixels, image: Pixels, mask: Mask) -> Values:
    """Return the share of the known pixels any channel of which differs.

    Args:
        filled: (N, H, W, 3) uint8.
        image: (N, H, W, 3) uint8.
        mask: (N, H, W) bool, True = hole.

    Returns:
        (N,) in [0, 1]; NaN if the hole is the whole image.

    Raises:
        BadInput: if an argument has another shape or type.
    """
    _check(filled, image)
    changed = (filled != image).any(axis=3) & ~mask
    return _shares(changed.sum(axis=(1, 2)), (~mask).sum(axis=(1, 2)))


def known_mae(filled: Pixels, image: Pixels, mask: Mask) -> Values:
    """Return the mean absolute difference on known pixels, over pixels and channels.

    Args:
        filled: (N, H, W, 3) uint8.
        image: (N, H, W, 3) uint8.
        mask: (N, H, W) bool, True = hole.

    Returns:
        (N,) in 8-bit levels, 0 to 255; NaN if the hole is the whole image.

    Raises:
        BadInput: if an argument has another shape or type.
    """
    _check(filled, image)
    apart = cv2.absdiff(filled, image).sum(axis=3, dtype=np.int64)  # (N, H, W)
    known = ~mask
    return _shares((apart * known).sum(axis=(1, 2)), 3 * known.sum(axis=(1, 2)))


class PSNR(Metric):
    """`psnr`: PSNR of the whole image, then the mean over images without identical ones."""

    name, title, unit, decimals = "psnr", "PSNR", "dB", 2
    better = "higher"
    bounds = Bounds(low=0.0)  # black against white
    needs = "filled"

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64 in dB, infinite for identical images."""
        return psnr(case.filled, case.image)[:, None]


class PSNRHole(Metric):
    """`psnr_hole`: PSNR of the hole, then the mean over images without identical holes."""

    name, title, unit, decimals = "psnr_hole", "PSNR (hole)", "dB", 2
    better = "higher"
    bounds = Bounds(low=0.0)
    needs = "filled"

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64 in dB, infinite for identical holes, NaN without a hole."""
        return psnr_hole(case.filled, case.image, case.mask)[:, None]


class SSIM(Metric):
    """`ssim`: SSIM with a Gaussian 11x11 window, valid windows, RGB, then the mean over images."""

    name, title = "ssim", "SSIM"
    bounds = Bounds(-1.0, 1.0)
    better = "higher"
    needs = "filled"

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64 in [-1, 1], NaN below 11 pixels per side."""
        return ssim(case.filled, case.image)[:, None]


class GMSD(Metric):
    """`gmsd`: a perceptual distance without a network, then the mean over images.

    It compares edges and measures how unevenly they differ, so a bad hole in an otherwise identical
    image counts much. Its numbers are not comparable with LPIPS.
    """

    name, title = "gmsd", "GMSD"
    bounds = Bounds(0.0, 0.5)
    better = "lower"
    needs = "filled"
    note = (
        "GMSD: gradient magnitude similarity deviation (Xue et al. 2014), a perceptual distance "
        "without a network; not comparable with LPIPS."
    )

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64 in [0, 0.5], NaN below 2 pixels per side."""
        return gmsd(case.filled, case.image)[:, None]


class KnownDrift(Metric):
    """`known_drift`: the largest difference on known pixels over all images of the cell."""

    name, title, unit, decimals = "known_drift", "Known pixels: largest change", "levels", 0
    bounds = Bounds(0.0, 255.0)
    better = "lower"
    needs = "filled"

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64, 0 to 255, NaN if no pixel is known."""
        return known_drift(case.filled, case.image, case.mask)[:, None]

    def reduce(self, rows: Rows) -> float:
        """Return the maximum over the samples that count; NaN if none does."""
        values = rows[self.counted(rows), 0]
        return float(values.max()) if len(values) else float("nan")

    def interval(self, rows: Rows, *, seed: int) -> Interval:
        """Return UNDEFINED: a bootstrap says nothing about a maximum."""
        return UNDEFINED


class KnownDriftShare(KnownDrift):
    """`known_drift_share`: the share of images with any difference on known pixels."""

    name, title, unit, decimals = "known_drift_share", "Known pixels: share changed", "", 4
    bounds, share = UNIT, True

    def values(self, rows: Rows) -> Values:
        """Return (N,): 1 if any known pixel changed, 0 if none did, NaN if none is known."""
        return np.where(np.isnan(rows[:, 0]), np.nan, rows[:, 0] > 0)

    reduce = Metric.reduce
    interval = Metric.interval


class KnownChanged(Metric):
    """`known_changed`: the share of known pixels that changed, then the mean over images."""

    name, title = "known_changed", "Known pixels changed"
    bounds = UNIT
    better = "lower"
    needs = "filled"

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64 in [0, 1], NaN if no pixel is known."""
        return known_changed(case.filled, case.image, case.mask)[:, None]


class KnownMAE(Metric):
    """`known_mae`: the mean absolute change of known pixels, then the mean over images."""

    name, title, unit, decimals = "known_mae", "Known pixels: mean change", "levels", 2
    bounds = Bounds(0.0, 255.0)
    better = "lower"
    needs = "filled"

    def measure(self, case: Case) -> Rows:
        """Return (N, 1) float64, 0 to 255, NaN if no pixel is known."""
        return known_mae(case.filled, case.image, case.mask)[:, None]


def _shares(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Values:
    """Return (N,) quotients, NaN where the whole is 0."""
    found: Values = np.divide(part, whole, out=np.full(len(whole), np.nan), where=whole > 0)
    return found


def _gmsd(a: Pixels, b: Pixels) -> float:
    """Return the GMSD of two images, (H, W, 3) uint8."""
    x, y = _edges(a), _edges(b)
    return float(((2 * x * y + _C) / (x * x + y * y + _C)).std())


def _edges(pixels: Pixels) -> NDArray[np.float64]:
    """Return the gradient magnitude of the halved luma, (H, W, 3) to (ceil(H/2), ceil(W/2))."""
    luma = pixels @ np.array(_LUMA)
    odd = [(0, side % 2) for side in luma.shape]
    padded = np.pad(luma, odd)
    halved = padded.reshape(padded.shape[0] // 2, 2, padded.shape[1] // 2, 2).mean(axis=(1, 3))
    across = cv2.filter2D(halved, cv2.CV_64F, _PREWITT, borderType=cv2.BORDER_CONSTANT)
    down = cv2.filter2D(halved, cv2.CV_64F, _PREWITT.T, borderType=cv2.BORDER_CONSTANT)
    return np.hypot(across, down)


def _ssim(a: Pixels, b: Pixels) -> float:
    """Return the SSIM of two images, (H, W, 3) uint8."""
    x, y = a.astype(np.float64), b.astype(np.float64)
    mean_x, mean_y = _blur(x), _blur(y)
    square, product = mean_x * mean_x + mean_y * mean_y, mean_x * mean_y
    variance = _blur(x * x + y * y) - square  # of x plus of y: the formula needs only the sum
    covariance = _blur(x * y) - product
    above = (2 * product + _C1) * (2 * covariance + _C2)
    return float((above / ((square + _C1) * (variance + _C2))).mean())


def _blur(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the weighted mean of every window inside an image, (H, W, 3) to (H-10, W-10, 3)."""
    taps = np.arange(WINDOW) - WINDOW // 2
    kernel = np.exp(-(taps**2) / (2 * SIGMA**2))
    kernel /= kernel.sum()
    inside = slice(WINDOW // 2, -(WINDOW // 2))
    blurred = cv2.sepFilter2D(planes, cv2.CV_64F, kernel, kernel)
    return np.asarray(blurred, dtype=np.float64)[inside, inside]


def _squares(filled: Pixels, image: Pixels) -> NDArray[np.int32]:
    _check(filled, image)
    difference = filled.astype(np.int32) - image
    return difference * difference


def _decibels(errors: NDArray[np.int64], counts: NDArray[np.int64]) -> Values:
    with np.errstate(divide="ignore", invalid="ignore"):  # x / 0 is infinite, 0 / 0 is NaN
        return 10 * np.log10(RANGE**2 * counts / errors)


def _check(filled: Pixels, image: Pixels) -> None:
    for name, pixels in (("filled", filled), ("image", image)):
        if pixels.dtype != np.uint8 or pixels.ndim != 4 or pixels.shape[3] != 3:
            got = f"{pixels.dtype} {pixels.shape}"
            raise BadInput(f"{name}: expected uint8 (N, H, W, 3), got {got}")
    if filled.shape != image.shape:
        raise BadInput(f"filled: expected shape {image.shape} as the image, got {filled.shape}")
