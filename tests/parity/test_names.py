"""Parameter names and shapes of all networks equal those of the authors' checkpoints."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import nn

from benchmark.verify.golden import read_manifest, reference_of
from detectors.iidnet import IIDNetNetwork
from detectors.psccnet import PSCCNetNetwork
from detectors.trufor import TruForNetwork
from inpainters import ctsdg, fcf, lama, madf
from tests.parity.goldens import GOLDENS, needs_goldens

pytestmark = needs_goldens

NETWORKS = {
    "ctsdg": lambda: ctsdg.Generator(ctsdg.CTSDGConfig()),
    "iidnet": IIDNetNetwork,
    "lama": lambda: lama.Generator(lama.LaMaConfig()),
    "madf": lambda: madf.MADFNetwork(madf.MADFConfig()),
    "psccnet": PSCCNetNetwork,
    "trufor": TruForNetwork,
}
PREFIXED = {"psccnet"}  # each of its parts is a file, without the part's name


def listed(name: str) -> list[list[object]]:
    """Names and shapes of the manifest, its parts in the network's order."""
    parts = read_manifest(GOLDENS, name)["parts"]
    if name == "iidnet":  # the constrained convolution lies between the first and the others
        entries = [*parts["iidnet"][:2], *parts["bayar"], *parts["iidnet"][2:]]
        return [[tensor, shape] for tensor, shape, _ in entries]
    return [
        [f"{part}.{tensor}" if name in PREFIXED else tensor, shape]
        for part in reference_of(name).parts
        for tensor, shape, _ in parts[part]
    ]


@pytest.mark.parametrize("name", NETWORKS)
def test_names_and_shapes_are_the_manifest_s(name: str) -> None:
    build: Callable[[], nn.Module] = NETWORKS[name]
    with torch.device("meta"):
        state = build().state_dict()
    assert [[tensor, list(value.shape)] for tensor, value in state.items()] == listed(name)


def test_fcf_s_512_model_has_the_stated_size() -> None:
    with torch.device("meta"):
        network = fcf.Generator(fcf.FcFConfig(resolution=512))
    assert sum(value.numel() for value in network.parameters()) == 85_086_823
    assert len(network.state_dict()) == 278
