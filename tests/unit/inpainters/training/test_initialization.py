"""Initialization: an equal stage I for all SafePaint variants, hosts for variants with RWSA."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from benchmark.core.errors import TrainingError, WeightsError
from benchmark.training.export import export_safetensors
from benchmark.training.recipe import read_recipe
from inpainters.training import initialization as start
from tests.unit.inpainters.training.steps import Drawn, learner_of, trainer_of

HOSTS = ("aotgan", "edgeconnect")
STARTS = {"aotgan": "scaled", "edgeconnect": "linear"}  # so that narrow layers answer at all


def answer_of(learner: Any) -> Tensor:
    picture: Tensor = learner.show(*Drawn().batch(0))[-2]
    return picture


def installed(host: str, folder: Path, monkeypatch: pytest.MonkeyPatch, **sizes: int) -> Any:
    """A fresh host whose weights are taken for its mini edition; in half precision, as there."""
    made = learner_of(host, network=sizes, start=STARTS[host])
    for part in made.modules.values():
        part.half().float()
    path = folder / f"{host}.safetensors"
    export_safetensors(made.network, path, {"model": host, "config": made.config()})
    monkeypatch.setattr(start, "find_weights", lambda card, edition: SimpleNamespace(path=path))
    return made


def with_rwsa(host: str, **losses: Any) -> Any:
    return learner_of(f"{host}+rwsa", network={"rwsa": True}, start=STARTS[host], **losses)


@pytest.mark.parametrize("host", HOSTS)
def test_a_network_with_rwsa_starts_as_its_host_answers(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = installed(host, tmp_path, monkeypatch)
    fresh = with_rwsa(host)
    warm = with_rwsa(host, warm=True)
    assert torch.equal(answer_of(warm), answer_of(made))
    assert not torch.allclose(answer_of(fresh), answer_of(made), atol=1e-3)


@pytest.mark.parametrize("host", HOSTS)
def test_its_attentions_learn(host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed(host, tmp_path, monkeypatch)
    warm = with_rwsa(host, warm=True)
    warm.begin("joint", fresh=True)
    terms = warm.training_step("generator", *Drawn().batch(0))
    torch.stack(list(terms.values())).sum().backward()  # type: ignore[no-untyped-call]
    fusers = [p for n, p in warm.network.named_parameters() if n.endswith("fuser.weight")]
    assert len(fusers) == 2
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in fusers)


@pytest.mark.parametrize("host", HOSTS)
def test_a_host_of_other_sizes_or_none_is_refused(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(host, tmp_path, monkeypatch, width=8)
    with pytest.raises(TrainingError, match="other sizes than this recipe's network"):
        with_rwsa(host, warm=True)
    monkeypatch.setattr(start, "find_weights", lambda card, edition: SimpleNamespace(path=None))
    with pytest.raises(TrainingError, match=f"mini edition of {host} is not installed"):
        with_rwsa(host, warm=True)


def test_all_rows_of_safepaint_learn_the_same_stage_one(tmp_path: Path) -> None:
    """Same seed, same images: after the coarse phase it is the same to the bit in every row."""
    found = []
    rows = ((True, 0.01), (False, 0.01), (True, 0.0), (False, 0.0))
    for number, (rwsa, domain) in enumerate(rows):
        made = learner_of("safepaint", network={"rwsa": rwsa}, domain=domain, start="linear")
        made.model = "safepaint"
        stage = {"phase": "coarse", "steps": 2, "batch": 4, "crop": 64, "sides": [64]}
        trainer_of(made, tmp_path / str(number), stages=[stage]).run()
        found.append(made.network.coarse_generator.state_dict())
    for other in found[1:]:
        assert all(torch.equal(value, other[name]) for name, value in found[0].items())


@pytest.mark.parametrize("host", HOSTS)
def test_the_mini_recipes_start_from_the_host_with_its_losses(host: str) -> None:
    alone, with_rwsa = read_recipe(host), read_recipe(f"{host}+rwsa")
    assert with_rwsa.losses == alone.losses | {"warm": True}
    assert with_rwsa.network == alone.network | {"rwsa": True}
    assert with_rwsa.steps < alone.steps / 2


def test_bilinear_kernels_upsample_and_keep_their_size() -> None:
    torch.manual_seed(0)
    layer = nn.ConvTranspose2d(40, 30, 4, stride=2, padding=1).requires_grad_(requires_grad=False)
    before = float(layer.weight.square().mean().sqrt())
    start.start_bilinear(nn.Sequential(layer))
    assert float(layer.weight.square().mean().sqrt()) == pytest.approx(before, rel=0.05)
    weight = layer.weight[:1, :1]
    ramp = torch.arange(6.0).expand(1, 1, 6, 6)
    found = torch.conv_transpose2d(ramp, weight, stride=2, padding=1)[0, 0, 4, 2:-2]
    steps = found.diff()
    torch.testing.assert_close(steps, steps[:1].expand_as(steps))  # a straight line stays straight


@pytest.mark.parametrize("name", ["safepaint", "edgeconnect"])
def test_a_linear_start_upsamples_bilinearly(name: str) -> None:
    kernel = torch.outer(*2 * [torch.tensor(start.BILINEAR)])
    for choice, bilinear in (("normal", False), ("linear", True)):
        made = learner_of(name, start=choice)
        stages = "coarse_generator.", "fine_generator.", "inpaint."
        layers = [
            layer
            for at, layer in made.network.named_modules()
            if isinstance(layer, nn.ConvTranspose2d) and at.startswith(stages)
        ]
        assert layers
        for layer in layers:
            scaled = layer.weight[:, :, :1, :1] / kernel[0, 0] * kernel
            assert torch.allclose(layer.weight, scaled, rtol=1e-4, atol=0) == bilinear


@pytest.mark.parametrize("host", HOSTS)
def test_a_file_of_its_host_s_weights_is_taken_instead(host: str, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patched:
        made = installed(host, tmp_path, patched)
    warm = with_rwsa(host, warm=str(tmp_path / f"{host}.safetensors"))
    assert torch.equal(answer_of(warm), answer_of(made))


def test_a_file_of_another_model_or_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.MonkeyPatch.context() as patched:
        installed("edgeconnect", tmp_path, patched)
    with pytest.raises(WeightsError, match="weights of 'edgeconnect', expected 'aotgan'"):
        with_rwsa("aotgan", warm=str(tmp_path / "edgeconnect.safetensors"))
    with pytest.raises(WeightsError, match="no such checkpoint for aotgan"):
        with_rwsa("aotgan", warm=str(tmp_path / "none.safetensors"))
