"""SafePaint against its goldens: the authors' program's answers under seeded weights."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
import torch

from benchmark.core.checkpoint import load_strict, part_of, read_checkpoint
from benchmark.core.pixels import to_images, to_pixels
from inpainters import create_inpainter
from inpainters.safepaint import Domains, Painted, SafePaint
from inpainters.training.discriminators.patch import Discriminator
from tests.parity.goldens import golden, needs_goldens, seeded, seeded_part, summary

pytestmark = needs_goldens

TAPS = {  # in network order
    "tap_coarse_encoder": "coarse_generator.encoder",
    "tap_coarse_middle": "coarse_generator.middle",
    "tap_coarse_raw": "coarse_generator",
    "tap_fine_encoder": "fine_generator.encoder",
    "tap_fine_middle": "fine_generator.middle",
    "tap_rwsa1": "fine_generator.att1",
    "tap_rwsa2": "fine_generator.att2",
    "tap_rwsa3": "fine_generator.att3",
}


@dataclass
class Played:
    """One case's expected arrays and what this project answers."""

    expected: dict[str, np.ndarray]
    filled: torch.Tensor
    painted: Painted
    domains: Domains
    taps: dict[str, np.ndarray]
    disc: dict[str, torch.Tensor]


def save_as_authors(folder, seed):
    """Both files of one training run, in the authors' layout."""
    for file, part in (("G", "generator"), ("D", "discriminator")):
        outer = {"iteration": 7} if part == "generator" else {}
        content = {**outer, part: seeded_part("safepaint", part, seed)}
        torch.save(content, folder / f"InpaintingModel_{file}.pth")


def load_discriminator(folder):
    file = folder / "InpaintingModel_D.pth"
    network = Discriminator()
    load_strict(network, part_of(read_checkpoint(file), "discriminator", file), file)
    return network


@pytest.fixture(scope="module", params=["case1", "case2"])
def played(request, tmp_path_factory):
    expected = golden("safepaint", request.param)
    folder = tmp_path_factory.mktemp(request.param)
    save_as_authors(folder, int(expected["seed"]))
    inpainter = create_inpainter("safepaint", weights=folder)
    images = to_images(expected["image"][None])
    masks = torch.from_numpy(expected["mask"] > 0)[None, None].float()
    taps, painted = {}, []
    for tap, module in TAPS.items():
        inpainter.network.get_submodule(module).register_forward_hook(
            lambda _module, _inputs, answer, tap=tap: taps.update({tap: summary(answer)})
        )
    inpainter.network.register_forward_hook(lambda _m, _i, answer: painted.append(answer))
    filled = inpainter.inpaint(images, masks)
    discriminator = load_discriminator(folder)
    with torch.inference_mode():
        domains = inpainter.network.domains(images, masks, painted[0])
        disc = {"disc_image": discriminator(images), "disc_raw": discriminator(painted[0].raw)}
    return Played(expected, filled, painted[0], domains, taps, disc)


def near(actual, expected, name):
    np.testing.assert_allclose(actual, expected, rtol=2e-4, atol=2e-4, err_msg=name)


def test_the_golden_s_case_holds_every_array_that_is_tested():
    tested = {"seed", "image", "mask", "raw", "filled", "written", "disc_image", "disc_raw", *TAPS}
    tested |= {f"domain_{name}" for name in ("background", "real", "coarse", "output")}
    assert set(golden("safepaint", "case1")) == tested
    assert [path.stem for path in seeded().cases("safepaint")] == ["case1", "case2"]


def test_every_tap_in_network_order(played):
    for tap in TAPS:
        near(played.taps[tap], played.expected[tap], f"the first difference is at {tap}")


def test_the_raw_picture(played):
    np.testing.assert_allclose(played.painted.raw[0], played.expected["raw"], rtol=0, atol=2e-4)


def test_the_filled_picture(played):
    np.testing.assert_allclose(played.filled[0], played.expected["filled"], rtol=0, atol=2e-4)
    known = np.broadcast_to(played.expected["mask"] == 0, (3, 256, 256))
    image = played.expected["image"].transpose(2, 0, 1).astype(np.float32) / np.float32(255)
    assert np.array_equal(played.filled[0].numpy()[known], image[known])


def test_the_written_picture_is_cut_off(played):
    written = to_pixels(played.filled, rounding=SafePaint.card.rounding)[0]
    expected, hole = played.expected["written"], played.expected["mask"] > 0
    off = np.abs(written.astype(int) - expected)
    assert off[~hole].max() == 0
    assert off.max() <= 1
    assert (off[hole] > 0).mean() <= 0.02


@pytest.mark.parametrize("name", ["background", "real", "coarse", "output"])
def test_the_domain_vectors(played, name):
    vector = getattr(played.domains, name)
    assert vector.shape == (1, 16, 1, 1)
    near(vector.flatten(), played.expected[f"domain_{name}"], name)


@pytest.mark.parametrize("name", ["disc_image", "disc_raw"])
def test_the_discriminator(played, name):
    np.testing.assert_allclose(
        played.disc[name][0, 0], played.expected[name], rtol=0, atol=2e-4, err_msg=name
    )
