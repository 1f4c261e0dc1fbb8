"""Networks give the same bytes in worker processes as in the main process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.cli.conftest import Bench

WORDS = ("run", "--inpainter", "safepaint,lama", "--detector", "trufor", "--limit", "1",
         "--size", "128", "--buckets", "10-20,50-60")  # fmt: skip


@pytest.fixture
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.mark.slow
@pytest.mark.usefixtures("one_thread")
def test_mini_networks_answer_the_same_in_worker_processes(bench: Bench) -> None:
    for name, more in (("serial", ()), ("processes", ("--executor", "processes", "--workers", 2))):
        result = bench(*WORDS, *more, "--out", name, "--store", f"{name}-store")
        assert result.exit_code == 0, result.output
    for name in ("results.csv", "samples.csv", "table.md"):
        assert Path("serial", name).read_bytes() == Path("processes", name).read_bytes()
    files = sorted(path.relative_to("serial-store") for path in Path("serial-store").rglob("*.png"))
    assert files
    for file in files:
        one, other = (Path(name, file).read_bytes() for name in ("serial-store", "processes-store"))
        assert one == other
