"""MADF's losses against values worked out by hand, on features that are the image itself."""

from __future__ import annotations

import pytest
import torch

from inpainters.madf import MADFOutput
from inpainters.training import madf
from inpainters.training.feature_networks import FeatureNetwork


class Itself(FeatureNetwork):
    perceptual_layers = style_layers = ("picture",)

    def features(self, images):
        return {"picture": images}


def terms(supervision):
    """The image is 1, the decoders say 2, 3 and 5; one pixel of four is a hole."""
    flat = torch.ones(1, 3, 2, 2)
    masks = torch.zeros(1, 1, 2, 2)
    masks[..., 0, 0] = 1
    painted = MADFOutput(recovered=2 * flat, refined=3 * flat, raw=5 * flat)
    return madf.loss_terms(painted, flat, masks, Itself(), supervision)


def test_the_answer_alone():
    found = terms("last")
    assert found.valid.item() == pytest.approx(4 * 3 / 4)
    assert found.hole.item() == pytest.approx(4 * 1 / 4)
    assert found.perceptual.item() == pytest.approx(4 + 4 / 4)  # whole image, composite
    # Gram matrices of 2 x 2 values in 3 channels: sums of squares / 12. Whole: (100 - 4) / 12.
    # Composite of one 5 and three 1: (28 - 4) / 12.
    assert found.style.item() == pytest.approx(8 + 2)
    assert found.total_variation.item() == pytest.approx(4 / 2 + 4 / 2)


def test_incremental_supervision():
    found = terms("incremental")
    assert found.valid.item() == pytest.approx((1 + 2 + 4) * 3 / 4)
    assert found.hole.item() == pytest.approx((1 + 2 + 4) / 4)
    assert found.perceptual.item() == pytest.approx(5 + (2 + 2 / 4))
    assert found.style.item() == pytest.approx(10)
    assert found.total_variation.item() == pytest.approx(4)


def test_the_authors_style_is_of_the_first_refinement():
    found, right = terms("authors"), terms("incremental")
    # Whole: (36 - 4) / 12; composite of one 3 and three 1: (12 - 4) / 12.
    assert found.style.item() == pytest.approx(32 / 12 + 8 / 12)
    for name in ("valid", "hole", "perceptual", "total_variation"):
        assert getattr(found, name) == getattr(right, name)


def test_a_soft_mask_counts_twice_where_known():
    images, output = torch.full((1, 3, 1, 1), 8.0), torch.full((1, 3, 1, 1), 2.0)
    made = madf.composite(output, images, torch.full((1, 1, 1, 1), 0.5))
    assert made.flatten().tolist() == [0.5 * 0.5 * 8 + 0.5 * 2] * 3


def test_total_variation_is_the_mean_over_each_direction_s_own_pairs():
    picture = torch.tensor([[0.0, 1.0, 3.0], [0.0, 0.0, 0.0]])[None, None]
    across, down = (1 + 2 + 0 + 0) / 4, (0 + 1 + 3) / 3
    assert madf.total_variation(picture).item() == pytest.approx(across + down)


def test_every_decoder_learns_and_the_real_features_do_not():
    pictures = {
        name: torch.rand(1, 3, 4, 4, requires_grad=True) for name in ("recovered", "refined", "raw")
    }
    images = torch.rand(1, 3, 4, 4)
    masks = (torch.rand(1, 1, 4, 4) < 0.5).float()
    found = madf.loss_terms(MADFOutput(**pictures), images, masks, Itself(), "incremental")
    (found.perceptual + found.style + found.valid + found.hole).backward()
    for picture in pictures.values():
        assert float(picture.grad.abs().sum()) > 0
