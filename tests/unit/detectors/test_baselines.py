"""The baselines: chance has an AUC of 0.5, flatness detects smooth holes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.metrics import roc_auc_score
from torch.nn import functional as F

from benchmark.core.types import Verdict
from benchmark.metrics.detection import ACC
from detectors import create_detector
from detectors.base import area_score
from detectors.external.heatmap_files import read_heatmap
from detectors.external.heatmaps import AREA_CARD, area_rule
from tests.unit.metrics.cases import draw_case


def textured(count=1, side=64):
    """Noisy images on the 8-bit grid."""
    generator = torch.Generator().manual_seed(5)
    return (torch.rand(count, 3, side, side, generator=generator) * 255).round() / 255


@pytest.fixture
def forged():
    """A noisy image whose middle a mean filter inpainted, and the hole."""
    images = textured()
    hole = torch.zeros(1, 64, 64, dtype=torch.bool)
    hole[:, 16:48, 20:50] = True
    smooth = F.avg_pool2d(F.pad(images, (15, 15, 15, 15), mode="reflect"), 31, stride=1)
    return torch.where(hole[:, None], smooth, images), hole


def auc(heatmap, hole):
    return roc_auc_score(hole.flatten().numpy(), heatmap.flatten().numpy())


def test_chance_has_an_auc_of_a_half(forged):
    images, hole = forged
    heatmap = create_detector("chance").detect(images).heatmap
    assert auc(heatmap, hole) == pytest.approx(0.5, abs=0.03)


def test_chance_scores_are_spread_evenly():
    score = create_detector("chance").detect(textured(count=400, side=8)).score
    assert float(score.mean()) == pytest.approx(0.5, abs=0.05)
    assert float(score.std()) == pytest.approx(12**-0.5, abs=0.03)


def test_chance_depends_on_the_image_and_not_on_the_batch():
    detector, images = create_detector("chance"), textured(count=3)
    together = detector.detect(images)
    alone = detector.detect(images[2:])
    assert torch.equal(together.heatmap[2], alone.heatmap[0])
    assert torch.equal(together.score[2], alone.score[0])
    assert not torch.equal(together.heatmap[0], together.heatmap[1])


def test_flatness_finds_a_mean_filled_hole(forged):
    images, hole = forged
    detection = create_detector("flatness").detect(images)
    assert auc(detection.heatmap, hole) > 0.95
    assert float(detection.score) > create_detector("flatness").card.threshold


def test_flatness_leaves_a_noisy_image_alone():
    detection = create_detector("flatness").detect(textured())
    assert float(detection.heatmap.max()) < 0.5
    assert float(detection.score) == 0


def test_flatness_of_a_flat_image_is_one_everywhere():
    detection = create_detector("flatness").detect(torch.full((1, 3, 16, 16), 0.5))
    # The variance of equal float32 values is zero but for rounding.
    assert float(detection.heatmap.min()) > 0.9
    assert float(detection.score) == 1


def test_flatness_measures_the_deviation_in_a_window_of_seven():
    images = torch.zeros(1, 3, 21, 21)
    images[:, :, 10, 10] = 1
    heatmap = create_detector("flatness").detect(images).heatmap[0]
    deviation = (1 / 49 - 1 / 49**2) ** 0.5
    expected = torch.ones(21, 21)
    expected[7:14, 7:14] = torch.tensor(-deviation * 255 / 3).exp()
    torch.testing.assert_close(heatmap, expected, atol=1e-5, rtol=1e-3)


def test_the_area_score_is_the_share_above_a_half():
    heatmap = torch.tensor([[[0.5, 0.51], [0.0, 1.0]], [[0.1, 0.2], [0.3, 0.4]]])
    assert area_score(heatmap).tolist() == [0.5, 0.0]


def test_the_area_rule_is_strict_at_both_borders():
    """A pixel at 0.5 is not called, and 2 % of the image do not make it forged."""
    above = torch.nextafter(torch.tensor(0.5), torch.tensor(1.0))
    for count, fires in ((1, False), (2, False), (3, True)):
        heatmap = torch.full((1, 10, 10), 0.5)
        heatmap.view(-1)[:count] = above
        score = area_score(heatmap)
        assert score.tolist() == pytest.approx([count / 100])
        assert area_rule(heatmap[0].numpy()) == float(score)
        verdict = Verdict(
            logits=np.zeros((1, 24, 24), np.float16),
            score=score.numpy(),
            threshold=AREA_CARD.threshold,
        )
        assert ACC().measure(replace(draw_case(1), verdict=verdict))[0, 1] == fires


def test_of_eight_bits_128_is_called_and_127_is_not(tmp_path):
    gray = np.array([[127, 128], [126, 255]], np.uint8)
    Image.fromarray(gray).save(tmp_path / "map.png")
    assert area_rule(read_heatmap(tmp_path / "map.png", (2, 2))) == 0.5
