"""PSCC-Net against its goldens: seeded weights, and two of the authors' own three files."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.core.checkpoint import flat_state, load_strict, read_checkpoint
from benchmark.core.errors import WeightsError
from benchmark.core.pixels import to_images
from benchmark.core.types import Detection
from benchmark.core.weights import sha256_of
from detectors.psccnet import FILES, PSCCNet, PSCCNetNetwork
from tests.parity.goldens import GOLDENS, golden, needs_goldens, seeded, seeded_part, summary

pytestmark = needs_goldens

REAL = GOLDENS / "psccnet" / "real"
TAPS = {  # in network order
    "tap_layer1": "hrnet.layer1",
    "tap_stage2_b1": "hrnet.stage2",
    "tap_s1": "hrnet",
    "tap_s4": "hrnet",
    "tap_mask4": "nlc.getmask4",
    "tap_z3": "nlc.getmask3.getmask",
    "tap_mask1": "nlc.getmask1",
    "tap_logits": "head",
}
OUTPUTS = {"tap_stage2_b1": 1, "tap_s1": 0, "tap_s4": 3}  # which of several


@dataclass
class Asked:
    """One case's expected arrays and what this project answers."""

    expected: dict[str, np.ndarray]
    detection: Detection
    taps: dict[str, np.ndarray]


def save_as_authors(folder, seed, *, nested):
    """The three files of the authors' folder `checkpoint`, saved from a data-parallel wrapper."""
    for part, (inner, file) in FILES.items():
        target = folder / inner if nested else folder
        target.mkdir(exist_ok=True)
        state = seeded_part("psccnet", part, seed)
        torch.save({f"module.{name}": value for name, value in state.items()}, target / file)


def listen(network, taps):
    """Note each tap's tensor while the network runs: outputs, but the input for z."""

    def note(tap):
        def hook(_module, inputs, output):
            seen = inputs[0] if tap == "tap_z3" else output
            taps[tap] = summary(seen[OUTPUTS[tap]] if tap in OUTPUTS else seen)

        return hook

    for tap, module in TAPS.items():
        network.get_submodule(module).register_forward_hook(note(tap))


@pytest.fixture(scope="module", params=["case1", "case2"])
def asked(request, tmp_path_factory):
    expected = golden("psccnet", request.param)
    folder = tmp_path_factory.mktemp(request.param)
    save_as_authors(folder, int(expected["seed"]), nested=request.param == "case1")
    detector = PSCCNet(weights=folder)
    taps: dict[str, np.ndarray] = {}
    listen(detector.network, taps)
    return Asked(expected, detector.detect(to_images(expected["image"][None])), taps)


def test_the_goldens_hold_what_is_tested():
    assert set(golden("psccnet", "case1")) == {"seed", "image", "heatmap", "score", *TAPS}
    assert [path.stem for path in seeded().cases("psccnet")] == ["case1", "case2"]
    assert {path.name for path in REAL.iterdir()} == {"DetectionHead.pth", "NLCDetection.pth"}


def test_every_tap_in_network_order(asked):
    for tap in TAPS:
        expected = asked.expected[tap]
        np.testing.assert_allclose(
            asked.taps[tap],
            expected,
            rtol=0,
            atol=1e-4 * np.abs(expected).max(),
            err_msg=f"the first difference is at {tap}",
        )


def test_the_heatmap(asked):
    heatmap = asked.detection.heatmap[0].numpy()
    assert heatmap.shape == asked.expected["heatmap"].shape
    np.testing.assert_allclose(heatmap, asked.expected["heatmap"], rtol=0, atol=5e-5)


def test_the_score(asked):
    assert float(asked.detection.score[0]) == pytest.approx(
        float(asked.expected["score"]), abs=1e-5
    )


@pytest.fixture(scope="module")
def unfilled():
    with torch.device("meta"):
        return PSCCNetNetwork()


@pytest.mark.parametrize("part", FILES)
def test_names_and_shapes_are_the_manifest_s(unfilled, part):
    entries = seeded().load_manifest("psccnet")["parts"][part]
    state = unfilled.get_submodule(part).state_dict()
    assert [[name, list(value.shape)] for name, value in state.items()] == [
        [name, shape] for name, shape, _ in entries
    ]


@pytest.mark.parametrize("part", ["nlc", "head"])
def test_the_authors_own_files_load(part):
    file = REAL / FILES[part][1]
    network = PSCCNetNetwork().get_submodule(part)
    state = flat_state(read_checkpoint(file), file)
    load_strict(network, state, file)
    assert list(network.state_dict()) == list(state)
    published = {checkpoint.file: checkpoint.sha256 for checkpoint in PSCCNet.card.checkpoints}
    assert sha256_of(file) == published[file.name]


def test_the_authors_localisation_file_holds_the_stated_gammas():
    file = REAL / "NLCDetection.pth"
    network = PSCCNetNetwork().nlc
    load_strict(network, flat_state(read_checkpoint(file), file), file)
    stated = {
        4: (0.640415, 0.662899),
        3: (0.643936, 0.783426),
        2: (0.896065, 0.960116),
        1: (0.886523, 0.959416),
    }
    for scale, gammas in stated.items():
        module = network.get_submodule(f"getmask{scale}")
        assert (float(module.gamma_s), float(module.gamma_c)) == pytest.approx(gammas, abs=1e-6)


def test_the_authors_folder_without_the_trunk_says_which_file_is_missing():
    with pytest.raises(WeightsError, match=r"HRNet\.pth: no such checkpoint file"):
        PSCCNet(weights=REAL)


def test_the_authors_files_answer_over_a_seeded_trunk(tmp_path):
    torch.save(seeded_part("psccnet", "hrnet", 101), tmp_path / "HRNet.pth")
    for part in ("nlc", "head"):
        file = FILES[part][1]
        (tmp_path / file).symlink_to(REAL / file)
    detection = PSCCNet(weights=tmp_path).detect(torch.rand(1, 3, 40, 56))
    assert detection.heatmap.shape == (1, 40, 56)
    assert 0 <= float(detection.score) <= 1
