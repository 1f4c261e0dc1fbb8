"""AOT-GAN's training steps: both optimizer roles, in the paper's and the program's form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmark.core.errors import TrainingError
from benchmark.training.export import export_official
from inpainters import create_inpainter
from inpainters.training import aotgan
from inpainters.training.aotgan import (
    AOTGANLearner,
    AOTGANLosses,
    discriminator_paper,
    generator_paper,
)
from inpainters.training.feature_networks import TextureFeatures, imagenet_standardized

TINY = AOTGANLearner.tiny["network"]
CPU = torch.device("cpu")
GENERATOR_TERMS = ["l1", "perceptual", "style", "adversarial"]


def learner(*, rwsa: bool = False, **losses: Any) -> AOTGANLearner:
    torch.manual_seed(0)
    chosen: dict[str, Any] = {"features": "texture", "discriminator_width": 4} | losses
    made = AOTGANLearner({**TINY, "rwsa": rwsa}, AOTGANLosses(**chosen), CPU)
    made.begin("joint", fresh=True)
    return made


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    masks = torch.zeros(2, 1, 64, 64)
    masks[:, :, 16:40, 20:50] = 1
    return torch.rand(2, 3, 64, 64, generator=generator), masks


def backward(terms: dict[str, Tensor]) -> None:
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]


def gradients(network: nn.Module) -> list[Tensor | None]:
    return [p.grad for p in network.parameters()]


@pytest.mark.parametrize("rwsa", [False, True])
def test_each_role_trains_its_own_network(rwsa: bool, batch: tuple[Tensor, Tensor]) -> None:
    made = learner(rwsa=rwsa)
    made.discriminator.requires_grad_(False)  # as the trainer has it
    terms = made.training_step("generator", *batch)
    assert list(terms) == GENERATOR_TERMS
    assert all(torch.isfinite(term) for term in terms.values())
    backward(terms)
    assert all(grad is not None for grad in gradients(made.network))
    made.discriminator.requires_grad_(True)
    made.network.zero_grad()
    backward(made.training_step("discriminator", *batch))
    assert all(grad is None for grad in gradients(made.network))
    assert all(grad is not None for grad in gradients(made.discriminator))


@pytest.mark.parametrize("kind", ["vgg19", "vgg16", "texture"])
def test_a_vgg_sees_standardized_images(
    kind: str, batch: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []

    class Looking(TextureFeatures):
        def features(self, images: Tensor) -> dict[str, Tensor]:
            seen.append(images)
            return super().features(images)

    monkeypatch.setattr(aotgan, "choose_features", lambda _: Looking())
    learner(features=kind).training_step("generator", *batch)
    images = batch[0]
    expected = images if kind == "texture" else imagenet_standardized(images)
    torch.testing.assert_close(seen[0], expected)
    assert len(seen) == 2


def test_the_papers_terms_are_the_specifications(batch: tuple[Tensor, Tensor]) -> None:
    made = learner()
    made.discriminator.eval()  # no power iterations: each pass sees the same weights
    images, masks = batch
    terms = made.training_step("generator", images, masks)
    judged = made.training_step("discriminator", images, masks)
    signed = 2 * images - 1
    raw = made.network(signed, masks)
    composite = torch.where(masks > 0, raw, signed)
    real, fake = made.discriminator(signed), made.discriminator(composite)
    torch.testing.assert_close(terms["l1"], (raw - signed).abs().mean())
    torch.testing.assert_close(terms["adversarial"], 0.01 * generator_paper(fake, masks))
    assert list(judged) == ["discriminator"]
    torch.testing.assert_close(judged["discriminator"], discriminator_paper(real, fake, masks))


def test_the_programs_form_leaks_the_generators_term(batch: tuple[Tensor, Tensor]) -> None:
    made = learner(adversarial_form="program")
    made.discriminator.eval()
    paid = made.training_step("generator", *batch)["adversarial"]
    judged = made.training_step("discriminator", *batch)
    assert set(judged) == {"leaked", "discriminator"}
    torch.testing.assert_close(judged["leaked"], paid)
    assert not torch.allclose(paid, learner().training_step("generator", *batch)["adversarial"])


def test_parts_of_a_batch_are_judged_in_their_order(batch: tuple[Tensor, Tensor]) -> None:
    made, seen = learner(), []
    images, masks = batch
    parts = list(zip(images.chunk(2), masks.chunk(2), strict=True))
    for part in parts:
        made.training_step("generator", *part)
    made.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    for part in parts:
        made.training_step("discriminator", *part)
    for number, (picture, mask) in enumerate(parts):
        composite, real = seen[2 * number : 2 * number + 2]
        assert torch.equal(real, 2 * picture - 1)
        assert torch.equal(composite * (1 - mask), real * (1 - mask))


def test_scaled_weights_answer_as_strongly_at_any_width() -> None:
    fresh = {
        start: learner(start=start).network.middle[0].get_parameter("fuse.1.weight").detach()
        for start in ("normal", "scaled")
    }
    assert float(fresh["normal"].std()) == pytest.approx(0.02, rel=0.1)
    assert float(fresh["scaled"].std()) == pytest.approx((2 / (9 * 16)) ** 0.5, rel=0.1)


@pytest.mark.parametrize("name", ["aotgan", "aotgan+rwsa"])
def test_files_of_the_authors_layout_load_strictly(name: str, tmp_path: Path) -> None:
    losses = AOTGANLosses(features="texture", discriminator_width=4)
    made = AOTGANLearner({"rwsa": name.endswith("rwsa")}, losses, CPU)
    paths = export_official(made.official(70), tmp_path)
    assert [path.name for path in paths] == ["G0000070.pt", "D0000070.pt"]
    inpainter = create_inpainter(name, weights=tmp_path)
    assert not inpainter.untrained
    loaded = inpainter.network.state_dict()  # type: ignore[attr-defined]
    folded = {"rwsa.4.connection", "rwsa.6.connection"}  # batch norms, into their convolutions
    for entry, value in made.network.state_dict().items():
        if not entry.startswith(tuple(folded)):
            assert torch.equal(loaded[entry], value), entry


def test_features_of_imagenet_are_not_faked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(TrainingError, match=r"VGG-19.*vgg19-dcbb9e9d\.pth"):
        learner(features="vgg19")
