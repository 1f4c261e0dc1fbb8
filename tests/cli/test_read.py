"""`bench list`, `bench show` and `bench weights`: for a reader and for machines."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Bench


def test_list_names_everything(bench: Bench) -> None:
    found = json.loads(bench("list", "--json").stdout)
    assert {entry["name"] for entry in found["inpainters"]} >= {
        "safepaint", "original", "meanfill", "telea", "navierstokes", "shiftmap",
    }  # fmt: skip
    assert {entry["name"] for entry in found["detectors"]} >= {"trufor", "chance", "flatness"}
    assert {entry["name"] for entry in found["metrics"]} >= {
        "auc", "f1", "acc", "psnr", "ssim", "lpips",
    }  # fmt: skip
    assert {entry["name"] for entry in found["datasets"]} == {"samples", "folder"}
    text = bench("list").stdout
    for name in ("safepaint", "trufor", "GRIP-UNINA"):
        assert name in text


def test_show_prints_the_card(bench: Bench) -> None:
    text = bench("show", "trufor").stdout
    for word in ("https://arxiv.org/abs/2212.10957", "trufor.pth.tar", "nonprofit", "its own head"):
        assert word in text
    assert "†" in bench("show", "flatness").stdout
    assert json.loads(bench("show", "safepaint", "--json").stdout)["kind"] == "inpainter"


def test_show_of_nobody_offers_the_near_name(bench: Bench) -> None:
    result = bench("show", "trufro")
    assert result.exit_code == 2
    assert "Did you mean 'trufor'" in result.stderr


def test_weights_lists_source_licence_and_state(bench: Bench) -> None:
    entries = json.loads(bench("weights", "--json").stdout)
    found = {(entry["name"], entry["file"]): entry for entry in entries}
    published = found["trufor", "trufor.pth.tar"]
    assert published["state"] == "missing"
    assert "grip-unina" in published["source"]
    assert "nonprofit" in published["licence"]
    assert found["alexnet", "alexnet-owt-7be5be79.pth"]["state"] == "missing"
    assert "not published" in bench("weights").stdout


@pytest.mark.parametrize("name", ["trufor", "alexnet"])
def test_fetch_asks_before_it_downloads(bench: Bench, name: str) -> None:
    result = bench("weights", "fetch", name)  # no answer on standard input
    assert result.exit_code == 1
    assert "Do you accept" in result.output


def test_add_of_a_missing_file_is_one_line(bench: Bench) -> None:
    result = bench("weights", "add", "trufor", "gone.pth.tar")
    assert result.exit_code == 2
    assert "gone.pth.tar: no such file" in result.stderr
