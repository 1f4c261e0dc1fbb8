"""Weights drawn from names are those that the reference outputs were made with."""

from __future__ import annotations

import pytest
import torch

from benchmark.verify.golden import read_manifest
from benchmark.verify.models import MODELS
from benchmark.verify.seeded import seeded_state, seeded_tensor
from tests.parity.goldens import GOLDENS, needs_goldens, seeded

KINDS = [
    ["conv.weight", [4, 3, 3, 3], "float32"],
    ["conv.bias", [4], "float32"],
    ["norm.weight", [4], "float32"],
    ["norm.running_mean", [4], "float32"],
    ["norm.running_var", [4], "float32"],
    ["norm.num_batches_tracked", [], "int64"],
    ["attention.in_proj_bias", [6], "float32"],
    ["gamma", [], "float32"],
    ["flag", [2], "bool"],
    ["half.weight", [2, 2], "float16"],
    ["down.weight_orig", [4, 3, 2, 2], "float32"],
    ["down.weight_u", [4], "float32"],
    ["down.weight_v", [12], "float32"],
    ["up.weight_orig", [3, 5, 2, 2], "float32"],
    ["up.weight_u", [5], "float32"],
    ["up.weight_v", [12], "float32"],
]


@needs_goldens
@pytest.mark.parametrize("seed", [0, 101])
def test_every_kind_of_tensor_is_drawn_as_the_goldens_do(seed: int) -> None:
    ours = seeded_state(KINDS, seed=seed, gain=1.3)
    theirs = seeded().seeded_state_dict(KINDS, seed=seed, gain=1.3)
    assert list(ours) == list(theirs)
    for name, value in theirs.items():
        assert ours[name].dtype == value.dtype, name
        assert torch.equal(ours[name], value), name


@needs_goldens
@pytest.mark.parametrize("name", MODELS)
def test_the_manifests_tensors_are_drawn_as_the_goldens_do(name: str) -> None:
    for entries in read_manifest(GOLDENS, name)["parts"].values():
        for entry in sorted(entries, key=lambda entry: entry[1])[:40]:  # the small ones
            theirs = seeded().seeded_tensor(*entry, seed=17, gain=0.9)
            assert torch.equal(seeded_tensor(entry, seed=17, gain=0.9), theirs), entry


def test_the_power_iteration_s_product_is_never_tiny() -> None:
    state = seeded_state(KINDS, seed=3, gain=1.0)
    matrix = state["up.weight_orig"].transpose(0, 1).flatten(1)
    sigma = state["up.weight_u"] @ matrix @ state["up.weight_v"]
    assert float(sigma) == pytest.approx(float((matrix.t() @ state["up.weight_u"]).norm()))
    assert float(state["up.weight_v"].norm()) == pytest.approx(1)
