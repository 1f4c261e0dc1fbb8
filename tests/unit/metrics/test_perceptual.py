"""LPIPS: never downloads, refuses another file, and gives what the lpips package gives."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.core.backbones import BACKBONES
from benchmark.core.errors import WeightsError
from benchmark.core.paths import torch_checkpoints
from benchmark.metrics import METRICS, perceptual
from benchmark.metrics.perceptual import LPIPS, LPIPSVGG
from tests.unit.metrics.cases import draw_case

# Convolutions of torchvision's AlexNet: number in `features`, channels out and in, kernel.
ALEXNET = ((0, 64, 3, 11), (3, 192, 64, 5), (6, 384, 192, 3), (8, 256, 384, 3), (10, 256, 256, 3))


def backbone_file(name: str = "alexnet") -> Path:
    path = torch_checkpoints() / BACKBONES[name].file
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def write_alexnet() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    state = {"classifier.1.weight": torch.zeros(1)}
    for at, out, inside, kernel in ALEXNET:
        spread = (inside * kernel**2) ** -0.5
        weight = spread * torch.randn(out, inside, kernel, kernel, generator=generator)
        state |= {f"features.{at}.weight": weight, f"features.{at}.bias": torch.zeros(out)}
    torch.save(state, backbone_file())
    return state


@pytest.fixture
def _any_file_is_published(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(perceptual, "_is_published", lambda backbone, path: True)


@pytest.mark.parametrize("metric", [LPIPS, LPIPSVGG])
def test_without_the_backbone_it_says_what_to_type(metric: type[LPIPS]) -> None:
    reason = metric.unavailable()
    assert reason is not None
    assert f"'bench weights fetch {metric.backbone}'" in reason
    assert f"'bench weights add {metric.backbone} FILE'" in reason
    assert "\n" not in reason
    with pytest.raises(WeightsError, match="bench weights fetch"):
        metric().measure(draw_case(side=32))


def test_another_file_under_that_name_is_refused() -> None:
    write_alexnet()
    reason = LPIPS.unavailable()
    assert reason is not None
    assert "not the published file" in reason
    with pytest.raises(WeightsError, match="not the published file"):
        LPIPS().measure(draw_case(side=32))


def test_the_published_files_checksum_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    backbone_file().write_bytes(b"")  # SHA-256 of nothing begins with e3b0c442
    assert LPIPS.unavailable() is not None
    known = {**BACKBONES, "alexnet": replace(BACKBONES["alexnet"], sha256="e3b0c442")}
    monkeypatch.setattr(perceptual, "BACKBONES", known)
    assert LPIPS.unavailable() is None


@pytest.mark.usefixtures("_any_file_is_published")
def test_rows_are_the_packages_own_answer() -> None:
    state = write_alexnet()
    case = draw_case(3, side=40)
    rows = LPIPS().measure(case)
    assert rows.shape == (3, 1)
    assert rows.dtype == np.float64

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lpips

        network = lpips.LPIPS(net="alex", pnet_rand=True, verbose=False)
    own = network.net.state_dict()
    network.net.load_state_dict({key: state["features." + key.split(".", 1)[1]] for key in own})
    for row, a, b in zip(rows, case.filled, case.image, strict=True):
        # The package's way from files to tensors: (H, W, 3) in 0..255 to (1, 3, H, W) in [-1, 1].
        pair = lpips.im2tensor(a), lpips.im2tensor(b)
        expected = float(network(*pair).detach())
        assert expected > 0.01
        assert row[0] == pytest.approx(expected, rel=1e-4)


@pytest.mark.usefixtures("_any_file_is_published")
def test_the_answer_depends_on_no_neighbour_and_draws_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_alexnet()
    case = draw_case(3, side=40)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    whole = LPIPS().measure(case)
    monkeypatch.setattr(perceptual, "BATCH", 2)
    np.testing.assert_allclose(LPIPS().measure(case), whole, rtol=1e-5)
    assert torch.equal(torch.get_rng_state(), before)
    same = LPIPS().measure(replace(case, filled=case.image))
    assert same.tolist() == [[0], [0], [0]]


@pytest.mark.usefixtures("_any_file_is_published")
def test_it_works_down_to_its_smallest_side_and_is_undefined_below() -> None:
    write_alexnet()
    assert np.isfinite(LPIPS().measure(draw_case(1, side=LPIPS.min_side))).all()
    rows = LPIPS().measure(draw_case(2, side=LPIPS.min_side - 1))
    assert rows.shape == (2, 1)
    assert np.isnan(rows).all()


@pytest.mark.usefixtures("_any_file_is_published")
def test_a_file_of_another_network_is_refused() -> None:
    state = write_alexnet()
    torch.save({**state, "features.12.weight": torch.zeros(1)}, backbone_file())
    with pytest.raises(WeightsError, match=r"1 surplus \(features.12.weight\)"):
        LPIPS().measure(draw_case(1, side=40))
    del state["features.3.bias"]
    torch.save(state, backbone_file())
    with pytest.raises(WeightsError, match="1 missing"):
        LPIPS().measure(draw_case(1, side=40))


def test_a_backbones_file_name_ends_in_its_checksum() -> None:
    for checkpoint in BACKBONES.values():
        assert Path(checkpoint.file).stem.endswith(f"-{checkpoint.sha256}")
        assert len(checkpoint.sha256) == 8
        assert checkpoint.url == f"https://download.pytorch.org/models/{checkpoint.file}"
        assert checkpoint.licence


def test_asking_whether_metrics_are_available_loads_no_torch() -> None:
    code = (
        "import sys; from benchmark.metrics import METRICS;"
        "[METRICS.load(name).unavailable() for name in METRICS];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_each_metric_is_registered_under_its_name() -> None:
    assert METRICS.load("lpips") is LPIPS
    assert METRICS.load("lpips_vgg") is LPIPSVGG
