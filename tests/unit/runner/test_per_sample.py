"""One sample's failure is that sample's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch

from benchmark.core.errors import BadInput, BadOutput, OutputError
from benchmark.runner.per_sample import call_per_sample


def odd_fail(error: BaseException) -> tuple[list[int], object]:
    asked: list[int] = []

    def call(items: Sequence[int]) -> list[int]:
        asked.append(len(items))
        if any(item % 2 for item in items):
            raise error
        return [10 * item for item in items]

    return asked, call


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (BadOutput("answered NaN"), "answered NaN"),
        (BadInput("images: expected sides of at least 64, got 8x8"), "at least 64, got 8x8"),
        (ValueError("even sides"), r"raised ValueError: even sides \(.*test_each.py:\d+\)"),
        (RuntimeError("shapes cannot be multiplied"), "raised RuntimeError: shapes cannot"),
        (KeyError("x"), "raised KeyError: 'x'"),
        (SystemExit(3), "raised SystemExit: 3"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_others_are_answered(error: BaseException, said: str, tmp_path: Path) -> None:
    import re

    asked, call = odd_fail(error)
    found = call_per_sample(call, [2, 3, 4], model="m", logs=tmp_path / "logs")
    assert (found[0], found[2]) == (20, 40)
    assert isinstance(found[1], BadOutput)
    assert re.search(said, str(found[1]))
    assert asked == [3, 1, 1, 1]
    log = tmp_path / "logs/m.log"
    assert log.exists() == (said.startswith("raised"))  # a traceback, where it is a program's fault
    if log.exists():
        assert "Traceback" in log.read_text()


def test_all_answers_at_once_cost_one_call() -> None:
    asked, call = odd_fail(ValueError())
    assert call_per_sample(call, [2, 4], model="m") == [20, 40]
    assert asked == [2]


def test_an_answer_too_few_is_no_answer() -> None:
    found = call_per_sample(lambda items: [1] * (len(items) - 1), [5, 6], model="m")
    assert [str(one) for one in found] == ["m: expected 1 answers, it gave 0"] * 2


@pytest.mark.parametrize(
    "error", [OutputError("disk full"), torch.OutOfMemoryError("CUDA"), KeyboardInterrupt()]
)
def test_what_all_would_fail_of_ends_the_run(error: BaseException) -> None:
    def call(_: Sequence[int]) -> list[int]:
        raise error

    with pytest.raises(type(error)):
        call_per_sample(call, [1, 2], model="m")
