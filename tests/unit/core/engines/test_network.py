"""A network that an engine runs: converted once, compared with torch, kept, mended."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from benchmark.core.engines import backend
from benchmark.core.engines.files import engines_folder
from benchmark.core.engines.network import TOLERANCE, EngineNetwork
from benchmark.core.errors import EngineNotice, ExternalError
from benchmark.store.clean import clean_engines
from tests.unit.core.engines import traced


@dataclass
class Output:
    image: Tensor
    scores: tuple[Tensor, Tensor]
    note: str = "none"


class Small(nn.Module):
    config = "sizes"

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Conv2d(4, 3, 3, padding=1)

    def forward(self, images, masks):
        image = self.layer(torch.cat((images, masks), dim=1))
        return Output(image=image, scores=(image.mean((1, 2, 3)), masks.sum((1, 2, 3))))


class Region(Small):
    """A network that computes the columns of the hole alone, as RWSA does."""

    def forward(self, images, masks):
        columns = masks.amax((0, 1, 2)).nonzero()
        first, last = int(columns[0]), int(columns[-1]) + 1
        images = images.clone()
        images[..., first:last] += 1
        return images


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCH_HOME", str(tmp_path))
    traced.install(monkeypatch)


def engine_network(network=None, name="small"):
    return EngineNetwork(
        network or Small().eval(), name=name, revision=2, weights="ab" * 32, engine="openvino"
    )


def planes(count=1, size=(8, 12)):
    torch.manual_seed(count)
    masks = torch.zeros(count, 1, *size)
    masks[..., 2:5, 3:5] = 1
    return torch.rand(count, 3, *size), masks


def said(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        output = call()
    return output, [str(one.message) for one in caught if one.category is EngineNotice]


def kept() -> list[Path]:
    return sorted(engines_folder().iterdir())


def test_the_output_is_torchs_in_its_own_type_for_any_batch_and_size():
    network = engine_network()
    assert network.config == "sizes"
    for count, size in ((1, (8, 12)), (3, (8, 12)), (2, (16, 8))):
        given = planes(count, size)
        found, _ = said(lambda: network(*given))  # noqa: B023 (called at once)
        expected = network.network(*given)
        assert type(found) is Output
        assert found.note == "none"
        torch.testing.assert_close(found.image, expected.image)
        torch.testing.assert_close(found.scores, expected.scores)


def test_each_size_is_converted_once_and_kept_with_versions_and_sizes_in_its_name():
    given = planes()
    _, first = said(lambda: engine_network()(*given))
    assert len(first) == 1
    assert first[0].startswith("small, openvino 9.9: converted for inputs of 3x8x12, 1x8x12 in ")
    assert "largest difference" in first[0]
    assert said(lambda: engine_network()(*given))[1] == []
    (file,) = kept()
    assert file.name == "small-r2-abababababababab-openvino-9.9-c1-3x8x12_1x8x12.zip"
    _, other = said(lambda: engine_network()(*planes(size=(8, 8))))
    assert len(other) == 1
    assert len(kept()) == 2


def test_another_version_of_the_engine_converts_anew_and_clean_removes_the_old(monkeypatch):
    given = planes()
    said(lambda: engine_network()(*given))
    traced.install(monkeypatch, version="10.0")
    assert "openvino 10.0: converted" in said(lambda: engine_network()(*given))[1][0]
    assert len(kept()) == 2
    (stale,) = clean_engines(dry_run=True)
    assert (stale.kind, "-openvino-9.9-" in stale.where) == ("network", True)
    list(clean_engines())
    assert ["-openvino-10.0-" in one.name for one in kept()] == [True]


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "other"])
def test_a_damaged_file_is_converted_anew_with_a_line(damage):
    given = planes()
    said(lambda: engine_network()(*given))
    (file,) = kept()
    content = bytearray(file.read_bytes())
    if damage == "flipped":
        content[len(content) // 3] ^= 255
    wrong = {"cut": content[: len(content) // 2], "flipped": content, "empty": b""}
    if damage == "other":  # whole, but of other weights
        other = Small().eval()
        nn.init.ones_(other.layer.weight)
        file.unlink()
        said(lambda: engine_network(other)(*given))
    else:
        file.write_bytes(wrong[damage])
    found, lines = said(lambda: engine_network()(*given))
    assert len(lines) == 2
    assert f"{file.name} is damaged (" in lines[0]
    assert "; converted again." in lines[0]
    torch.testing.assert_close(found.image, Small().eval()(*given).image)
    assert said(lambda: engine_network()(*given))[1] == []


def test_a_trace_that_keeps_the_first_hole_is_refused():
    with pytest.raises(
        ExternalError, match=r"^region: run by openvino 9.9, its output differs by 1 "
    ):
        engine_network(Region().eval(), name="region")(*planes())
    assert kept() == []


@pytest.mark.parametrize("wrong", [2 * TOLERANCE, float("nan")])
def test_an_output_outside_the_tolerance_is_refused(monkeypatch, wrong):
    load = backend._LOAD["openvino"]

    def load_wrong(parts, threads):
        run = load(parts, threads)
        return lambda given: [one + wrong for one in run(given)]

    monkeypatch.setitem(backend._LOAD, "openvino", load_wrong)
    with pytest.raises(
        ExternalError, match=r"differs by (0\.0001|nan) from torch's, more than 5e-05"
    ):
        engine_network()(*planes())
    assert kept() == []


def test_a_network_that_cannot_be_converted_says_so_in_a_line(monkeypatch):
    def fail(flat, given):
        raise RuntimeError("at line 3:\n-- no rule for aten::median\n")

    monkeypatch.setitem(backend._CONVERT, "openvino", fail)
    with pytest.raises(ExternalError) as caught:
        engine_network()(*planes())
    assert str(caught.value) == (
        "small cannot be converted for openvino 9.9 (no rule for aten::median); run it without "
        "--engine"
    )


def test_a_folder_that_cannot_be_written_keeps_nothing_and_says_so(tmp_path):
    (tmp_path / "engines").write_text("a file", encoding="utf-8")
    given = planes()
    found, lines = said(lambda: engine_network()(*given))
    torch.testing.assert_close(found.image, Small().eval()(*given).image)
    assert [line.partition(": ")[2][:9] for line in lines] == [
        "not kept:",
        "converted",
        "not kept:",
    ]


def test_the_engine_gets_torchs_number_of_threads(monkeypatch):
    asked = []
    load = backend._LOAD["openvino"]
    monkeypatch.setitem(
        backend._LOAD,
        "openvino",
        lambda parts, threads: asked.append(threads) or load(parts, threads),
    )
    network, before = engine_network(), torch.get_num_threads()
    try:
        for count in (1, 2, 1):
            torch.set_num_threads(count)
            said(lambda: network(*planes()))
    finally:
        torch.set_num_threads(before)
    assert asked == [1, 2]
