"""`bench list`, `bench show` and `bench weights`: text and JSON."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmark.core.checkpoints.resolve import mini_path
from detectors import DETECTORS
from inpainters import INPAINTERS
from tests.cli.conftest import Bench

MODELS = [(name, registry) for registry in (INPAINTERS, DETECTORS) for name in registry]


def test_list_names_everything(bench: Bench) -> None:
    found = json.loads(bench("list", "--json").stdout)
    assert {entry["name"] for entry in found["inpainters"]} >= {
        "safepaint", "original", "meanfill", "telea", "navierstokes", "shiftmap",
    }  # fmt: skip
    assert {entry["name"] for entry in found["detectors"]} >= {"trufor", "chance", "flatness"}
    assert {entry["name"] for entry in found["metrics"]} >= {
        "auc", "f1", "acc", "psnr", "ssim", "lpips",
    }  # fmt: skip
    assert {entry["name"] for entry in found["datasets"]} == {
        "samples", "folder", "places2", "paris-street-view", "celeba",
    }  # fmt: skip
    assert [entry["name"] for entry in found["plans"]] == [
        "classics", "controls", "mini", "paper", "splice",
        *(f"table{number}" for number in range(1, 7)),
    ]  # fmt: skip
    text = bench("list").stdout
    for name in ("safepaint", "trufor", "GRIP-UNINA"):
        assert name in text


def test_show_prints_the_card(bench: Bench) -> None:
    text = bench("show", "trufor").stdout
    for word in (
        "https://arxiv.org/abs/2212.10957", "trufor.pth.tar", "nonprofit", "its own detection head",
        "TruFor_weights.zip", "MD5 of its archive", "68,697,421", "G for a 256x256 image",
        "trufor.md",
    ):  # fmt: skip
        assert word in text
    assert "†" not in text
    assert "†" in bench("show", "flatness").stdout
    card = json.loads(bench("show", "safepaint", "--json").stdout)
    assert card["kind"] == "inpainter"
    assert [entry["edition"] for entry in card["weights"]] == ["mini"]
    assert len(card["weights"][0]["sha256"]) == 64


def test_show_of_nobody_offers_the_near_name(bench: Bench) -> None:
    result = bench("show", "trufro")
    assert result.exit_code == 2
    assert "Did you mean 'trufor'" in result.stderr


def test_weights_lists_source_license_and_state(bench: Bench) -> None:
    entries = json.loads(bench("weights", "--json").stdout)
    found = {(entry["name"], entry["file"]): entry for entry in entries}
    published = found["trufor", "trufor.pth.tar"]
    assert published["state"] == "missing"
    assert "grip-unina" in published["source"]
    assert "nonprofit" in published["licence"]
    assert published["checksum"] == "MD5 of its archive"
    assert found["alexnet", "alexnet-owt-7be5be79.pth"]["state"] == "missing"
    shipped = {name for (name, _), entry in found.items() if entry["state"] == "shipped"}
    assert shipped == {name for name, registry in MODELS if mini_path(registry.card(name))}
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


def test_add_takes_a_folder(bench: Bench, tmp_path: Path) -> None:
    result = bench("weights", "add", "edgeconnect", str(tmp_path))
    assert result.exit_code == 2
    assert "expected EdgeModel_gen.pth, InpaintingModel_gen.pth in this folder" in result.stderr


def test_list_is_quick_and_loads_no_torch() -> None:
    program = (
        "import sys\n"
        "from benchmark.listing import card_text, listing_text\n"
        "listing_text(), card_text('psccnet')\n"
        "sys.exit('torch' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
