"""The machine in record.json, and `--reproducible`."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from benchmark.core.errors import BadInput
from benchmark.core.processor import available_cores, processor
from benchmark.runner.machine import machine_of, make_reproducible

X86 = platform.machine().lower() in ("x86_64", "amd64")


def test_a_run_that_computed_records_threads_and_instruction_set() -> None:
    found = machine_of("cpu", 3)
    assert found["threads"] == 3
    assert found["instruction_set"] == torch.backends.cpu.get_cpu_capability()
    assert found["cores"] == available_cores() >= 1
    assert found["processor"] == processor() != ""
    assert "gpu" not in found


def test_a_cached_run_records_nothing_about_torch() -> None:
    found = machine_of("cpu", None)
    assert (found["threads"], found["instruction_set"]) == (None, None)


def test_a_gpu_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.get_device_name", lambda name: f"made-up GPU at {name}")
    found = machine_of("cuda:0,cuda:1", 1)
    assert found["gpu"]["cuda:1"] == "made-up GPU at cuda:1"
    assert {"cuda", "cudnn"} <= set(found)


@pytest.mark.parametrize(
    ("device", "executor", "reason"),
    [
        ("cuda:0", None, "--device cpu"),
        ("cpu", "ray", "every node"),
        ("cpu", "serial", "after torch is loaded"),  # these tests have loaded torch
    ],
)
def test_reproducible_refuses_other_devices(device: str, executor: str | None, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        make_reproducible(device, executor)


def test_reproducible_sets_threads_and_kernels(tmp_path: Path) -> None:
    words = ("run", "--inpainter", "safepaint", "--detector", "none", "--metrics", "psnr",
             "--limit", "1", "--size", "64", "--buckets", "10-20", "--out", "out",
             "--reproducible")  # fmt: skip
    fresh = {key: value for key, value in os.environ.items() if not key.endswith("NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", "from benchmark.cli import main; main()", *words],
        cwd=tmp_path,
        env=fresh,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Reproducible: one thread" in done.stderr
    machine = json.loads((tmp_path / "out" / "record.json").read_text())["machine"]
    assert machine["threads"] == 1
    assert machine["environment"]["OMP_NUM_THREADS"] == "1"
    assert machine["instruction_set"] == "AVX2" or not X86
