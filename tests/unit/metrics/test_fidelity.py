"""Image quality metrics against scikit-image and by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import binomtest
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from benchmark.core.errors import BadInput
from benchmark.metrics import METRICS
from benchmark.metrics.fidelity import gmsd, known_drift, psnr, psnr_hole, ssim
from tests.unit.metrics.cases import draw_case


def theirs(a: np.ndarray, b: np.ndarray) -> float:
    return structural_similarity(
        a,
        b,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
        data_range=255,
        channel_axis=-1,
    )


def sample_images() -> list[np.ndarray]:
    image = astronaut()[40:104, 180:250]
    noise = np.random.default_rng(0).normal(size=image.shape)
    noisy = (image + 20 * noise).clip(0, 255).astype(np.uint8)
    flat, black, white = np.full_like(image, 127), np.zeros_like(image), np.full_like(image, 255)
    return [image, noisy, 255 - image, flat, black, white]


def test_ssim_equals_scikit_image() -> None:
    images = sample_images()
    pairs = [(a, b) for a in images for b in images]
    found = ssim(np.stack([a for a, _ in pairs]), np.stack([b for _, b in pairs]))
    expected = [theirs(a, b) for a, b in pairs]
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("shape", [(11, 11), (11, 40), (37, 12)])
def test_ssim_equals_scikit_image_at_odd_shapes(shape: tuple[int, int]) -> None:
    generator = np.random.default_rng(1)
    a, b = generator.integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    assert ssim(a[None], b[None])[0] == pytest.approx(theirs(a, b), abs=1e-9)


def test_ssim_of_identical_images_is_one_and_of_tiny_ones_undefined() -> None:
    image = draw_case().image
    assert ssim(image, image).tolist() == [1, 1, 1]
    assert np.isnan(ssim(image[:, :10], image[:, :10])).all()


def test_psnr_equals_scikit_image() -> None:
    case = draw_case()
    expected = [
        peak_signal_noise_ratio(a, b, data_range=255)
        for a, b in zip(case.image, case.filled, strict=True)
    ]
    np.testing.assert_allclose(psnr(case.filled, case.image), expected, rtol=1e-13)
    np.testing.assert_array_equal(psnr(case.filled, case.image), psnr(case.image, case.filled))


def test_psnr_by_hand() -> None:
    image = np.zeros((1, 2, 2, 3), np.uint8)
    filled = image.copy()
    filled[0, 0, 0, 0] = 255  # one of twelve values is off by 255: 10 log10(12)
    assert psnr(filled, image)[0] == pytest.approx(10 * np.log10(12), abs=1e-12)
    assert psnr(255 - image, image)[0] == 0


def test_psnr_of_the_hole_counts_its_pixels_only() -> None:
    case = draw_case()
    inside = [
        peak_signal_noise_ratio(a[m], b[m], data_range=255)
        for a, b, m in zip(case.image, case.filled, case.mask, strict=True)
    ]
    found = psnr_hole(case.filled, case.image, case.mask)
    np.testing.assert_allclose(found, inside, rtol=1e-13)
    share = case.mask.mean(axis=(1, 2))
    np.testing.assert_allclose(found, psnr(case.filled, case.image) + 10 * np.log10(share))


def test_identical_images_are_infinite_counted_and_left_out() -> None:
    case = draw_case()
    filled = case.filled.copy()
    filled[1] = case.image[1]
    case = replace(case, filled=filled)
    for name in ("psnr", "psnr_hole"):
        metric = METRICS.load(name)()
        rows = metric.measure(case)
        assert np.isposinf(rows[1, 0])
        assert metric.counted(rows).tolist() == [True, False, True]
        assert metric.reduce(rows) == pytest.approx(rows[[0, 2], 0].mean())


def test_an_image_without_a_hole_has_no_psnr_there() -> None:
    case = draw_case()
    assert np.isnan(psnr_hole(case.filled, case.image, np.zeros_like(case.mask))).all()


def test_known_drift_ignores_the_hole() -> None:
    case = draw_case()
    assert known_drift(case.filled, case.image, case.mask).tolist() == [0, 0, 0]
    filled, image = case.filled.copy(), case.image.copy()
    image[1, 0, 0, 2], filled[1, 0, 0, 2] = 10, 250
    image[2, 1, 1, 0], filled[2, 1, 1, 0] = 1, 0
    case = replace(case, image=image, filled=filled)
    largest, share = METRICS.load("known_drift")(), METRICS.load("known_drift_share")()
    rows = largest.measure(case)
    assert rows[:, 0].tolist() == [0, 240, 1]
    assert largest.reduce(rows) == 240
    assert np.isnan(largest.interval(rows, seed=0)).all()
    np.testing.assert_array_equal(share.measure(case), rows)
    assert share.reduce(rows) == pytest.approx(2 / 3)
    expected = binomtest(2, 3).proportion_ci(method="exact")
    assert share.interval(rows, seed=0) == pytest.approx((expected.low, expected.high))


def test_known_drift_of_a_full_mask_is_nan() -> None:
    case = draw_case()
    case = replace(case, mask=np.ones_like(case.mask))
    for name in ("known_drift", "known_drift_share"):
        metric = METRICS.load(name)()
        rows = metric.measure(case)
        assert not metric.counted(rows).any()
        assert np.isnan(metric.reduce(rows))


@pytest.mark.parametrize("measure", [psnr, ssim])
def test_bad_input_raises(measure: object) -> None:
    image = draw_case().image
    with pytest.raises(BadInput, match="expected uint8"):
        measure(image / 255, image)
    with pytest.raises(BadInput, match="expected shape"):
        measure(image[:2], image)
    with pytest.raises(BadInput, match=r"image: expected uint8 \(N, H, W, 3\)"):
        measure(image, image[0])


def plain_gmsd(a: np.ndarray, b: np.ndarray) -> float:
    """Compute Xue et al. 2014 in loops: halved luma, zero-padded Prewitt, deviation."""

    def edges(pixels: np.ndarray) -> np.ndarray:
        luma = pixels[..., 0] * 0.299 + pixels[..., 1] * 0.587 + pixels[..., 2] * 0.114
        height, width = luma.shape
        halved = np.zeros(((height + 1) // 2, (width + 1) // 2))
        for row, column in np.ndindex(height, width):
            halved[row // 2, column // 2] += luma[row, column] / 4
        found = np.zeros(halved.shape)
        around = np.pad(halved, 1)
        for row, column in np.ndindex(halved.shape):
            window = around[row : row + 3, column : column + 3]
            across = (window[:, 0] - window[:, 2]).sum() / 3
            down = (window[0] - window[2]).sum() / 3
            found[row, column] = (across**2 + down**2) ** 0.5
        return found

    x, y = edges(a), edges(b)
    similarity = (2 * x * y + 170) / (x**2 + y**2 + 170)
    return float(np.sqrt(((similarity - similarity.mean()) ** 2).mean()))


def test_gmsd_equals_its_definition() -> None:
    images = sample_images()[:4]
    pairs = [(a, b) for a in images for b in images]
    found = gmsd(np.stack([a for a, _ in pairs]), np.stack([b for _, b in pairs]))
    np.testing.assert_allclose(found, [plain_gmsd(a, b) for a, b in pairs], rtol=0, atol=1e-12)


@pytest.mark.parametrize("shape", [(2, 2), (3, 8), (17, 12), (9, 9)])
def test_gmsd_equals_its_definition_at_odd_shapes(shape: tuple[int, int]) -> None:
    a, b = np.random.default_rng(1).integers(0, 256, (2, *shape, 3), dtype=np.uint8)
    assert gmsd(a[None], b[None])[0] == pytest.approx(plain_gmsd(a, b), abs=1e-12)


def test_gmsd_is_zero_for_identical_images_and_grows_with_distortion() -> None:
    image = sample_images()[0]
    noise = np.random.default_rng(2).normal(size=image.shape)
    distorted = [image]
    for strength in (5, 20, 80):
        noisy = (image + strength * noise).clip(0, 255).astype(np.uint8)
        hole = image.copy()
        hole[10:30, 10:30] = noisy[10:30, 10:30]
        distorted.append(hole)
    found = gmsd(np.stack(distorted), np.stack([image] * 4))
    assert found[0] == 0
    assert (np.diff(found) > 0).all()
    assert found[-1] <= 0.5


def test_gmsd_is_symmetric() -> None:
    a, b = sample_images()[:2]
    assert gmsd(a[None], b[None]) == pytest.approx(gmsd(b[None], a[None]), abs=1e-15)


def test_gmsd_below_2_pixels_is_nan() -> None:
    line = np.zeros((2, 1, 9, 3), dtype=np.uint8)
    assert np.isnan(gmsd(line, line)).all()
