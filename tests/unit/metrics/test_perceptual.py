"""LPIPS: equality with the lpips package, no downloads, verified files."""

from __future__ import annotations

import subprocess
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from torch.nn import functional as F

from benchmark.core.backbones import load_backbone, own_file, published_file
from benchmark.core.errors import WeightsError
from benchmark.metrics import METRICS
from benchmark.metrics.deep_features import DeepFeatures, Features
from benchmark.metrics.perceptual import LPIPS, LPIPSVGG
from benchmark.runner.keys import measure_key
from benchmark.runner.plan import make_plan
from benchmark.runner.planning import PlanJobs
from benchmark.runner.resolve import resolve_plan
from tests.backbones import State, draw, pretend, write_published, write_safetensors
from tests.unit.metrics.cases import draw_case


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> State:
    """Install a random AlexNet that passes for the published one."""
    state = draw()
    write_safetensors(own_file("alexnet"), state)
    pretend(monkeypatch, state)
    return state


@pytest.mark.parametrize("metric", [LPIPS, LPIPSVGG])
def test_without_the_backbone_the_reason_names_the_commands(metric: type[LPIPS]) -> None:
    reason = metric.unavailable()
    assert reason is not None
    assert f"'bench weights fetch {metric.backbone}'" in reason
    assert f"'bench weights add {metric.backbone} FILE'" in reason
    assert "\n" not in reason
    with pytest.raises(WeightsError, match="bench weights fetch"):
        metric().measure(draw_case(side=32))


def test_a_file_with_another_hash_raises() -> None:
    write_safetensors(own_file("alexnet"), draw())
    reason = LPIPS.unavailable()
    assert reason is not None
    assert "not the published one" in reason
    with pytest.raises(WeightsError, match="not the published one"):
        LPIPS().measure(draw_case(side=32))


@pytest.mark.parametrize(("net", "metric"), [("alex", LPIPS), ("vgg", LPIPSVGG)])
def test_rows_equal_the_lpips_package_to_2e_5(
    monkeypatch: pytest.MonkeyPatch, net: str, metric: type[LPIPS]
) -> None:
    drawn = draw(metric.backbone)
    write_safetensors(own_file(metric.backbone), drawn)
    pretend(monkeypatch, drawn, name=metric.backbone)
    case = draw_case(3, side=75)
    rows = metric().measure(case)
    assert rows.shape == (3, 1)
    assert rows.dtype == np.float64

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import lpips

        network = lpips.LPIPS(net=net, pnet_rand=True, verbose=False)
    own = network.net.state_dict()
    state = {key: torch.from_numpy(value) for key, value in drawn.items()}
    network.net.load_state_dict({key: state["features." + key.split(".", 1)[1]] for key in own})
    for row, a, b in zip(rows, case.filled, case.image, strict=True):
        # The package's conversion: (H, W, 3) in [0, 255] to (1, 3, H, W) in [-1, 1].
        pair = lpips.im2tensor(a), lpips.im2tensor(b)
        expected = float(network(*pair).detach())
        assert expected > 0.01
        assert row[0] == pytest.approx(expected, abs=2e-5)


def test_values_do_not_depend_on_the_file_format(
    drawn: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = draw_case(2, side=40)
    ours = LPIPS().measure(case)
    own_file("alexnet").unlink()
    assert LPIPS.unavailable() is not None
    pretend(monkeypatch, drawn, write_published(published_file("alexnet"), drawn))
    assert np.array_equal(LPIPS().measure(case), ours)


PLAN = {
    "datasets": ["folder"], "size": 64, "inpainters": ["telea"], "detectors": [],
    "metrics": ["lpips"],
}  # fmt: skip


def lpips_keys(photos: Path) -> list[str]:
    plan = make_plan({**PLAN, "images": photos})
    jobs = PlanJobs(resolve_plan(plan))
    (telea,) = jobs.resolved.inpainters
    return [key for column in jobs.measure_jobs(telea) for key in column.keys]


def test_keys_do_not_depend_on_the_weights_file(
    drawn: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    Image.fromarray(draw_case(1, side=64).image[0]).save(photos / "a.png")
    ours = lpips_keys(photos)
    assert ours
    own_file("alexnet").unlink()
    assert lpips_keys(photos) == []  # a gap, and nothing is computed
    pretend(monkeypatch, drawn, write_published(published_file("alexnet"), drawn))
    assert lpips_keys(photos) == ours
    jobs = PlanJobs(resolve_plan(make_plan({**PLAN, "images": photos})))
    fill = jobs.inpaint_keys(jobs.resolved.inpainters[0])[0]
    assert measure_key("lpips", "1", fill, "") in ours  # as at commit 1351f48


@pytest.mark.usefixtures("drawn")
def test_values_are_independent_of_the_batch_and_of_the_random_state() -> None:
    case = draw_case(3, side=40)
    torch.manual_seed(5)
    before = torch.get_rng_state()
    whole = LPIPS().measure(case)
    alone = [
        LPIPS().measure(
            replace(case, image=case.image[at : at + 1], filled=case.filled[at : at + 1])
        )
        for at in range(3)
    ]
    assert np.array_equal(np.concatenate(alone), whole)
    assert torch.equal(torch.get_rng_state(), before)
    same = LPIPS().measure(replace(case, filled=case.image))
    assert same.tolist() == [[0], [0], [0]]


@pytest.fixture
def processed(monkeypatch: pytest.MonkeyPatch) -> list[NDArray[np.uint8]]:
    """Record every image that the network processes."""
    seen: list[NDArray[np.uint8]] = []
    original_of = DeepFeatures.of

    def recorded(self: DeepFeatures, pixels: NDArray[np.uint8]) -> Features:
        seen.append(pixels.copy())
        return original_of(self, pixels)

    monkeypatch.setattr(DeepFeatures, "of", recorded)
    return seen


@pytest.mark.usefixtures("drawn")
def test_the_original_s_features_are_computed_once_for_all_inpainted_images(
    processed: list[NDArray[np.uint8]],
) -> None:
    case = draw_case(1, side=40)
    inpainted = [draw_case(1, seed=seed, side=40).filled for seed in range(3)]
    metric = LPIPS()
    found = [metric.measure(replace(case, filled=filled)) for filled in inpainted]
    assert sum(np.array_equal(seen, case.image[0]) for seen in processed) == 1
    assert len(processed) == 4
    fresh = [LPIPS().measure(replace(case, filled=filled)) for filled in inpainted]
    assert np.array_equal(found, fresh)


@pytest.mark.usefixtures("drawn")
def test_features_of_an_original_changed_in_place_are_recomputed() -> None:
    case = draw_case(1, side=40)
    metric = LPIPS()
    metric.measure(case)
    case.image[:] = draw_case(1, seed=9, side=40).image
    assert np.array_equal(metric.measure(case), LPIPS().measure(case))


def test_a_metric_instance_uses_a_replaced_file_for_both_images(
    drawn: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    case, metric = draw_case(1, side=40), LPIPS()
    metric.measure(case)
    other = draw(seed=1)
    write_safetensors(own_file("alexnet"), other)
    pretend(monkeypatch, other)
    assert np.array_equal(metric.measure(case), LPIPS().measure(case))


@pytest.mark.usefixtures("drawn")
def test_measuring_imports_neither_lpips_nor_torchvision() -> None:
    code = (
        "import sys\n"
        "from benchmark.metrics.deep_features import _linear_layers, LAYOUTS\n"
        "from benchmark.core.backbones import BACKBONES\n"
        "for name in LAYOUTS: _linear_layers(LAYOUTS[name], BACKBONES[name].convolutions)\n"
        "sys.exit('lpips' in sys.modules or 'torchvision' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.usefixtures("drawn")
def test_sides_below_the_minimum_are_nan() -> None:
    assert np.isfinite(LPIPS().measure(draw_case(1, side=LPIPS.min_side))).all()
    rows = LPIPS().measure(draw_case(2, side=LPIPS.min_side - 1))
    assert rows.shape == (2, 1)
    assert np.isnan(rows).all()


def test_a_replaced_file_is_reloaded(drawn: State, monkeypatch: pytest.MonkeyPatch) -> None:
    case = draw_case(1, side=40)
    first = LPIPS().measure(case)
    other = draw(seed=1)
    write_safetensors(own_file("alexnet"), other)
    pretend(monkeypatch, other)
    assert not np.allclose(LPIPS().measure(case), first)
    write_safetensors(own_file("alexnet"), drawn)
    pretend(monkeypatch, drawn)
    assert np.array_equal(LPIPS().measure(case), first)


def test_unavailable_loads_no_torch() -> None:
    code = (
        "import sys; from benchmark.metrics import METRICS;"
        "[METRICS.load(name).unavailable() for name in METRICS];"
        "sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_each_metric_is_registered_under_its_name() -> None:
    assert METRICS.load("lpips") is LPIPS
    assert METRICS.load("lpips_vgg") is LPIPSVGG


# LPIPS from its definition (Zhang et al. 2018, equation 1), without the package's network: features
# after each ReLU, unit length across channels, squared differences weighed, mean over the plane.
STRIDES = {0: (4, 2), 3: (1, 2), 6: (1, 1), 8: (1, 1), 10: (1, 1)}  # and padding, of AlexNet
SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)


def alexnet_layers(pixels: NDArray[np.uint8]) -> list[torch.Tensor]:
    state = load_backbone("alexnet")
    values = torch.from_numpy(pixels).permute(2, 0, 1)[None].double() / 127.5 - 1
    shift, scale = (torch.tensor(one).double().view(1, 3, 1, 1) for one in (SHIFT, SCALE))
    values, found = (values - shift) / scale, []
    for at, (stride, padding) in STRIDES.items():
        weight, bias = (state[f"features.{at}.{part}"].double() for part in ("weight", "bias"))
        values = F.relu(F.conv2d(values, weight, bias, stride, padding))
        found.append(values)
        if at in {0, 3}:
            values = F.max_pool2d(values, 3, 2)
    return found


def plain_lpips(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    from importlib.resources import files

    with (files("lpips") / "weights" / "v0.1" / "alex.pth").open("rb") as file:
        linear = torch.load(file, map_location="cpu", weights_only=True)
    total = 0.0
    pairs = zip(alexnet_layers(a), alexnet_layers(b), strict=True)
    for number, (one, other) in enumerate(pairs):
        weight = linear[f"lin{number}.model.1.weight"].double()
        unit = [x / (x.square().sum(1, keepdim=True).sqrt() + 1e-10) for x in (one, other)]
        total += float(((unit[0] - unit[1]).square() * weight).sum(1).mean())
    return total


@pytest.mark.usefixtures("alexnet")
def test_lpips_equals_its_definition_on_images() -> None:
    from skimage import data
    from skimage.filters import gaussian

    case = draw_case(2, side=64)
    photos = np.stack([data.astronaut()[100:164, 180:244], data.coffee()[100:164, 180:244]])
    blurred = np.stack([gaussian(one, 2, channel_axis=2, preserve_range=True) for one in photos])
    filled = blurred.round().astype(np.uint8)
    rows = LPIPS().measure(replace(case, image=photos, filled=filled))
    expected = [plain_lpips(a, b) for a, b in zip(filled, photos, strict=True)]
    assert min(expected) > 0.05
    np.testing.assert_allclose(rows[:, 0], expected, rtol=0, atol=2e-5)
    same = LPIPS().measure(replace(case, image=photos, filled=photos))
    assert same.tolist() == [[0], [0]]
