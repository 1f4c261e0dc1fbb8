"""PSCC-Net with two of the authors' three published files."""

from __future__ import annotations

import pytest
import torch

from benchmark.core.checkpoints.digests import sha256_of
from benchmark.core.checkpoints.load import flat_state, load_strict, read_checkpoint
from benchmark.core.errors import WeightsError
from detectors.psccnet import FILES, PSCCNet, PSCCNetNetwork
from tests.parity.goldens import GOLDENS, needs_goldens, seeded_part

pytestmark = needs_goldens

REAL = GOLDENS / "psccnet" / "real"


def test_the_authors_own_files_are_these_two():
    assert {path.name for path in REAL.iterdir()} == {"DetectionHead.pth", "NLCDetection.pth"}


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
