"""`spandrel:FILE` and `vae:FOLDER` with networks of a few hundred numbers."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from benchmark.core.errors import ExternalError, MissingWeights, WeightsError
from benchmark.core.external import spandrel_networks
from benchmark.core.types import Pixels
from benchmark.postprocess import PostProcess, super_resolution, vae

LACKS = "the extra is not installed: pip install "


@pytest.fixture
def picture() -> Pixels:
    return np.random.default_rng(5).integers(0, 256, (40, 53, 3), dtype=np.uint8)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    """A network of spandrel's architecture Compact that doubles the sides."""
    pytest.importorskip("spandrel", reason=f"{LACKS}spandrel")
    arch = pytest.importorskip("spandrel.architectures.Compact.__arch.SRVGG")
    torch.manual_seed(0)
    made = arch.SRVGGNetCompact(num_feat=4, num_conv=1, upscale=2, act_type="prelu")
    save_file(made.state_dict(), tmp_path / "tiny.safetensors")
    torch.save({"params_ema": made.state_dict()}, tmp_path / "tiny.pth")
    return tmp_path / "tiny.safetensors"


@pytest.fixture
def autoencoder(tmp_path: Path) -> Path:
    pytest.importorskip("diffusers", reason=f"{LACKS}diffusers")
    from diffusers import AutoencoderKL

    torch.manual_seed(0)
    AutoencoderKL(
        block_out_channels=[8, 8], norm_num_groups=4, latent_channels=4,
        down_block_types=["DownEncoderBlock2D"] * 2, up_block_types=["UpDecoderBlock2D"] * 2,
    ).save_pretrained(tmp_path / "tiny" / "vae")  # fmt: skip
    return tmp_path / "tiny"


def test_super_resolution_comes_back_to_the_size_before(network: Path, picture: Pixels) -> None:
    import spandrel

    step = PostProcess.parse(f"spandrel:{network}")
    step.check()
    model = spandrel.ModelLoader().load_from_file(network)
    image = torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1)[None]
    large = (255 * model(image)[0].permute(1, 2, 0)).round().byte().numpy()
    expected = Image.fromarray(large).resize((53, 40), Image.Resampling.BICUBIC)
    assert np.array_equal(step.apply(picture, seed=0), expected)
    assert np.array_equal(step.apply(picture, seed=9), expected)
    same = PostProcess.parse(f"spandrel:{network.with_suffix('.pth')}").apply(picture, seed=0)
    assert np.array_equal(same, expected)


def test_the_key_has_the_file_s_hash_and_the_name_no_path(network: Path) -> None:
    step = PostProcess.parse(f"spandrel:{network}+jpeg:80")
    assert step.name == "spandrel:tiny+jpeg:80"
    assert step.is_external
    before = step.key
    assert str(network) not in before
    moved = network.rename(network.with_name("other.safetensors"))
    assert PostProcess.parse(f"spandrel:{moved}+jpeg:80").key == before
    other = PostProcess.parse(f"spandrel:{network.with_suffix('.pth')}+jpeg:80")
    assert other.key != before


def test_a_checkpoint_that_would_run_code_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(super_resolution, "library", lambda: "spandrel 0")

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return print, ("it was run",)

    (tmp_path / "evil.pth").write_bytes(pickle.dumps({"params": Evil()}, protocol=2))
    for name, error, said in (
        ("evil.pth", WeightsError, "refused|no checkpoint"),
        ("none.pth", MissingWeights, "no such file"),
    ):
        with pytest.raises(error, match=said):
            PostProcess.parse(f"spandrel:{tmp_path / name}").check()


def test_a_network_that_fills_holes_is_no_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "lama.pth").write_bytes(b"x")
    network = spandrel_networks.SpandrelNetwork(None, "LaMa", fills=True, libraries="spandrel 0")
    monkeypatch.setattr(super_resolution, "library", lambda: "spandrel 0")
    monkeypatch.setattr(super_resolution, "read_network", lambda _: network)
    with pytest.raises(WeightsError, match="LaMa fills holes; use it as --inpainter spandrel:FILE"):
        PostProcess.parse(f"spandrel:{tmp_path / 'lama.pth'}").check()


def test_a_file_of_no_known_network_is_refused(network: Path) -> None:
    save_file({"a": torch.zeros(3)}, network)
    with pytest.raises(WeightsError, match="no network that spandrel"):
        PostProcess.parse(f"spandrel:{network}").check()


def test_a_round_trip_is_the_autoencoder_s(autoencoder: Path, picture: Pixels) -> None:
    from diffusers import AutoencoderKL

    step = PostProcess.parse(f"vae:{autoencoder}")
    step.check()
    assert step.name == "vae:tiny"
    model = AutoencoderKL.from_pretrained(autoencoder / "vae", local_files_only=True)
    wide = np.pad(picture, ((0, 0), (0, 1), (0, 0)), mode="reflect").astype(np.float32)
    image = torch.from_numpy(wide / 127.5 - 1).permute(2, 0, 1)[None]
    with torch.no_grad():
        output = model.decode(model.encode(image).latent_dist.mode()).sample[0]
    levels = 127.5 * (output.permute(1, 2, 0).numpy()[:, :53] + 1)
    expected = np.rint(levels).clip(0, 255).astype(np.uint8)
    assert np.array_equal(step.apply(picture, seed=0), expected)
    before = step.key
    (autoencoder / "unrelated.bin").write_bytes(b"x")
    assert PostProcess.parse(f"vae:{autoencoder}").key == before
    (autoencoder / "vae" / "config.json").write_text("{}")
    assert PostProcess.parse(f"vae:{autoencoder}").key != before
    with pytest.raises(WeightsError, match="expected an AutoencoderKL"):
        PostProcess.parse(f"vae:{autoencoder}").check()


def test_only_safetensors_are_read(autoencoder: Path) -> None:
    weights = autoencoder / "vae" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    with pytest.raises(WeightsError, match="cannot be loaded"):
        PostProcess.parse(f"vae:{autoencoder}").check()


def test_without_the_extra_it_is_said_before_anything_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "net.safetensors").write_bytes(b"x")
    for module, text in ((spandrel_networks, "spandrel:{}/net.safetensors"), (vae, "vae:{}")):

        def missing(library: str, *, how: str) -> str:
            raise ExternalError(f"{library} is not installed; get it with {how}")

        monkeypatch.setattr(module, "installed", missing)
        with pytest.raises(ExternalError, match="is not installed; get it with pip install"):
            PostProcess.parse(text.format(tmp_path)).check()
