"""LaMa against its goldens: the authors' program's answers under seeded weights."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest
import torch

from benchmark.core.pixels import to_images
from inpainters.lama import CHECKPOINT, Generator, LaMa, LaMaConfig
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part, summary

pytestmark = needs_goldens

PARTS = ("stem", "body", "head")
TAPS = {  # in network order
    "tap_input": "model.0",
    "tap_stem": "model.1",
    "tap_down3_global": "model.4",
    "tap_block0_fourier": "model.5.conv1.ffc.convg2g.fu",
    "tap_block0_global": "model.5",
    "tap_body": "model.23",
    "tap_up1": "model.26",
    "tap_logits": "model.34",
}


@dataclass
class Played:
    """One case's expected arrays and what this project answers."""

    expected: dict[str, np.ndarray]
    filled: torch.Tensor
    raw: torch.Tensor
    taps: dict[str, np.ndarray]


def save_as_authors(folder, seed, monkeypatch):
    """The folder `big-lama` with its Lightning checkpoint, a class of Lightning's in it."""
    module = ModuleType("pytorch_lightning.callbacks.model_checkpoint")
    callback = type("ModelCheckpoint", (), {"__module__": module.__name__})
    module.ModelCheckpoint = callback
    state = {}
    for part in PARTS:
        state |= seeded_part("lama", part, seed)
    content = {
        "epoch": 39,
        "pytorch-lightning_version": "1.2.9",
        "callbacks": {callback: {"best_model_score": torch.tensor(0.5)}},
        "hyper_parameters": {"made": callback()},
        "state_dict": {
            "val_evaluator.scores.ssim.window": torch.ones(3),
            **{f"generator.{name}": value for name, value in state.items()},
        },
    }
    (folder / CHECKPOINT).parent.mkdir(parents=True)
    with monkeypatch.context() as patch:
        for depth in (1, 2, 3):
            name = ".".join(module.__name__.split(".")[:depth])
            patch.setitem(sys.modules, name, module)
        torch.save(content, folder / CHECKPOINT)


@pytest.fixture(scope="module", params=["case1", "case2"])
def played(request, tmp_path_factory):
    expected = golden("lama", request.param)
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as monkeypatch:
        save_as_authors(folder, int(expected["seed"]), monkeypatch)
    inpainter = LaMa(weights=folder)
    (folder / CHECKPOINT).unlink()  # 204 MB
    taps, raw = {}, []

    def note(tap):
        def hook(_module, inputs, answer):
            seen = inputs[0] if tap == "tap_input" else answer
            taps[tap] = summary(seen.far if isinstance(seen, tuple) else seen)

        return hook

    for tap, module in TAPS.items():
        inpainter.network.get_submodule(module).register_forward_hook(note(tap))
    inpainter.network.register_forward_hook(lambda _m, _i, answer: raw.append(answer))
    masks = torch.from_numpy(expected["mask"] > 0)[None, None].float()
    filled = inpainter.inpaint(to_images(expected["image"][None]), masks)
    return Played(expected, filled, raw[0], taps)


def test_the_goldens_hold_what_is_tested():
    untested = {"disc_logits"}  # of training only
    arrays = {"seed", "image", "mask", "raw", "filled", *TAPS}
    assert set(golden("lama", "case1")) - untested == arrays
    assert [path.stem for path in seeded().cases("lama")] == ["case1", "case2"]


def test_names_and_shapes_are_the_manifest_s():
    with torch.device("meta"):
        state = Generator(LaMaConfig()).state_dict()
    parts = seeded().load_manifest("lama")["parts"]
    assert [[name, list(value.shape)] for name, value in state.items()] == [
        [name, shape] for part in PARTS for name, shape, _ in parts[part]
    ]


def test_every_tap_in_network_order(played):
    for tap in TAPS:
        first = f"the first difference is at {tap}"
        np.testing.assert_allclose(
            played.taps[tap], played.expected[tap], rtol=1e-4, atol=1e-4, err_msg=first
        )


def test_the_raw_picture(played):
    height, width = played.expected["mask"].shape
    raw = played.raw[0, :, :height, :width]
    np.testing.assert_allclose(raw, played.expected["raw"], rtol=0, atol=2e-4)


def test_the_filled_picture(played):
    np.testing.assert_allclose(played.filled[0], played.expected["filled"], rtol=0, atol=2e-4)
    known = np.broadcast_to(played.expected["mask"] == 0, played.filled[0].shape)
    assert np.array_equal(played.filled[0].numpy()[known], played.expected["filled"][known])
