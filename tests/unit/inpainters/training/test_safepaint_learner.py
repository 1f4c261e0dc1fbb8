"""SafePaint's training step: calls, gradients, and initialization."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pytest
import torch
from torch import Tensor, nn

from benchmark.core.errors import TrainingError
from inpainters.training.initialization import initialize
from inpainters.training.losses import regions
from inpainters.training.losses.adversarial import adversarial_discriminator, adversarial_generator
from inpainters.training.safepaint import SafePaintLearner, SafePaintLosses

TINY = SafePaintLearner.tiny["network"]
CPU = torch.device("cpu")


def learner(**losses: Any) -> SafePaintLearner:
    torch.manual_seed(0)
    chosen = {"features": "texture", "discriminator_width": 4} | losses
    made = SafePaintLearner(TINY, SafePaintLosses(**chosen), CPU)
    made.begin("joint", fresh=True)
    return made


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    masks = torch.zeros(2, 1, 64, 64)
    masks[:, :, 16:40, 20:50] = 1
    return torch.rand(2, 3, 64, 64, generator=generator), masks


def gradients(network: nn.Module) -> dict[str, Tensor | None]:
    return {name: p.grad for name, p in network.named_parameters()}


def backward(terms: dict[str, Tensor]) -> None:
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]


def test_all_terms_are_there_and_train_every_network(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    terms = made.training_step("all", *batch)
    assert set(terms) == {*SafePaintLearner.terms} - {"lattice"}
    backward(terms)
    for network in made.modules.values():
        assert all(grad is not None for grad in gradients(network).values())


def test_the_discriminator_sees_image_then_painting_without_and_with_gradient(
    batch: tuple[Tensor, Tensor],
) -> None:
    made = learner()
    seen: list[Tensor] = []
    made.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    made.training_step("all", *batch)
    image, detached, painted = seen
    assert torch.equal(image, batch[0])
    assert torch.equal(detached, painted)
    assert (detached.requires_grad, painted.requires_grad) == (False, True)


def test_the_discriminators_gradient_holds_the_generators_term(
    batch: tuple[Tensor, Tensor],
) -> None:
    made = learner(adversarial=0.1)
    made.discriminator.eval()  # no power iterations: three passes see the same weights
    backward(made.training_step("all", *batch))
    found = [p.grad for p in made.discriminator.parameters()]
    made.discriminator.zero_grad()
    painted = made.network(*batch).raw.detach()
    real, fake = made.discriminator(batch[0]), made.discriminator(painted)
    (adversarial_discriminator(real, fake) + 0.1 * adversarial_generator(fake)).backward()
    for got, parameter in zip(found, made.discriminator.parameters(), strict=True):
        assert got is not None
        torch.testing.assert_close(got, parameter.grad, rtol=1e-4, atol=1e-5)


def test_weights_scale_their_terms(batch: tuple[Tensor, Tensor]) -> None:
    once, twice = (
        learner().training_step("all", *batch),
        learner(style=500.0, l1=3.0).training_step("all", *batch),
    )
    torch.testing.assert_close(twice["style"], 2 * once["style"])
    torch.testing.assert_close(twice["l1"], 3 * once["l1"])
    torch.testing.assert_close(twice["perceptual"], once["perceptual"])


def gram_distance(made: SafePaintLearner, output: Tensor, real: Tensor) -> Tensor:
    """Mean |F F^T - F' F'^T| / (C h w), summed over the layers, by one product per pair."""
    total = torch.zeros(())
    for name in made.features.style_layers:
        grams = []
        for picture in (output, real):
            found = made.features.features(picture)[name]
            grams.append(torch.einsum("nchw,ndhw->ncd", found, found) / found[0].numel())
        total = total + (grams[0] - grams[1]).abs().mean()
    return total


def test_style_is_that_of_the_hole_alone_and_perceptual_that_of_the_whole(
    batch: tuple[Tensor, Tensor],
) -> None:
    made, (images, masks) = learner(style=250.0, perceptual=0.1, coarse=0.5), batch
    terms = made.training_step("all", images, masks)
    with torch.no_grad():
        painted = made.network(images, masks)
        stages = ((0.5, painted.coarse), (1.0, painted.raw))
        style = [w * gram_distance(made, one * masks, images * masks) for w, one in stages]
        torch.testing.assert_close(terms["style"].detach(), 250 * sum(style), rtol=1e-4, atol=0)
        real = made.features.features(images)
        near = torch.zeros(())
        for weight, one in stages:
            found = made.features.features(one)
            for name in made.features.perceptual_layers:
                near = near + weight * (found[name] - real[name]).abs().mean()
        torch.testing.assert_close(terms["perceptual"].detach(), 0.1 * near, rtol=1e-4, atol=0)


def test_the_forms_of_paper_and_program_differ(batch: tuple[Tensor, Tensor]) -> None:
    program = learner(domain_form="program").training_step("all", *batch)
    paper = learner(l1_form="paper", adversarial_form="hinge").training_step("all", *batch)
    for term in ("l1", "adversarial", "domain", "discriminator"):
        assert not torch.allclose(program[term], paper[term]), term


@pytest.mark.parametrize(
    ("form", "distance"),
    [
        ("program", regions.l1_over_ratio),
        ("paper", regions.hole_loss),
        ("hole", regions.hole_l1),
    ],
)
def test_l1_has_the_form_of_the_recipe_in_both_phases(
    form: Literal["program", "paper", "hole"],
    distance: Callable[[Tensor, Tensor, Tensor], Tensor],
    batch: tuple[Tensor, Tensor],
) -> None:
    images, masks = batch
    made = learner(l1_form=form, l1=2.0, coarse=0.1)
    with torch.no_grad():
        painted = made.network(images, masks)
    near, far = (distance(one, images, masks) for one in (painted.raw, painted.coarse))
    found = made.training_step("all", *batch)["l1"].detach()
    torch.testing.assert_close(found, 2 * (near + 0.1 * far))
    made.begin("coarse", fresh=True)
    torch.testing.assert_close(made.training_step("all", *batch)["l1"].detach(), 2 * far)


def test_without_the_domain_term_the_extractor_is_frozen(batch: tuple[Tensor, Tensor]) -> None:
    made = learner(domain=0.0)
    backward(made.training_step("all", *batch))
    grads = gradients(made.network)
    assert all(grad is None for name, grad in grads.items() if name.startswith("extractor."))
    assert grads["fine_generator.encoder.1.weight"] is not None


def test_the_coarse_phase_trains_stage_one_alone(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    made.begin("coarse", fresh=True)
    terms = made.training_step("all", *batch)
    assert list(terms) == ["l1"]
    coarse = made.network.coarse_generator(*batch)
    torch.testing.assert_close(terms["l1"], (coarse - batch[0]).abs().mean() / batch[1].mean())
    backward(terms)
    for name, grad in gradients(made.network).items():
        assert (grad is not None) == name.startswith("coarse_generator."), name


def test_the_coarse_weight_is_stage_ones_share(batch: tuple[Tensor, Tensor]) -> None:
    whole, half, none = (
        learner(coarse=weight).training_step("all", *batch) for weight in (1.0, 0.5, 0.0)
    )
    for term in ("l1", "perceptual", "style"):
        torch.testing.assert_close(2 * half[term], whole[term] + none[term])
        assert float(none[term].detach()) < float(whole[term].detach())


def test_stage_two_starts_as_stage_one_at_the_handover(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    made.begin("handover", fresh=True)
    images, masks = batch
    white = images * (1 - masks) + masks
    domain = torch.rand(2, 16, 1, 1)
    with torch.no_grad():
        coarse = made.network.coarse_generator(images, masks)
        fine = made.network.fine_generator(white, masks, domain)
    torch.testing.assert_close(fine, coarse, rtol=0, atol=1e-5)


def test_a_resumed_handover_is_not_made_again(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    before = made.network.fine_generator.encoder[4].weight.clone()
    made.begin("handover", fresh=False)
    assert torch.equal(made.network.fine_generator.encoder[4].weight, before)
    assert "discriminator" in made.training_step("all", *batch)  # everything learns


def test_fresh_weights_are_the_programs() -> None:
    made = learner()
    weight = made.network.coarse_generator.encoder[4].weight.detach()
    assert float(weight.std()) == pytest.approx(0.02, rel=0.1)
    assert not made.network.coarse_generator.encoder[4].bias.any()
    norms = [m for m in made.network.modules() if isinstance(m, nn.BatchNorm2d)]
    means = torch.cat([norm.weight.detach() for norm in norms])
    assert float(means.mean()) == pytest.approx(1, abs=0.02)
    stored = made.discriminator.conv2[0].weight_orig.detach()
    assert float(stored.std()) == pytest.approx(0.02, rel=0.2)


def test_a_linear_start_lets_colors_through_the_norms() -> None:
    spans = {}
    for start in ("normal", "linear"):
        made = learner(start=start)
        masks = torch.zeros(3, 1, 64, 64)
        masks[..., 20:40, 20:40] = 1
        grays = torch.tensor([0.2, 0.4, 0.6])[:, None, None, None].expand(-1, 3, 64, 64)
        with torch.no_grad():
            answers = made.network.coarse_generator(grays, masks)
        one, other = (answers[1] - answers[0]), (answers[2] - answers[1])
        spans[start] = float((one - other).norm() / (one + other).norm())
    # 0 where equal steps of gray give equal steps of the answer, 1 where one step gives nothing
    assert spans["linear"] < spans["normal"] / 2


def test_initialize_draws_from_the_seed() -> None:
    first, second = nn.Conv2d(3, 4, 3), nn.Conv2d(3, 4, 3)
    for layer in (first, second):
        torch.manual_seed(5)
        initialize(layer)
    assert torch.equal(first.weight, second.weight)


def test_the_sum_is_twice_the_half(batch: tuple[Tensor, Tensor]) -> None:
    hinge = {"adversarial_form": "hinge"}
    half, whole = (
        learner(**hinge, discriminator_form=form).training_step("all", *batch)
        for form in ("half", "sum")
    )
    torch.testing.assert_close(whole["discriminator"], 2 * half["discriminator"])
    torch.testing.assert_close(whole["adversarial"], half["adversarial"])


def test_the_discriminator_may_judge_composites(batch: tuple[Tensor, Tensor]) -> None:
    made, (images, masks) = learner(judged="composite"), batch
    seen: list[Tensor] = []
    made.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    made.training_step("all", images, masks)
    _, detached, painted = seen
    for picture in (detached, painted):
        known = (masks == 0).expand_as(images)
        assert torch.equal(picture[known], images[known])
        assert not torch.equal(picture, images)
    assert (detached.requires_grad, painted.requires_grad) == (False, True)


def test_frozen_the_discriminator_learns_from_its_own_term_alone(
    batch: tuple[Tensor, Tensor],
) -> None:
    def settled(**losses: Any) -> SafePaintLearner:
        """Its power iterations are done, so that all passes see the same, moderate weights."""
        made = learner(**losses)
        for _ in range(20):
            made.discriminator(batch[0])
        made.discriminator.eval()
        return made

    gradients_of = {}
    for frozen in (True, False):
        made = settled(adversarial=0.1, frozen=frozen)
        backward(made.training_step("all", *batch))
        gradients_of[frozen] = [p.grad for p in made.discriminator.parameters()]
        assert made.network.fine_generator.deconv3.weight.grad is not None
    made = settled()
    painted = made.network(*batch).raw.detach()
    adversarial_discriminator(made.discriminator(batch[0]), made.discriminator(painted)).backward()
    pairs = zip(made.discriminator.parameters(), *gradients_of.values(), strict=True)
    for parameter, alone, both in pairs:
        assert alone is not None
        assert both is not None
        torch.testing.assert_close(alone, parameter.grad, rtol=1e-4, atol=1e-5)
        assert not torch.allclose(alone, both, rtol=1e-4, atol=1e-5)


def test_frozen_the_generator_learns_the_same(batch: tuple[Tensor, Tensor]) -> None:
    found = []
    for frozen in (True, False):
        made = learner(frozen=frozen)
        backward(made.training_step("all", *batch))
        found.append(made.network.fine_generator.deconv3.weight.grad)
    torch.testing.assert_close(*found)


def test_composites_are_compared_on_the_perceptual_layers(batch: tuple[Tensor, Tensor]) -> None:
    made, (images, masks) = learner(compared="composites", coarse=0.5), batch
    made.features.style_layers = ("level0",)  # not what the paper's form looks at
    terms = made.training_step("all", images, masks)
    with torch.no_grad():
        painted = made.network(images, masks)
        real = made.features.features(images)
        near, alike = torch.zeros(()), torch.zeros(())
        stages = ((0.5, painted.coarse_composite), (1.0, painted.composite))
        for weight, one in stages:
            found = made.features.features(one)
            for name in made.features.perceptual_layers:
                near = near + weight * (found[name] - real[name]).abs().mean()
                grams = [
                    torch.einsum("nchw,ndhw->ncd", f[name], f[name]) / f[name][0].numel()
                    for f in (found, real)
                ]
                alike = alike + weight * (grams[0] - grams[1]).abs().mean()
    torch.testing.assert_close(terms["perceptual"].detach(), 0.1 * near, rtol=1e-4, atol=0)
    torch.testing.assert_close(terms["style"].detach(), 250 * alike, rtol=1e-4, atol=0)


def largest_singular_value(weight: Tensor, *, transposed: bool) -> float:
    matrix = (weight.transpose(0, 1) if transposed else weight).flatten(1)
    return float(torch.linalg.matrix_norm(matrix, ord=2))


def test_spectral_norm_holds_every_filter_of_the_generators_at_one(
    batch: tuple[Tensor, Tensor],
) -> None:
    made = learner(spectral=True)
    for _ in range(30):  # power iterations
        with torch.no_grad():
            made.network(*batch)
    made.network.eval()
    with torch.no_grad():
        before = made.network(*batch).raw
    made.finish()
    with torch.no_grad():
        torch.testing.assert_close(made.network(*batch).raw, before)
    plain = SafePaintLearner(TINY, SafePaintLosses(features="texture"), CPU).network.state_dict()
    assert set(made.network.state_dict()) == set(plain)  # the authors' layout
    stages = (made.network.coarse_generator, made.network.fine_generator)
    layers = [m for stage in stages for m in stage.modules()]
    norms = [
        largest_singular_value(m.weight.detach(), transposed=isinstance(m, nn.ConvTranspose2d))
        for m in layers
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)
    ]
    assert len(norms) > 20
    assert max(norms) == pytest.approx(1, abs=0.05)
    assert min(norms) == pytest.approx(1, abs=0.05)


def test_spectral_norm_has_no_handover() -> None:
    with pytest.raises(TrainingError, match=r"phase handover does not support losses\.spectral"):
        learner(spectral=True).begin("handover", fresh=True)


def test_without_spectral_norm_there_is_nothing_to_take_out(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    before = {name: value.clone() for name, value in made.network.state_dict().items()}
    made.finish()
    after = made.network.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
