"""SafePaint+: what was without effect has one, and nothing else has changed."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from inpainters import create_inpainter
from inpainters.safepaint import SafePaintConfig
from inpainters.safepaint_plus import STRONGEST, PlusGenerator, high_pass
from inpainters.training.losses.safepaint import domain_apart, domain_paper, residual_energy
from tests.small import small_weights

CONFIG = SafePaintConfig(width=4, blocks=1, extractor_width=2, vector=3)


@pytest.fixture
def network() -> PlusGenerator:
    torch.manual_seed(0)
    return PlusGenerator(CONFIG).eval()


@pytest.fixture
def hole() -> Tensor:
    masks = torch.zeros(1, 1, 64, 64)
    masks[..., 16:48, 16:48] = 1
    return masks


def test_the_domain_vector_reaches_the_answer(network: PlusGenerator, hole: Tensor) -> None:
    fine, images = (
        network.requires_grad_(requires_grad=False).fine_generator,
        torch.rand(1, 3, 64, 64),
    )
    one, other = (
        fine(images, hole, torch.nn.functional.normalize(torch.randn(1, 3, 1, 1), dim=1), hole)
        for _ in range(2)
    )
    assert float((one - other).abs().max()) > 1e-3


def test_grain_is_the_noise_times_a_strength(network: PlusGenerator, hole: Tensor) -> None:
    images, noise = torch.rand(1, 3, 64, 64), torch.randn(1, 1, 64, 64)
    with torch.no_grad():
        none, some, double = (network(images, hole, k * noise).raw for k in (0, 1, 2))
    grain = some - none
    assert torch.allclose(double - none, 2 * grain, atol=1e-6)
    assert torch.allclose(grain[:, 0], grain[:, 2], atol=1e-6)
    assert 0 < float((grain / noise).max()) < STRONGEST


def strength_of(network: PlusGenerator, images: Tensor, hole: Tensor) -> Tensor:
    """Deviation of the grain, (H, W): the answer to noise of one less that to none."""
    with torch.no_grad():
        some, none = (network(images, hole, k * torch.ones(1, 1, 64, 64)).raw for k in (1, 0))
    return (some - none)[0, 0]


def test_without_a_wish_the_grain_has_a_deviation_of_one_and_a_half_grey_levels(
    network: PlusGenerator, hole: Tensor
) -> None:
    fine, images = network.fine_generator, torch.rand(1, 3, 64, 64)
    for head in (fine.strength, fine.strength_of_domain):
        torch.nn.init.zeros_(head.weight)
        torch.nn.init.zeros_(head.bias)
    start = strength_of(network, images, hole)
    assert torch.allclose(start, torch.tensor(13 / 260 / (1 + math.exp(2))), atol=1e-6)
    assert 255 * float(start.mean()) == pytest.approx(1.52, abs=0.01)
    torch.nn.init.constant_(fine.strength.bias, 1.5)
    torch.nn.init.constant_(fine.strength_of_domain.bias, 0.5)
    assert torch.allclose(
        strength_of(network, images, hole), torch.tensor(STRONGEST / 2), atol=1e-6
    )


def test_features_and_vector_both_decide_the_grain_s_strength_up_to_the_edge(
    network: PlusGenerator, hole: Tensor
) -> None:
    fine, images = network.fine_generator, torch.rand(1, 3, 64, 64)
    torch.nn.init.normal_(fine.strength.weight)
    torch.nn.init.normal_(fine.strength_of_domain.weight)
    seen: list[Tensor] = []
    kept = fine.att3.register_forward_hook(lambda _, inputs, answer: seen.append(answer))
    found = strength_of(network, images, hole)
    kept.remove()
    with torch.no_grad():
        vector = network.extractor(images, 1 - hole)
        # at each pixel the 3x3 features around it, reflected at the picture's edge
        around = F.unfold(F.pad(seen[0], (1, 1, 1, 1), mode="reflect"), 3)
        wish = (fine.strength.weight.reshape(1, -1) @ around).reshape(64, 64)
        wish = wish + fine.strength.bias + fine.strength_of_domain(vector)[0, 0]
    assert torch.allclose(found, STRONGEST * torch.sigmoid(wish - 2), atol=1e-5)
    assert float(found.std()) > 1e-3


def test_a_vector_depends_on_nothing_beyond_its_region_s_rim(
    network: PlusGenerator, hole: Tensor
) -> None:
    images = torch.rand(1, 3, 64, 64)
    other = images * (1 - hole) + torch.rand(1, 3, 64, 64) * hole
    assert torch.equal(network.extractor(images, 1 - hole), network.extractor(other, 1 - hole))
    assert not torch.allclose(network.extractor(images, hole), network.extractor(other, hole))


def test_vectors_have_unit_length_and_see_no_smooth_part(
    network: PlusGenerator, hole: Tensor
) -> None:
    images = torch.rand(2, 3, 64, 64)
    vectors = network.extractor(images, 1 - hole)
    assert torch.allclose(vectors.flatten(1).norm(dim=1), torch.ones(2))
    assert torch.allclose(network.extractor(images + 0.25, 1 - hole), vectors, atol=1e-4)
    assert float(high_pass(torch.full((1, 3, 8, 8), 0.3)).abs().max()) < 1e-6


def test_the_seed_decides_the_grain_and_a_batch_does_not(hole: Tensor) -> None:
    inpainter = create_inpainter("safepaint+", weights=small_weights("safepaint+"))
    images = torch.rand(2, 3, 64, 64)
    masks = hole.expand(2, -1, -1, -1)
    whole = inpainter.inpaint(images, masks, seed=1)
    assert torch.equal(inpainter.inpaint(images, masks, seed=1), whole)
    assert not torch.equal(inpainter.inpaint(images, masks, seed=2), whole)
    assert torch.allclose(inpainter.inpaint(images[1:], hole, seed=1), whole[1:], atol=1e-5)


def test_an_extractor_that_answers_the_same_to_everything_pays() -> None:
    same = torch.nn.functional.normalize(torch.ones(4, 3, 1, 1), dim=1)
    assert float(domain_paper(same, same, same)) == 0
    assert float(domain_apart(same, same, same)) == 0.5
    assert float(domain_apart(same, same, -same)) == 0


def test_residual_energy_against_plain_loops(hole: Tensor) -> None:
    torch.manual_seed(0)
    images, output = torch.rand(2, 1, 3, 64, 64)
    total, count = 0.0, 0
    energy = [high_pass(picture).square().mean(1) for picture in (output, images)]
    for top in range(0, 64, 8):
        for left in range(0, 64, 8):
            square = (slice(None), slice(top, top + 8), slice(left, left + 8))
            if hole[0][square].mean() > 0.5:
                painted, real = (float(one[square].mean()) + (0.5 / 255) ** 2 for one in energy)
                total, count = total + abs(torch.tensor(painted / real).log().item()), count + 1
    assert count == 16
    assert float(residual_energy(output, images, hole)) == pytest.approx(total / count, rel=1e-5)
    assert float(residual_energy(images, images, hole)) == 0
    assert float(residual_energy(images, images, hole * 0)) == 0
