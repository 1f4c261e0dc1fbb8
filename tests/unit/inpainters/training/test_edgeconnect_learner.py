"""EdgeConnect's training steps: trained networks and input edges of each phase."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from benchmark.training.export import export_official
from inpainters.edgeconnect import load_networks
from inpainters.training.edgeconnect import (
    PHASES,
    EdgeConnectLearner,
    EdgeConnectLosses,
    true_edges,
)

TINY = EdgeConnectLearner.tiny["network"]
CPU = torch.device("cpu")
EDGE_TERMS = ["edge_adversarial", "matching"]
COLOR_TERMS = ["l1", "perceptual", "style", "adversarial"]


def learner(phase: str = "joint", *, rwsa: bool = False, **losses: Any) -> EdgeConnectLearner:
    torch.manual_seed(0)
    chosen: dict[str, Any] = {"features": "texture", "discriminator_width": 4} | losses
    made = EdgeConnectLearner({**TINY, "rwsa": rwsa}, EdgeConnectLosses(**chosen), CPU)
    made.begin(phase, fresh=True)
    return made


@pytest.fixture
def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(2, 3, 6, 6, generator=generator)
    images = F.interpolate(coarse, 64, mode="bicubic").clamp(0, 1)
    masks = torch.zeros(2, 1, 64, 64)
    masks[:, :, 16:40, 20:50] = 1
    return (255 * images).round() / 255, masks


def step(made: EdgeConnectLearner, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
    """Two roles' turns with plain gradient descent; the terms of both."""
    found: dict[str, Tensor] = {}
    for role, names in made.roles.items():
        networks = [made.modules[name] for name in names]
        parameters = [p for net in networks for p in net.parameters() if p.requires_grad]
        terms = made.training_step(role, *batch)
        optimizer = torch.optim.SGD(parameters, lr=0.1)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        for network in made.modules.values():
            network.zero_grad()
        found |= terms
    return found


@pytest.mark.parametrize("rwsa", [False, True])
@pytest.mark.parametrize("phase", PHASES)
def test_a_phase_trains_its_networks_and_no_other(
    phase: str, rwsa: bool, batch: tuple[Tensor, Tensor]
) -> None:
    made = learner(phase, rwsa=rwsa)
    before = {
        name: {entry: value.clone() for entry, value in net.state_dict().items()}
        for name, net in made.modules.items()
    }
    terms = [step(made, batch) for _ in range(2)][-1]
    edges = [*EDGE_TERMS, "edge_discriminator"] if phase in {"edge", "joint"} else []
    colors = [*COLOR_TERMS, "discriminator"] if phase != "edge" else []
    assert set(terms) == {*edges, *colors}
    assert all(torch.isfinite(term) for term in terms.values())
    for name, net in made.modules.items():
        moved = [not torch.equal(before[name][e], v) for e, v in net.state_dict().items()]
        assert any(moved) == (name in PHASES[phase]), name


def test_all_terms_are_columns_of_the_log(batch: tuple[Tensor, Tensor]) -> None:
    assert set(step(learner(lattice=1.0), batch)) == set(EdgeConnectLearner.terms)


@pytest.mark.parametrize(
    ("phase", "composited"), [("true", True), ("predicted", True), ("predicted", False)]
)
def test_colors_are_painted_after_the_phases_edges(
    phase: str, composited: bool, batch: tuple[Tensor, Tensor]
) -> None:
    made, seen = learner(phase, composited=composited), []
    made.network.inpaint.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1]))
    made.training_step("generator", *batch)
    gray, edges = true_edges(batch[0])
    with torch.no_grad():
        predicted = made.network.edge(gray, edges, batch[1])
    around = edges if composited else predicted
    wanted = torch.where(batch[1] > 0, predicted, around)
    assert torch.equal(seen[0], edges if phase == "true" else wanted)
    assert not seen[0].requires_grad


def test_colors_reach_the_edges_when_both_learn(batch: tuple[Tensor, Tensor]) -> None:
    made = learner("joint")
    terms = made.training_step("generator", *batch)
    first = made.network.edge.get_parameter("encoder.1.weight_orig")
    (gradient,) = torch.autograd.grad(terms["l1"], [first])
    assert gradient.abs().sum() > 0


def test_the_discriminators_judge_what_was_made_without_gradient(
    batch: tuple[Tensor, Tensor],
) -> None:
    made = learner("joint")
    made.training_step("generator", *batch)
    judged = made.training_step("discriminator", *batch)
    judged["discriminator"].backward()  # type: ignore[no-untyped-call]
    judged["edge_discriminator"].backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None for p in made.network.parameters())
    assert all(p.grad is not None for p in made.discriminator.parameters())


def test_composites_have_terms_of_the_hole_alone(batch: tuple[Tensor, Tensor]) -> None:
    """Only the hole has a gradient, and the discriminator is given the image outside of it."""
    images, masks = batch
    gradients = {}
    for compared in ("outputs", "composites"):
        made = learner("predicted", compared=compared)
        raws: list[Tensor] = []

        def keep(_layer: object, _inputs: object, raw: Tensor, kept: list[Tensor] = raws) -> None:
            raw.retain_grad()
            kept.append(raw)

        made.network.inpaint.register_forward_hook(keep)
        terms = made.training_step("generator", images, masks)
        torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
        assert raws[0].grad is not None
        gradients[compared] = raws[0].grad.abs() * (1 - masks)
        shown = made._generated[0].raw
        assert shown is not None
        assert torch.equal(shown, raws[0]) == (compared == "outputs")
    assert gradients["outputs"].sum() > 0
    assert gradients["composites"].sum() == 0
    assert torch.equal((shown * (1 - masks)), images * (1 - masks))


def test_true_edges_are_those_of_the_whole_image() -> None:
    images = torch.zeros(1, 3, 32, 32)
    images[..., 16:] = 1
    gray, edges = true_edges(images)
    assert torch.equal(gray[0, 0], images[0, 0])
    assert set(edges.nonzero()[:, 3].tolist()) <= {15, 16}
    assert edges.sum() >= 28


def test_files_of_the_authors_layout_load_strictly(tmp_path: Path) -> None:
    losses = EdgeConnectLosses(features="texture", discriminator_width=4)
    made = EdgeConnectLearner({}, losses, CPU)
    paths = export_official(made.official(7), tmp_path)
    assert [path.name for path in paths] == [
        "EdgeModel_gen.pth", "InpaintingModel_gen.pth",
        "EdgeModel_dis.pth", "InpaintingModel_dis.pth",
    ]  # fmt: skip
    network, untrained = load_networks(tmp_path)
    assert not untrained
    for name, value in made.network.state_dict().items():
        assert torch.equal(network.state_dict()[name], value), name
