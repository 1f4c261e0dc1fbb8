"""`bench verify`: reference outputs, stored outputs, differences and errors."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from benchmark.core.checkpoints.resolve import mini_path
from benchmark.listing import MODELS
from benchmark.verify.stored import SHIPPED, read_answers
from inpainters import INPAINTERS
from tests.cli.conftest import Bench
from tests.parity.goldens import GOLDENS, needs_goldens

MINI = mini_path(INPAINTERS.card("safepaint"))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Path:
    """Goldens of nobody but IID-Net, without a case: none is played."""
    folder = tmp_path / "goldens"
    (folder / "iidnet").mkdir(parents=True)
    (folder / "iidnet" / "manifest.json").write_text("{}")
    return folder


def small_goldens(folder: Path, **changed: object) -> Path:
    """IID-Net's smallest case, with some arrays changed."""
    with np.load(GOLDENS / "iidnet" / "case3.npz") as file:
        arrays = {name: file[name] for name in file.files}
    (folder / "iidnet").mkdir(exist_ok=True, parents=True)
    shutil.copy(GOLDENS / "iidnet" / "manifest.json", folder / "iidnet" / "manifest.json")
    np.savez(folder / "iidnet" / "case3.npz", **{**arrays, **changed})
    return folder


@needs_goldens
def test_a_golden_that_holds(bench: Bench, tmp_path: Path) -> None:
    result = bench("verify", "iidnet", "--goldens", small_goldens(tmp_path / "goldens"))
    assert result.exit_code == 0, result.output
    golden, weights = result.stdout.splitlines()
    assert golden.startswith("ok        iidnet reference output case3: at most ")
    assert weights.startswith("ok        iidnet mini weights: at most ")


@needs_goldens
def test_a_golden_that_drifted_names_the_first_tap_in_the_network_s_order(
    bench: Bench, tmp_path: Path
) -> None:
    with np.load(GOLDENS / "iidnet" / "case3.npz") as file:
        moved = {name: file[name] + 0.5 for name in ("heatmap", "tap_logit", "tap_cell10")}
    goldens = small_goldens(tmp_path / "goldens", **moved)
    result = bench("verify", "iidnet", "--goldens", goldens, "--json")
    assert result.exit_code == 1, result.output
    check = json.loads(result.stdout)[0]
    assert (check["state"], check["point"]) == ("drifted", "tap_cell10")
    assert check["error"] == pytest.approx(0.5, abs=1e-3)
    assert check["allowed"] < 0.1


@needs_goldens
def test_a_golden_whose_weights_do_not_load_has_drifted(bench: Bench, tmp_path: Path) -> None:
    goldens = small_goldens(tmp_path / "goldens")
    manifest = json.loads((goldens / "iidnet" / "manifest.json").read_text())
    manifest["parts"]["iidnet"].pop()
    (goldens / "iidnet" / "manifest.json").write_text(json.dumps(manifest))
    result = bench("verify", "iidnet", "--goldens", goldens)
    assert result.exit_code == 1, result.output
    assert "1 missing" in result.stdout


def test_the_shipped_weights_answer_what_they_answered(bench: Bench, elsewhere: Path) -> None:
    """The regression test on pretrained weights: every edition that ships has a stored answer."""
    shipped = [name for kind in MODELS for name in kind if mini_path(kind.card(name))]
    assert {"safepaint", "trufor"} <= set(shipped)
    result = bench("verify", "--goldens", elsewhere, "--json")
    assert result.exit_code == 0, result.output
    states = {c["model"]: c["state"] for c in json.loads(result.stdout) if "mini" in c["what"]}
    assert states == dict.fromkeys(shipped, "ok")
    assert "traceback" not in result.output.lower()


def test_what_was_recorded_is_compared(bench: Bench, elsewhere: Path, tmp_path: Path) -> None:
    file = tmp_path / "kept" / "answers.json"
    result = bench("verify", "safepaint", "--record", "--answers", file)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("recorded  safepaint mini weights: in ")
    words = ("verify", "safepaint", "--goldens", elsewhere, "--answers", file)
    assert bench(*words).exit_code == 0

    kept = json.loads(file.read_text())
    seen = kept["answers"][0]["seen"]["256x256"]
    for tap in ("fine_generator.encoder", "fine_generator"):
        seen["taps"][tap][3] *= 1.1
    seen["outputs"]["filled"][0] += 0.01
    file.write_text(json.dumps(kept))
    result = bench(*words)
    assert result.exit_code == 1, result.output
    assert "the first point that moved: " in result.stdout
    assert "off at fine_generator.encoder (256x256)" in result.stdout


def test_other_weights_have_no_stored_answer(bench: Bench, elsewhere: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.safetensors"
    with safe_open(MINI, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(MINI)
    name = next(name for name in tensors if name.endswith("bias"))
    save_file({**tensors, name: tensors[name] + 0.1}, own, metadata=metadata)
    words = ("safepaint", "--weights", f"safepaint={own}")
    result = bench("verify", *words, "--goldens", elsewhere)
    assert result.exit_code == 2
    assert "no stored answer; 'bench verify --record safepaint' stores it" in result.stdout
    assert bench("verify", *words, "--record").exit_code == 0
    result = bench("verify", *words, "--goldens", elsewhere)
    assert result.exit_code == 0, result.output
    assert "ok        safepaint sha256:" in result.stdout


def test_other_weights_than_those_recorded_have_drifted(
    bench: Bench, elsewhere: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.safetensors"
    with safe_open(MINI, framework="pt") as file:
        metadata = file.metadata()
    tensors = load_file(MINI)
    name = next(name for name in tensors if name.endswith("bias"))
    save_file({**tensors, name: tensors[name] + 0.1}, own, metadata=metadata)
    kept = ("--answers", tmp_path / "answers.json")
    assert bench("verify", "safepaint", "--record", *kept).exit_code == 0
    words = ("safepaint", "--weights", f"safepaint={own}", "--goldens", elsewhere)
    result = bench("verify", *words, *kept)
    assert result.exit_code == 1, result.output
    assert "drifted   safepaint sha256:" in result.stdout
    assert "other weights, sha256 " in result.stdout


def test_the_shipped_answers_say_what_they_are_of() -> None:
    for (name, revision, digest, _), answer in read_answers(SHIPPED).items():
        assert (answer.name, answer.revision, answer.sha256) == (name, revision, digest)
        assert answer.edition == "mini"
        assert answer.torch.startswith("2.")
        assert list(answer.seen) == ["256x256", "181x237"]


def test_installed_weights_that_were_altered_have_drifted(
    bench: Bench, elsewhere: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "home" / "weights" / "trufor"
    folder.mkdir(parents=True)
    (folder / "trufor.pth.tar").write_bytes(b"something else")
    result = bench("verify", "trufor", "--goldens", elsewhere)
    assert result.exit_code == 1, result.output
    assert "drifted   trufor official weights" in result.stdout
    assert "not the file that was installed" in result.stdout


@pytest.mark.usefixtures("no_minis")
@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("safepiant",), "Did you mean 'safepaint'"),
        (("lama", "--weights", "lama=nowhere.ckpt"), "nowhere.ckpt"),
        (("lama", "--weights", "trufor=mini"), "trufor is not among the models to verify"),
        (("lama", "--weights", "lama"), "MODEL=official|mini|PATH"),
        (("lama", "--answers", "gone.json"), "gone.json: no such file"),
        (("lama", "--answers", "bad.json"), "bad.json: no stored answers, or damaged"),
        (("lama", "--record", "--answers", "bad.json"), "bad.json: no stored answers"),
        (("lama", "--record", "--goldens", "."), "cannot be combined with --goldens"),
        (("lama", "--record"), "nothing could be checked"),
        (("telea",), "nothing could be checked"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_a_mistake_is_one_line(
    bench: Bench, elsewhere: Path, words: tuple[str, ...], said: str
) -> None:
    Path("bad.json").write_text('{"answers": [{"name": 1}]}')
    goldens = () if "--goldens" in words or "--record" in words else ("--goldens", elsewhere)
    result = bench("verify", *words, *goldens)
    assert result.exit_code == 2, result.output
    lines = [line for line in result.stderr.splitlines() if line.startswith("Error:")]
    assert len(lines) == 1, result.output
    assert said in lines[0]


def test_a_folder_without_goldens(bench: Bench, tmp_path: Path) -> None:
    result = bench("verify", "lama", "--goldens", tmp_path)
    assert result.exit_code == 2
    assert "holds no reference outputs" in result.stderr


def test_a_damaged_golden_is_one_line(bench: Bench, elsewhere: Path) -> None:
    (elsewhere / "iidnet" / "case1.npz").write_bytes(b"no archive")
    result = bench("verify", "iidnet", "--goldens", elsewhere)
    assert result.exit_code == 2
    assert "case1.npz: no reference output, or a damaged one" in result.stderr
