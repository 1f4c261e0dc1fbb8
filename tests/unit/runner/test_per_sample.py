"""A sample that fails does not affect the others."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from benchmark.core.errors import BadInput, BadOutput, OutputError
from benchmark.runner.per_sample import call_per_sample


def odd_fail(error: BaseException) -> tuple[list[int], object]:
    sizes: list[int] = []

    def call(items: Sequence[int]) -> list[int]:
        sizes.append(len(items))
        if any(item % 2 for item in items):
            raise error
        return [10 * item for item in items]

    return sizes, call


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BadOutput("answered NaN"), "answered NaN"),
        (BadInput("images: expected sides of at least 64, got 8x8"), "at least 64, got 8x8"),
        (ValueError("even sides"), r"raised ValueError: even sides \(.*test_per_sample.py:\d+\)"),
        (RuntimeError("shapes cannot be multiplied"), "raised RuntimeError: shapes cannot"),
        (KeyError("x"), "raised KeyError: 'x'"),
        (SystemExit(3), "raised SystemExit: 3"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_others_have_results(error: BaseException, message: str, tmp_path: Path) -> None:
    import re

    sizes, call = odd_fail(error)
    found = call_per_sample(call, [2, 3, 4], model="m", logs=tmp_path / "logs")
    assert (found[0], found[2]) == (20, 40)
    assert isinstance(found[1], BadOutput)
    assert re.search(message, str(found[1]))
    assert sizes == [3, 1, 1, 1]
    log = tmp_path / "logs/m.log"
    assert log.exists() == message.startswith("raised")  # a traceback if the model raised
    if log.exists():
        assert "Traceback" in log.read_text()


def test_one_call_if_nothing_fails() -> None:
    sizes, call = odd_fail(ValueError())
    assert call_per_sample(call, [2, 4], model="m") == [20, 40]
    assert sizes == [2]


def test_a_missing_result_is_a_failure() -> None:
    found = call_per_sample(lambda items: [1] * (len(items) - 1), [5, 6], model="m")
    assert [str(one) for one in found] == ["m: expected 1 results, got 0"] * 2


@pytest.mark.parametrize(
    "error", [OutputError("disk full"), torch.OutOfMemoryError("CUDA"), KeyboardInterrupt()]
)
def test_errors_that_concern_all_samples_end_the_run(error: BaseException) -> None:
    def call(_: Sequence[int]) -> list[int]:
        raise error

    with pytest.raises(type(error)):
        call_per_sample(call, [1, 2], model="m")
