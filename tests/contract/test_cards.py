"""Cards of all models: parameters and multiply-adds equal those of the official networks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from benchmark.core.card import Card
from benchmark.training.recipe import LEARNERS
from detectors import DETECTORS, iidnet, psccnet, trufor
from inpainters import (
    INPAINTERS,
    aotgan,
    ctsdg,
    edgeconnect,
    fcf,
    lama,
    madf,
    safepaint,
)


@dataclass(frozen=True)
class Official:
    """A network at its official sizes, and the planes it takes: channels of each input."""

    build: Callable[[], nn.Module]
    planes: tuple[int, ...]
    vectors: tuple[tuple[int, ...], ...] = ()


def stage_two_without_attention() -> nn.Module:
    return safepaint.Generator(safepaint.SafePaintConfig(rwsa=False))


SAFEPAINT = Official(lambda: safepaint.Generator(safepaint.SafePaintConfig()), (3, 1))
BACKBONE = Official(stage_two_without_attention, (3, 1))
OFFICIAL = {
    "safepaint": SAFEPAINT,
    "safepaint-backbone": BACKBONE,
    "safepaint-ddl": BACKBONE,
    "safepaint-rwsa": SAFEPAINT,
    "edgeconnect": Official(
        lambda: edgeconnect.EdgeConnectNetwork(edgeconnect.EdgeConnectConfig()), (3, 1, 1, 1)
    ),
    "edgeconnect+rwsa": Official(
        lambda: edgeconnect.EdgeConnectNetwork(edgeconnect.EdgeConnectConfig(rwsa=True)),
        (3, 1, 1, 1),
    ),
    "madf": Official(lambda: madf.MADFNetwork(madf.MADFConfig()), (3, 1)),
    "ctsdg": Official(lambda: ctsdg.Generator(ctsdg.CTSDGConfig()), (3, 2, 1)),
    "aotgan": Official(lambda: aotgan.Generator(aotgan.AOTGANConfig()), (3, 1)),
    "aotgan+rwsa": Official(lambda: aotgan.Generator(aotgan.AOTGANConfig(rwsa=True)), (3, 1)),
    "lama": Official(lambda: lama.Generator(lama.LaMaConfig()), (3, 1)),
    "fcf": Official(
        lambda: fcf.Generator(fcf.FcFConfig()), (3, 1), vectors=((1, 512), (1, 1, 4, 4))
    ),
    "psccnet": Official(lambda: psccnet.PSCCNetNetwork(psccnet.PSCCNetConfig()), (3,)),
    "trufor": Official(lambda: trufor.TruForNetwork(trufor.TruForConfig()), (3,)),
    "iidnet": Official(lambda: iidnet.IIDNetNetwork(iidnet.IIDNetConfig()), (3,)),
}
CARDS = {name: registry.card(name) for registry in (INPAINTERS, DETECTORS) for name in registry}
NETWORKS = [name for name, card in CARDS.items() if not card.weightless]


@pytest.fixture(params=NETWORKS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_parameters_are_those_of_the_official_network(name: str) -> None:
    with torch.device("meta"):  # shapes without numbers
        network = OFFICIAL[name].build()
    assert CARDS[name].parameters == sum(one.numel() for one in network.parameters())


def test_multiply_adds_are_those_of_the_official_network(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # How many positions IID-Net averages depends on the image, and costs no product.
    monkeypatch.setattr(iidnet, "divisor", lambda cosines: 2)
    official = OFFICIAL[name]
    with torch.device("meta"), torch.inference_mode():
        network = official.build().eval()
        inputs: list[Tensor] = [torch.zeros(1, count, 256, 256) for count in official.planes]
        inputs += [torch.zeros(shape) for shape in official.vectors]
        with FlopCounterMode(display=False) as counter:
            network(*inputs)
    assert CARDS[name].multiply_adds == counter.get_total_flops() // 2


@pytest.mark.parametrize(
    ("name", "parameters", "giga"),
    [  # as the specifications count them, where they count what is counted here
        ("safepaint", 28_840_298, 132.25),
        ("edgeconnect", 21_535_684, 96.750),
        ("madf", 85_141_214, 28.261),
        ("aotgan", 15_200_835, 72.876),
        ("lama", 50_975_875, 55.06),
        ("fcf", 70_336_098, 40.52),
        ("psccnet", 3_667_942, 45.03),
        ("iidnet", 5_787_567, 33.09),
    ],
)
def test_the_specifications_count_the_same(name: str, parameters: int, giga: float) -> None:
    assert CARDS[name].parameters == parameters
    assert CARDS[name].multiply_adds / 1e9 == pytest.approx(giga, abs=0.01)


@pytest.mark.parametrize("card", CARDS.values(), ids=CARDS)
def test_a_card_says_what_a_reader_needs(card: Card) -> None:
    assert card.sizes
    assert bool(card.score) == (card.name in DETECTORS)
    if not card.weightless:
        assert card.paper.startswith("https://")
        assert card.license
    for one in card.checkpoints:
        assert one.source
        assert one.license
        assert bool(one.archive) == bool(one.member)
        assert not one.archive or one.archive.partition(":")[0] in {"md5", "sha256"}


def test_a_card_knows_whether_its_model_can_be_trained() -> None:
    assert {name for name, card in CARDS.items() if card.learner} == set(LEARNERS)
