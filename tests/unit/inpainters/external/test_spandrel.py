"""`spandrel:FILE` as an inpainter, with a stand-in network; with spandrel, where installed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from benchmark.core.errors import BadInput, BadOutput, MissingWeights, WeightsError
from benchmark.core.external.spandrel_networks import HOW, SpandrelNetwork
from benchmark.runner.plan import make_plan
from inpainters import INPAINTERS, create_inpainter
from inpainters.external import spandrel as module

LACKS = f"spandrel is not installed: {HOW}"
Install = Callable[..., Path]


class Descriptor:
    """Fills holes with random gray; refuses images of odd height."""

    size_requirements = SimpleNamespace(square=False, minimum=0)

    def to(self, device: torch.device) -> Descriptor:
        return self

    def __call__(self, image: Tensor, mask: Tensor) -> Tensor:
        if image.shape[2] % 2:
            raise RuntimeError("odd\nheight")
        return torch.where(mask.bool(), torch.rand(1), image)


@pytest.fixture
def install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Install:
    """A file whose network is a stand-in of some architecture."""

    def make(architecture: str, *, fills: bool = True, libraries: str = "spandrel 9") -> Path:
        network = SpandrelNetwork(Descriptor(), architecture, fills, libraries)
        monkeypatch.setattr(module, "read_network", lambda _: network)
        module._read_facts.cache_clear()
        (tmp_path / "net.safetensors").write_bytes(architecture.encode())
        return tmp_path / "net.safetensors"

    return make


def pair(height: int = 32) -> tuple[Tensor, Tensor]:
    images, masks = torch.full((2, 3, height, 32), 0.5), torch.zeros(2, 1, height, 32)
    masks[..., 4:12, 4:12] = 1
    return images, masks


def test_an_image_depends_on_the_seed_and_on_no_other_image(install: Install) -> None:
    painter = create_inpainter(f"spandrel:{install('MAT')}")
    images, masks = pair()
    found = painter.inpaint(images, masks, seed=1)
    assert torch.equal(found[0], found[1])
    assert torch.equal(found[:1], painter.inpaint(images[:1], masks[:1], seed=1))
    assert not torch.equal(found, painter.inpaint(images, masks, seed=2))
    with pytest.raises(BadOutput, match=r"spandrel-net: odd$"):
        painter.inpaint(*pair(33))


def test_the_card_says_what_is_known_of_the_architecture(install: Install) -> None:
    known = {}
    for name in ("LaMa", "MAT", "Other"):
        card = INPAINTERS.card(f"spandrel:{install(name)}")
        assert card.title == f"{name} (spandrel 9)"
        known[name] = (card.sees_hole, card.seeded)
    assert known == {"LaMa": (False, False), "MAT": (False, True), "Other": (True, True)}
    both = "spandrel 9 spandrel_extra_arches 1"
    card = INPAINTERS.card(f"spandrel:{install('MAT', libraries=both)}")
    assert "MAT has non-commercial terms" in card.license


def test_the_key_has_the_hash_and_no_path(install: Install) -> None:
    file = install("LaMa")
    before = INPAINTERS.fingerprint(f"spandrel:{file}")
    assert before.startswith("spandrel:spandrel 9 sha256:")
    assert str(file.parent) not in before
    moved = file.rename(file.with_name("moved.pth"))
    assert INPAINTERS.fingerprint(f"spandrel:{moved}") == before
    moved.write_bytes(b"other")
    assert INPAINTERS.fingerprint(f"spandrel:{moved}") != before


def test_a_plan_writes_the_file_relative_to_itself(install: Install, tmp_path: Path) -> None:
    file = install("LaMa")
    plan = make_plan({"inpainters": [f"spandrel:{file}"]})
    assert plan.inpainter_names == ("spandrel-net",)
    (tmp_path / "plan.toml").write_text('inpainters = ["spandrel:net.safetensors"]')
    assert type(plan).load(tmp_path / "plan.toml").inpainters[0].endswith("/net.safetensors")


def test_what_is_no_inpainting_network_is_refused(install: Install, tmp_path: Path) -> None:
    file = install("ESRGAN", fills=False)
    with pytest.raises(WeightsError, match=r"ESRGAN fills no holes; .* --launder spandrel:FILE"):
        INPAINTERS.card(f"spandrel:{file}")
    with pytest.raises(BadInput, match="takes no weights"):
        create_inpainter(f"spandrel:{install('LaMa')}", weights="other.pth")
    with pytest.raises(MissingWeights, match=r"none\.pth: no such file"):
        INPAINTERS.card(f"spandrel:{tmp_path / 'none.pth'}")
    with pytest.raises(BadInput, match="expected spandrel:FILE"):
        INPAINTERS.card("spandrel:")


@pytest.mark.slow
def test_a_lama_of_spandrel_fills_the_hole_alone(tmp_path: Path) -> None:
    pytest.importorskip("spandrel", reason=LACKS)
    lama = pytest.importorskip("spandrel.architectures.LaMa")
    torch.manual_seed(0)
    state = lama.LaMa(in_nc=4, out_nc=3).state_dict()
    save_file({name: one.contiguous() for name, one in state.items()}, tmp_path / "a.safetensors")
    painter = create_inpainter(f"spandrel:{tmp_path / 'a.safetensors'}")
    assert painter.card.title.startswith("LaMa (spandrel ")
    images, masks = torch.rand(1, 3, 50, 67), torch.zeros(1, 1, 50, 67)
    masks[..., 10:30, 10:40] = 1
    found, hole = painter.inpaint(images, masks), masks.bool().expand(1, 3, 50, 67)
    assert torch.equal(found[~hole], images[~hole])
    other = torch.where(hole, 1 - images, images)
    assert torch.equal(found, painter.inpaint(other, masks))


@pytest.mark.slow
def test_a_scripted_network_is_never_run(tmp_path: Path) -> None:
    pytest.importorskip("spandrel", reason=LACKS)
    with pytest.warns(FutureWarning):
        torch.jit.script(torch.nn.Conv2d(3, 3, 1)).save(tmp_path / "a.pt")
    with pytest.raises(WeightsError, match="refused"):
        INPAINTERS.card(f"spandrel:{tmp_path / 'a.pt'}")
