"""SafePaint's losses, mask resizing and partial convolution against `losses.npz`."""

from __future__ import annotations

import pytest
import torch

from inpainters.rwsa import GaussianMask, gaussian_kernel, mask_to_size
from inpainters.safepaint import PartialConv
from inpainters.training import safepaint
from inpainters.training.losses import adversarial, features
from inpainters.training.losses.features import PERCEPTUAL_LAYERS, STYLE_LAYERS
from inpainters.training.safepaint import SafePaintLosses
from tests.parity.goldens import golden, needs_goldens

pytestmark = needs_goldens


@pytest.fixture(scope="module")
def given():
    return {name: torch.from_numpy(array) for name, array in golden("safepaint", "losses").items()}


def near(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-5)


def maps(given, whose):
    layers = (*PERCEPTUAL_LAYERS, *STYLE_LAYERS)
    return {layer: given[f"features_{whose}_{layer}"] for layer in layers}


@pytest.mark.parametrize("form", ["program", "paper"])
def test_l1(given, form):
    l1, real, mask = safepaint.L1_FORMS[form], given["l1_real"], given["l1_mask"]
    both = l1(given["l1_coarse"], real, mask) + l1(given["l1_fine"], real, mask)
    near(both, given[f"l1_{form}"])


def test_adversarial(given):
    real, fake = given["adv_logits_real"], given["adv_logits_fake"]
    discriminator, generator = (
        adversarial.adversarial_discriminator,
        adversarial.adversarial_generator,
    )
    near(discriminator(real, fake, "hinge"), given["adv_hinge_d_program"])
    near(discriminator(real, fake, "hinge", halved=False), given["adv_hinge_d_paper"])
    near(generator(fake, "hinge"), given["adv_hinge_g"])
    near(discriminator(real, fake), given["adv_nsgan_d_program"])
    near(generator(fake), given["adv_nsgan_g"])


def test_domain_distance(given):
    background, real, output = (given[f"domain_{z}"] for z in ("background", "real", "output"))
    near(safepaint.domain_triplet(real, output), given["domain_program_real"])
    near(safepaint.domain_triplet(output, background), given["domain_program_background"])
    near(safepaint.domain_program(background, real, output), given["domain_program"])
    flat = safepaint.domain_program(background, real, output, flat=True)
    near(flat, given["domain_triplet_on_flat_vectors"])
    near(safepaint.domain_paper(background, real, output), given["domain_paper"])


def test_gradient_of_the_domain_distance(given):
    output = given["domain_output"].clone().requires_grad_()
    safepaint.domain_program(given["domain_background"], given["domain_real"], output).backward()
    near(output.grad, given["domain_program_grad_output"])


def test_gram_perceptual_and_style(given):
    output, real = maps(given, "output"), maps(given, "real")
    near(features.gram(given["gram_features"]), given["gram_expected"])
    near(features.perceptual(output, real, PERCEPTUAL_LAYERS), given["perceptual_program"])
    near(features.style(output, real, STYLE_LAYERS), given["style_program"])


def test_totals(given):
    weights = SafePaintLosses()
    terms = {
        "l1": "l1_program",
        "perceptual": "perceptual_program",
        "style": "style_program",
        "adversarial": "adv_nsgan_g",
    }
    without = sum(getattr(weights, name) * given[entry] for name, entry in terms.items())
    near(without, given["total_generator_program"])
    total = without + weights.domain * given["domain_program"]
    near(total, given["total_generator_program"] + given["total_domain_program"])
    near(total + given["adv_nsgan_d_program"], given["total_single_backward_program"])


def test_kernel_at_construction(given):
    near(gaussian_kernel()[0, 0], given["rwsa_kernel"])


@pytest.mark.parametrize("side", [32, 16, 8])
def test_mask_comes_to_size_and_is_softened(given, side):
    hole, soften = mask_to_size(given["rwsa_mask"], side), GaussianMask()
    assert torch.equal(hole, given[f"rwsa_mask_{side}"])
    near(soften(hole), given[f"rwsa_smooth_hole_{side}"])
    near(soften(1 - hole), given[f"rwsa_smooth_known_{side}"])


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
def test_partial_convolution(given, bias):
    conv = PartialConv(3, 4, 3, stride=2, bias=bias)
    state = {"weight": given["partial_weight"]}
    if bias:
        state["bias"] = given["partial_bias"]
    conv.load_state_dict(state)
    output, seen = conv(given["partial_input"], given["partial_mask"])
    near(output.detach(), given["partial_output" if bias else "partial_output_no_bias"])
    assert torch.equal(seen, given["partial_mask_out"])
