"""benchmarks/gpu.py as a dry run on the CPU; its checks can fail."""

from __future__ import annotations

from pathlib import Path
from time import monotonic
from typing import Any

import pytest
import torch
from torch import Tensor

from benchmark.metrics import METRICS
from benchmarks import gpu
from benchmarks.gpu import ALLOWED, FORMS, Report, backs_off, main, moved, parity, seeded_weights
from benchmarks.models import NETWORKS
from tests.small import SMALL

pytestmark = pytest.mark.filterwarnings("ignore:safepaint.*takes no 64x64")
MODELS = "safepaint,iidnet"


def report(folder: Path) -> Report:
    return Report(out=folder, until=monotonic() + 1000)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("weights")
    return {name: seeded_weights(name, folder, SMALL[name].sizes, 64) for name in ("lama",)}


def test_a_dry_run_goes_through_every_part(tmp_path: Path) -> None:
    assert main(["--out", str(tmp_path), "--dry", "--models", MODELS]) == 0
    said = (tmp_path / "gpu.md").read_text()
    assert "no GPU: a dry run, its times mean nothing" in said
    for heading in ("## cpu against the CPU", "## Table 3 on the samples", "## `--batch-size auto`",
                    "## Training steps per second", "## Seconds per image"):  # fmt: skip
        assert heading in said
    assert "safepaint: out of memory on cpu with 4 at once; continuing with 2" in said
    for form in FORMS[:-1]:  # no compiler in a dry run
        for name in MODELS.split(","):
            assert f"| {name} | {form} | 1 |" in said
            assert f"| {name} | {form} | 2 |" in said
    assert "| safepaint | mini | 8 | 64 |" in said
    assert said.endswith("0 checks failed: none\n")
    assert "Not reached" not in said


def test_what_the_time_does_not_reach_is_named(tmp_path: Path) -> None:
    words = ["--out", str(tmp_path), "--dry", "--models", "lama", "--seconds", "0"]
    assert main(words) == 0
    said = (tmp_path / "gpu.md").read_text()
    for what in ("parity of lama", "the run of Table 3", "training of safepaint, mini",
                 "lama, bf16, batch 2"):  # fmt: skip
        assert f"Not reached in 0 s: {what}" in said


def test_an_answer_beyond_the_tolerance_fails(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, calls = gpu.ask, []

    def other(name: str, model: Any, batch: int, side: int) -> Tensor:
        calls.append(name)
        return ask(name, model, batch, side) + (0.01 if len(calls) == 2 else 0.0)

    monkeypatch.setattr(gpu, "ask", other)
    found = report(tmp_path)
    parity(found, files, "cpu", 64)
    assert found.failed == ["lama on cpu"]
    assert "FAILS" in found.lines[-1]


def test_seeded_answers_are_no_constants(files: dict[str, Path]) -> None:
    answer = gpu.ask("lama", gpu.create("lama", files["lama"], "cpu"), 1, 64)
    assert float(answer.std()) > 1e-3
    assert set(NETWORKS) <= set(SMALL)


def written(folder: Path, auc: str, acc: str) -> Path:
    heads = "dataset,launder,detector,inpainter,retouch,mask_ratio_percent,metric,value"
    rows = [f"samples,,trufor,lama,,30-40,{name},{value}" for name, value in
            (("auc", auc), ("acc", acc))]  # fmt: skip
    path = folder / f"{auc}-{acc}.csv"
    path.write_text("\n".join([heads, *rows]) + "\n")
    return path


def test_numbers_that_moved_are_named(tmp_path: Path) -> None:
    first = written(tmp_path, "0.500000", "0.500000")
    assert list(moved(first, written(tmp_path, "0.509000", "0.625000"))) == []
    found = list(moved(first, written(tmp_path, "0.511000", "0.750000")))
    assert found == [
        "samples trufor lama 30-40 auc: 0.500000 became 0.511000",
        "samples trufor lama 30-40 acc: 0.500000 became 0.750000",
    ]
    assert list(moved(first, written(tmp_path, "", "0.500000"))) == [
        "samples trufor lama 30-40 auc: 0.500000 became a gap"
    ]
    assert set(ALLOWED) <= set(METRICS)


def test_a_batch_that_is_not_halved_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    results = written(tmp_path, "0.500000", "0.500000")
    monkeypatch.setattr(gpu, "of_run", lambda *_, **__: results)  # nothing runs out of memory
    found = report(tmp_path)
    backs_off(found, None, results, "cpu", tmp_path)  # type: ignore[arg-type]
    assert found.failed == ["a batch was halved"]


def test_a_form_that_cannot_be_had_is_a_reason_in_the_table(
    files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")

    monkeypatch.setattr(gpu, "in_form", refused)
    from argparse import Namespace

    options = Namespace(forms=("bf16",), batches=(1,), runs=1, side=64, device="cpu")
    found = report(tmp_path)
    gpu.speed(found, files, {}, options)
    assert found.lines[-1] == (
        "| lama | bf16 | 1 | - | - | CUDA out of memory. Tried to allocate 2 GiB |"
    )
