"""PatchMatch through PyPatchMatch; without the package its absence is said."""

from __future__ import annotations

import tomllib
from importlib.metadata import PackageNotFoundError

import numpy as np
import pytest
import torch

from benchmark.core.errors import ExternalError
from benchmark.core.external import optional
from inpainters import INPAINTERS, create_inpainter
from tests.unit.test_layers import ROOT

NEEDED = "pypatchmatch>=2.2,<2.3"
here = pytest.mark.skipif(bool(INPAINTERS.lacking("patchmatch")), reason="PyPatchMatch is an extra")


def none_here(name: str) -> str:
    raise PackageNotFoundError(name)


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(optional, "version", none_here)
    with pytest.raises(ExternalError, match=rf"patchmatch: pypatchmatch is not .* '{NEEDED}'"):
        create_inpainter("patchmatch")
    assert INPAINTERS.lacking("telea") == ""


def test_another_version_is_refused_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The keys of stored outputs do not have the package's version."""
    monkeypatch.setattr(optional, "version", lambda name: "2.3.1")
    with pytest.raises(ExternalError, match=r"pypatchmatch 2\.3\.1 is installed, but <2\.3,>=2\.2"):
        create_inpainter("patchmatch")
    monkeypatch.setattr(optional, "version", lambda name: "2.2.7")
    assert INPAINTERS.lacking("patchmatch") == ""


def test_the_extra_has_the_same_versions() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    assert extras["patchmatch"] == [NEEDED]
    assert NEEDED in extras["test"]


def draw() -> tuple[torch.Tensor, torch.Tensor]:
    generator = np.random.default_rng(0)
    images = torch.from_numpy(generator.integers(0, 256, (1, 3, 40, 40)) / 255).float()
    masks = torch.zeros(1, 1, 40, 40)
    masks[..., 12:26, 14:30] = 1
    return images, masks


@here
def test_the_seed_decides() -> None:
    inpainter = create_inpainter("patchmatch")
    one, other, same = (inpainter.inpaint(*draw(), seed=seed) for seed in (1, 2, 1))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)


@here
@pytest.mark.parametrize("value", [0, 77])
def test_one_known_pixel_is_enough(value: int) -> None:
    """The package alone leaves a third of such a hole black."""
    images, masks = torch.full((1, 3, 48, 40), value / 255), torch.ones(1, 1, 48, 40)
    masks[..., -1, -1] = 0
    forged = torch.where(masks.bool(), 0.9, images)
    assert torch.equal(create_inpainter("patchmatch").inpaint(forged, masks), images)


@here
def test_black_that_is_copied_stays_black() -> None:
    images, masks = draw()
    images[..., :, :20] = 0
    filled = create_inpainter("patchmatch").inpaint(images, masks)
    assert float(filled[..., 14:24, 15:17].max()) < 0.02


@here
def test_a_seed_of_any_size_is_taken() -> None:
    inpainter = create_inpainter("patchmatch")
    assert torch.equal(
        inpainter.inpaint(*draw(), seed=5), inpainter.inpaint(*draw(), seed=5 + 2**32)
    )
