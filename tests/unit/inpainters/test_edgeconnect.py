"""EdgeConnect at reduced sizes: padding, edges, RWSA, and checkpoints."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from benchmark.core.errors import WeightsError
from inpainters import create_inpainter
from inpainters.edgeconnect import (
    EDGE_FILE,
    INPAINT_FILE,
    EdgeConnect,
    EdgeConnectConfig,
    EdgeConnectNetwork,
    canny_edges,
    gray_levels,
    load_networks,
)
from inpainters.rwsa import start_from_host

MINI = EdgeConnectConfig(width=4, blocks=1)


def draw(height, width, count=2):
    generator = torch.Generator().manual_seed(height * width)
    images = torch.rand(count, 3, height, width, generator=generator)
    masks = torch.zeros(count, 1, height, width)
    for index in range(count):
        masks[index, :, height // 4 : height // 2 + index, width // 3 :] = 1
    return images, masks


def networks(config=MINI, seed=0):
    torch.manual_seed(seed)
    return EdgeConnectNetwork(config).eval()


def save_mini(path, *, config=MINI, noted=None):
    said = {"model": "edgeconnect", "config": asdict(config), **(noted or {})}
    save_file(networks(config).state_dict(), path, metadata={"bench": json.dumps(said)})
    return path


@pytest.fixture
def mini(tmp_path):
    return EdgeConnect(weights=save_mini(tmp_path / "mini.safetensors"))


@pytest.fixture(scope="module")
def official():
    return networks(EdgeConnectConfig())


def save_as_authors(folder, network, *, prefix="", edge=None):
    """Both generators' files, in the authors' layout."""
    for file, part in ((EDGE_FILE, network.edge), (INPAINT_FILE, network.inpaint)):
        state = {f"{prefix}{name}": value for name, value in part.state_dict().items()}
        torch.save({"iteration": 3, "generator": state}, folder / file)
    if edge is not None:
        torch.save(edge, folder / EDGE_FILE)


def test_what_is_added_to_an_odd_size_is_known_and_has_no_edges(mini):
    seen = []
    mini.network.register_forward_pre_hook(lambda _module, inputs: seen.extend(inputs))
    images, masks = draw(38, 45)
    mini.inpaint(images, masks)
    pictures, gray, edges, holes = seen
    assert [tuple(planes.shape) for planes in seen] == [(2, c, 40, 48) for c in (3, 1, 1, 1)]
    for planes in (pictures, gray):
        assert torch.equal(planes[:, :, 38:], planes[:, :, 35:37].flip(2))
        assert torch.equal(planes[:, :, :, 45:], planes[:, :, :, 41:44].flip(3))
    for planes in (edges, holes):
        assert not planes[:, :, 38:].any()
        assert not planes[:, :, :, 45:].any()
    assert edges.any()
    assert torch.equal(holes[:, :, :38, :45], masks)


def test_the_network_sees_the_8_bit_image(mini):
    images, masks = draw(24, 24)
    eight = (images * 255).round() / 255
    hole = masks.bool().expand_as(images)
    assert torch.equal(mini.inpaint(images, masks)[hole], mini.inpaint(eight, masks)[hole])


def test_gray_has_the_programs_weights_in_double_precision():
    pixels = np.array([[[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]]], np.uint8)
    gray = gray_levels(pixels)
    assert gray.dtype == np.float64
    np.testing.assert_allclose(gray[0, 0], [0.2125, 0.7154, 0.0721, 1], rtol=0, atol=1e-15)


def test_a_step_is_an_edge_and_the_border_of_the_hole_is_none():
    gray = np.zeros((1, 30, 40))
    gray[..., 20:] = 1
    known = np.ones((1, 30, 40), dtype=bool)
    known[:, 10:20, 5:35] = False
    gray[~known] = np.random.default_rng(0).random((~known).sum())
    edges = canny_edges(gray, known)[0]
    rows, columns = np.nonzero(edges)
    assert set(columns) <= {19, 20}
    assert set(rows) == set(range(1, 9)) | set(range(21, 29))


def test_the_parameters_are_the_specifications(official):
    edge, inpaint = official.edge, official.inpaint
    assert (len(edge.state_dict()), len(inpaint.state_dict())) == (70, 44)
    assert sum(p.numel() for p in edge.parameters()) == 10_761_089
    assert sum(value.numel() for value in edge.state_dict().values()) == 10_812_052
    assert sum(p.numel() for p in inpaint.parameters()) == 10_774_595
    with torch.device("meta"):
        variant = EdgeConnectNetwork(EdgeConnectConfig(rwsa=True))
    count = sum(p.numel() for p in variant.parameters())
    assert count == 21_535_684 + 633_112 + 2_529_840


def test_with_rwsa_passing_through_the_answer_is_the_hosts():
    images, masks = draw(40, 44)
    host = networks().inpaint
    network = networks(EdgeConnectConfig(width=4, blocks=1, rwsa=True), seed=1).inpaint
    edges = images[:, :1]
    with torch.inference_mode():
        before = network(images, edges, masks)
        start_from_host(network, host.state_dict(), Path("host.pth"))
        answer, expected = network(images, edges, masks), host(images, edges, masks)
    assert not torch.equal(before, expected)
    assert torch.equal(answer, expected)


def test_rwsa_sees_the_mask_at_both_places(tmp_path):
    config = EdgeConnectConfig(width=4, blocks=1, rwsa=True)
    noted = {"model": "edgeconnect+rwsa"}
    file = save_mini(tmp_path / "mini.safetensors", config=config, noted=noted)
    inpainter = create_inpainter("edgeconnect+rwsa", weights=file)
    assert not inpainter.untrained
    seen = []
    for name in ("6", "9"):
        inpainter.network.inpaint.rwsa[name].register_forward_hook(
            lambda _module, inputs, _answer: seen.append([tuple(i.shape) for i in inputs])
        )
    images, masks = draw(41, 40)
    assert inpainter.inpaint(images, masks).shape == images.shape
    mask = (2, 1, 44, 40)
    assert seen == [[(2, 8, 22, 20), mask], [(2, 16, 11, 10), mask]]


def test_the_hosts_folder_loads_but_is_not_fit_to_measure(tmp_path, official):
    save_as_authors(tmp_path, official)
    variant = create_inpainter("edgeconnect+rwsa", weights=tmp_path)
    assert "never trained" in variant.untrained
    images, masks = draw(16, 16)
    expected = EdgeConnect(weights=tmp_path).inpaint(images, masks)
    assert torch.equal(variant.inpaint(images, masks), expected)


def test_a_folder_in_the_authors_layout_loads_with_a_containers_prefix(tmp_path, official):
    save_as_authors(tmp_path, official, prefix="module.")
    inpainter = EdgeConnect(weights=tmp_path)
    loaded, expected = load_networks(tmp_path)[0].state_dict(), official.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in expected.items())
    assert not any(p.requires_grad for p in inpainter.network.parameters())
    assert not any(module.training for module in inpainter.network.modules())


def test_the_two_files_swapped_are_refused(tmp_path, official):
    edge = {"iteration": 3, "generator": official.inpaint.state_dict()}
    save_as_authors(tmp_path, official, edge=edge)
    with pytest.raises(
        WeightsError, match=r"EdgeModel_gen\.pth does not match EdgeGenerator"
    ) as caught:
        EdgeConnect(weights=tmp_path)
    assert "\n" not in str(caught.value)


def test_a_discriminators_file_is_refused(tmp_path, official):
    save_as_authors(tmp_path, official, edge={"discriminator": {}})
    with pytest.raises(WeightsError, match="expected an entry 'generator', found discriminator"):
        EdgeConnect(weights=tmp_path)


def test_a_folder_without_one_of_the_files_is_refused(tmp_path, official):
    save_as_authors(tmp_path, official)
    (tmp_path / INPAINT_FILE).unlink()
    with pytest.raises(WeightsError, match=r"InpaintingModel_gen\.pth: no such checkpoint"):
        EdgeConnect(weights=tmp_path)


def test_one_file_without_the_other_is_refused(tmp_path, official):
    save_as_authors(tmp_path, official)
    with pytest.raises(WeightsError, match=r"the folder that holds EdgeModel_gen\.pth and .* gen"):
        EdgeConnect(weights=tmp_path / EDGE_FILE)


@pytest.mark.parametrize(
    ("noted", "words"),
    [
        ({"config": {"width": 4}}, "expected the sizes width, blocks, rwsa, got width"),
        ({"config": {**asdict(MINI), "rwsa": True}}, "edgeconnect has rwsa False, got True"),
    ],
)
def test_a_mini_file_that_says_something_else_is_refused(tmp_path, noted, words):
    file = save_mini(tmp_path / "mini.safetensors", noted=noted)
    with pytest.raises(WeightsError, match=words):
        load_networks(file)
